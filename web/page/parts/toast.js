// Short messages at the bottom of the page, read aloud by screen readers.
import { icon, make } from "./dom.js";

const SECONDS = 9;

/** Says one sentence. `action` is a button: {label, run}. Failures stay until they are closed. */
export const toast = (text, { action = null, stays = false } = {}) => {
  const host = document.getElementById("toasts");
  // The same sentence does not stand twice.
  for (const old of host.children) if (old.firstChild.textContent === text) old.remove();
  const box = make("div", { class: "toast" }, make("p", {}, text));
  const close = () => box.remove();
  if (action) {
    box.append(make("button", { type: "button", on: { click: () => {
      close();
      action.run();
    } } }, action.label));
  }
  box.append(make("button", { type: "button", class: "icon", "aria-label": "Close",
    on: { click: close } }, icon("close")));
  host.append(box);
  while (host.children.length > 3) host.firstChild.remove();
  if (!stays && !action) setTimeout(close, SECONDS * 1000);
  return close;
};

/** Says what went wrong. Anything that is no error of ours is told by its own message. */
export const failed = (error) => {
  console.warn(error);
  return toast(error?.message || String(error), { stays: true });
};
