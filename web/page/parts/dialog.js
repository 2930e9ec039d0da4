// A dialog with a heading and a button that closes it. The browser keeps the focus inside.
import { icon, make } from "./dom.js";

/** Opens a dialog. Returns {element, close, closed}. */
export const dialog = (title, ...content) => {
  const before = document.activeElement;
  const heading = make("h2", { id: "dialog-title" }, title);
  const element = make("dialog", { "aria-labelledby": "dialog-title" },
    make("header", {}, heading, make("button", { type: "button", class: "icon quiet",
      "aria-label": "Close", on: { click: () => element.close() } }, icon("close"))),
    make("div", { class: "inner" }, ...content));
  const closed = new Promise((resolve) => {
    element.addEventListener("close", () => {
      element.remove();
      if (before?.isConnected) before.focus();
      resolve();
    });
  });
  // A click beside the dialog closes it.
  element.addEventListener("click", (event) => {
    if (event.target === element) element.close();
  });
  document.body.append(element);
  element.showModal();
  return { element, close: () => element.close(), closed };
};
