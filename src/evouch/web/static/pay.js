// The payment page follows the server's events. Numbers are put in place; a new state loads the page again.
// Without this script the page refreshes itself.
"use strict";

const { events, stage } = document.body.dataset;
const source = new EventSource(events);

source.addEventListener("view", (event) => {
  const news = JSON.parse(event.data);
  if (news.stage !== stage) {
    source.close();
    location.reload();
    return;
  }
  const numbers = document.getElementById("numbers");
  if (numbers && news.numbers) numbers.innerHTML = news.numbers;
});

// Where events do not pass (some proxies), look again now and then.
source.addEventListener("error", () => {
  if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
});
