// The result beside the drawing, or swiped over it, with its latency.
import { download, icon, make, paint, png } from "../parts/dom.js";
import { swipe } from "../parts/swipe.js";
import { failed } from "../parts/toast.js";
import { median } from "./follow.js";

/** The card with the result. */
export class Result {
  #before = make("canvas", { class: "picture", "aria-hidden": "true" });
  #after = make("canvas", { class: "picture", role: "img", "aria-label": "Result" });
  #told = make("p", { class: "told muted", role: "status" });
  #latency = make("p", { class: "latency muted small" });
  #median = median();
  #name = "result";

  constructor({ reroll }) {
    this.#swipe = swipe(this.#before, this.#after, { label: "Drawing to result" });
    this.#swipe.classList.add("off");
    this.reroll = make("button", { type: "button", hidden: true, on: { click: reroll } },
      icon("dice"), "Roll again");
    this.save = make("button", { type: "button", disabled: true,
      on: { click: () => this.#save() } }, icon("save"), "PNG");
    this.element = make("section", { class: "card pane result", "aria-label": "Result" },
      make("div", { class: "pane-head row" }, make("h2", { class: "grow" }, "Result"),
        this.#modes(), this.reroll, this.save),
      make("div", { class: "square" }, this.#swipe, this.#told), this.#latency);
  }

  #swipe;

  #modes() {
    const buttons = [["Side", true], ["Swipe", false]].map(([label, side]) =>
      make("button", { type: "button", "aria-pressed": String(side), on: { click: () => {
        this.#swipe.classList.toggle("off", side);
        for (const one of buttons) {
          one.setAttribute("aria-pressed", String(one.textContent === label));
        }
      } } }, label));
    return make("div", { class: "segments", role: "group", "aria-label": "How it is shown" },
      buttons);
  }

  /** Another model: its times are its own. */
  model(name, dropout) {
    [this.#name, this.#median] = [name, median()];
    this.reroll.hidden = !dropout;
    this.#latency.textContent = "";
  }

  /** A result with the input that it is of. */
  show(input, pixels, milliseconds) {
    paint(this.#before, input);
    paint(this.#after, pixels);
    this.tell("");
    const middle = this.#median(milliseconds);
    this.#latency.textContent = `${Math.round(milliseconds)} ms · median ${Math.round(middle)} ms`;
    this.#shown();
  }

  /** A stored result. */
  stored(input, image, told) {
    paint(this.#before, input);
    [this.#after.width, this.#after.height] = [image.width, image.height];
    this.#after.getContext("2d").drawImage(image, 0, 0);
    this.tell("");
    this.#latency.textContent = told;
    this.#shown();
  }

  #shown() {
    this.#swipe.hidden = false;
    this.save.disabled = false;
  }

  /** Says something in place of a picture, or over the old one. */
  tell(text) {
    this.#told.textContent = text;
    this.#told.hidden = text === "";
  }

  /** No picture. */
  clear(text) {
    this.#swipe.hidden = true;
    this.save.disabled = true;
    this.#latency.textContent = "";
    this.tell(text);
  }

  async #save() {
    try {
      download(await png(this.#after), `${this.#name}.png`);
    } catch (error) {
      failed(error);
    }
  }
}
