// Cards turn over by click, Enter or Space (they are buttons); arrow keys go from one to the next.
const cards = [...document.querySelectorAll("button.card")];
const heard = document.querySelector("#heard");
const turnAll = document.querySelector("#turn-all");

function turn(card, answer) {
  card.setAttribute("aria-pressed", String(answer));
  card.querySelector(".front").setAttribute("aria-hidden", String(answer));
  card.querySelector(".back").setAttribute("aria-hidden", String(!answer));
}

function isTurned(card) {
  return card.getAttribute("aria-pressed") === "true";
}

for (const [place, card] of cards.entries()) {
  card.addEventListener("click", () => {
    turn(card, !isTurned(card));
    heard.textContent = card.querySelector(isTurned(card) ? ".back" : ".front").textContent;
  });
  card.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    cards[(place + step + cards.length) % cards.length].focus();
  });
}

turnAll.addEventListener("click", () => {
  const answer = !cards.every(isTurned);
  cards.forEach((card) => turn(card, answer));
  heard.textContent = answer ? "All cards show their answers." : "All cards show their questions.";
});
