// The display follows the server's events; buttons do not reload the page.
// What changed is patched into what is there, so that the code never flickers.
"use strict";

function patch(old, now) {
  if (old.isEqualNode(now)) return;
  if (old.nodeName !== now.nodeName || old.nodeType !== Node.ELEMENT_NODE || old.classList.contains("paper")) {
    old.replaceWith(now);
    return;
  }
  for (const { name } of [...old.attributes]) if (!now.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of now.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const [before, after] = [[...old.childNodes], [...now.childNodes]];
  after.forEach((node, place) => (place < before.length ? patch(before[place], node) : old.append(node)));
  before.slice(after.length).forEach((node) => node.remove());
}

function show(markup) {
  const fresh = new DOMParser().parseFromString(markup, "text/html").getElementById("live");
  if (fresh) patch(document.getElementById("live"), document.adoptNode(fresh));
}

const events = new EventSource(document.body.dataset.events);
events.addEventListener("screen", (event) => show(event.data));

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const body = new URLSearchParams(new FormData(event.target));
  fetch(event.target.action, { method: "POST", headers: { Accept: "application/json" }, body });
});
