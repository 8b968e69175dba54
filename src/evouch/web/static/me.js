// A driver's phone. Every page works without this script; it spares him a few taps.
"use strict";

// A personal link carries the token behind "#": put it into the form, and out of the address bar.
const token = document.querySelector("input[name=token]");
function take() {
  if (!token || location.hash.length < 2) return;
  token.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  document.body.classList.add("linked");
  document.querySelector("button.main").focus();
}
take();
addEventListener("hashchange", take);

// Where something goes on by itself, look again and put what is new in its place. The page says how soon.
let again = Number(document.body.dataset.again);
const live = document.getElementById("live");
async function look() {
  if (document.hidden || live.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.pathname, { redirect: "manual" });
    if (answer.type === "opaqueredirect") location.reload(); // the login has ended
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const news = page.getElementById("live");
    again = Number(page.body.dataset.again) || again;
    if (answer.ok && news && news.innerHTML !== live.innerHTML) live.innerHTML = news.innerHTML;
  } catch {
    // no connection just now: the next look may have one
  }
}
function wait() {
  setTimeout(() => look().finally(wait), again * 1000);
}
if (again && live) wait();

// Where the phone is, only at a tap.
const place = document.getElementById("place");
if (place && navigator.geolocation) {
  place.hidden = false;
  const button = place.querySelector("button");
  const said = place.querySelector("[role=status]");
  place.addEventListener("submit", (event) => {
    event.preventDefault();
    button.disabled = true;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        place.latitude.value = coords.latitude.toFixed(5);
        place.longitude.value = coords.longitude.toFixed(5);
        place.accuracy.value = Math.ceil(coords.accuracy);
        place.submit();
      },
      () => {
        button.disabled = false;
        said.textContent = "Your phone did not say where it is.";
      },
      { enableHighAccuracy: true, timeout: 20000, maximumAge: 60000 },
    );
  });
}
