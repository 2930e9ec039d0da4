// Other models on the same drawing, beside the chosen one.
import { make, paint } from "../parts/dom.js";
import { follower } from "./follow.js";

/** Models beside the chosen one. */
const MOST = 2;

/** Pixels in the size that a model takes. */
const fitted = (pixels, { width, height }) => {
  if (pixels.width === width && pixels.height === height) return pixels;
  const from = make("canvas");
  paint(from, pixels);
  const to = make("canvas", { width, height });
  const context = to.getContext("2d");
  context.drawImage(from, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
};

/** One model beside the chosen one. */
class Place {
  model = null;
  #asked = 0;
  #canvas = make("canvas", { class: "picture", role: "img", hidden: true });
  #told = make("p", { class: "muted small", role: "status" });

  constructor(app, at, changed) {
    [this.app, this.at, this.changed] = [app, at, changed];
    this.select = make("select", { on: { change: () => this.#choose() } });
    this.element = make("section", { class: "card", "aria-label": `Model ${at + 2}` },
      make("label", {}, make("span", { class: "unseen" }, `Model ${at + 2}`), this.select),
      this.#canvas, this.#told);
    this.list();
  }

  /** The models as the engine has them now. The chosen one stays. */
  list() {
    const { value } = this.select;
    this.select.replaceChildren(make("option", { value: "" }, "none"),
      ...this.app.models.map(({ id, title }) => make("option", { value: id }, title)));
    this.select.value = value;
    if (this.select.selectedIndex < 0) this.select.value = "";
  }

  async #choose() {
    const id = this.select.value;
    this.#asked += 1;
    const asked = this.#asked;
    this.model = null;
    this.#canvas.hidden = true;
    this.#told.textContent = id ? "Opening …" : "";
    if (!id) return;
    try {
      const model = await this.app.engine.open(id);
      // Another one may have been chosen meanwhile.
      if (asked !== this.#asked) return;
      this.model = model;
      this.#canvas.setAttribute("aria-label", `Result of ${model.title}`);
      this.changed();
    } catch (error) {
      if (asked === this.#asked) this.#told.textContent = error.message;
    }
  }

  async translate(input) {
    const { model } = this;
    if (!model) return;
    try {
      const { pixels, milliseconds } = await this.app.engine.translate(model.id,
        fitted(input, model), { seed: 0 });
      if (model !== this.model) return;
      paint(this.#canvas, pixels);
      this.#canvas.hidden = false;
      this.#told.textContent = `${Math.round(milliseconds)} ms`;
    } catch (error) {
      // A newer picture took its place, and is shown soon.
      if (error.name !== "AbortError") this.#told.textContent = error.message;
    }
  }
}

/** The places beside the result. `present()` gives the drawing. Returns {element, show}. */
export const beside = (app, present) => {
  const follow = follower({
    // One after the other: the chosen model is asked first, and waits for one picture at most.
    run: async (input) => {
      for (const place of places) await place.translate(input);
    },
    done: () => {},
    failed: () => {},
  });
  const ask = (input) => {
    if (places.some(({ model }) => model !== null)) follow.ask(() => input);
  };
  const places = Array.from({ length: MOST }, (_, at) =>
    new Place(app, at, () => ask(present())));
  app.addEventListener("models", () => places.forEach((place) => place.list()));
  const element = make("details", { class: "beside" },
    make("summary", {}, "Other models on this drawing"),
    make("div", { class: "places" }, places.map((place) => place.element)));
  return { element, show: ask };
};
