// Two pictures over each other, with a line between them that moves: by the slider, by its keys,
// and by dragging on the picture. Keys are those of the evaluation's page.
import { make } from "./dom.js";

/** How far one press of an arrow key moves the line of a focused card, in percent. */
const STEP = 2;

/** A swipe of `before` (left) and `after` (right). `label` is read aloud, `caption` is shown. */
export const swipe = (before, after, { label, caption = null }) => {
  const range = make("input", { type: "range", min: 0, max: 100, "aria-label": label });
  range.value = 50;
  const both = make("div", { class: "both" }, before, after,
    make("div", { class: "handle", "aria-hidden": "true" }));
  const box = make("figure", { class: "swipe" }, both, range,
    caption ? make("figcaption", { class: "muted small" }, caption) : null);
  const show = () => both.style.setProperty("--at", `${range.value}%`);
  range.addEventListener("input", show);
  const drag = (event) => {
    if (box.classList.contains("off") || event.buttons === 0) return;
    const { left, width } = both.getBoundingClientRect();
    range.value = Math.min(100, Math.max(0, (100 * (event.clientX - left)) / width));
    show();
  };
  both.addEventListener("pointerdown", (event) => {
    both.setPointerCapture(event.pointerId);
    drag(event);
  });
  both.addEventListener("pointermove", drag);
  return box;
};

/** Arrow keys move the swipe of a focused card, J and K go to the next and the previous card. */
export const cardKeys = (list) => {
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    const card = event.target.closest("article");
    if (["arrowleft", "arrowright"].includes(key) && event.target === card) {
      const range = card.querySelector('.swipe input[type="range"]');
      if (!range) return;
      range.value = Number(range.value) + (key === "arrowleft" ? -STEP : STEP);
      range.dispatchEvent(new Event("input"));
      event.preventDefault();
    }
    if (key !== "j" && key !== "k") return;
    const cards = [...list.querySelectorAll("article")];
    const next = cards.indexOf(card) + (key === "j" ? 1 : -1);
    cards[Math.min(Math.max(next, 0), cards.length - 1)]?.focus();
  });
};
