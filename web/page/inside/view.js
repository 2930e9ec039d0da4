// Look inside: the recorded step as a table and as a drawing, and the feature maps of the present
// picture.
import { make } from "../parts/dom.js";
import { Drawing } from "./drawing.js";
import { showShader } from "./shader.js";
import { stepTable } from "./table.js";

const TABS = [["table", "Table"], ["drawing", "Drawing"], ["maps", "Feature maps"]];

/** Makes the view in `root`. */
export const mount = async (root, app) => {
  root.append(make("h1", { class: "unseen" }, "Look inside"));
  if (!app.can("inspect")) {
    root.append(make("section", { class: "card" }, make("h2", {}, "Look inside"),
      make("p", {}, app.without ? app.needs : "This engine does not tell what it runs.")));
    return {};
  }
  const view = new Inside(root, app);
  return { enter: () => view.enter() };
};

class Inside {
  #tab = "table";
  #what = "model";
  /** What each tab shows, so that nothing is computed twice. */
  #shown = {};
  #maps = make("div", { class: "maps" });
  #memory = make("p", { class: "muted small" });
  #told = make("p", { class: "muted", role: "status" });
  #busy = 0;

  constructor(root, app) {
    this.app = app;
    this.table = stepTable((kernel) => showShader(app, kernel));
    this.drawing = new Drawing(({ kernel }) => showShader(app, kernel));
    const what = make("select", { on: { change: () => {
      this.#what = what.value;
      this.enter();
    } } }, make("option", { value: "model" }, "The chosen model, translating"),
    make("option", { value: "step" }, "A training step, with the defaults"));
    this.what = what;
    this.panels = { table: make("div", {}, this.table.element, this.#memory),
      drawing: this.drawing.element, maps: this.#maps };
    root.append(make("div", { class: "row inside-head" },
      make("label", { class: "inline" }, make("span", { class: "unseen" }, "Of"), what),
      this.#tabs(), this.#told), make("section", { class: "card" },
      ...Object.values(this.panels)));
    this.#select("table", false);
  }

  #tabs() {
    const usable = TABS.filter(([name]) => (
      { table: true, drawing: this.app.can("drawing"), maps: this.app.can("activations") })[name]);
    this.buttons = usable.map(([name, title]) => make("button", { type: "button",
      "aria-pressed": "false", data: { tab: name },
      on: { click: () => this.#select(name, true) } }, title));
    return make("div", { class: "segments", role: "group", "aria-label": "What is shown" },
      this.buttons);
  }

  #select(tab, read) {
    this.#tab = tab;
    for (const button of this.buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.tab === tab));
    }
    for (const [name, panel] of Object.entries(this.panels)) panel.hidden = name !== tab;
    if (read) this.enter();
  }

  /** Reads what the tab needs, if it changed. */
  async enter() {
    const { model } = this.app;
    const training = this.#what === "step" && this.#tab !== "maps";
    if (!training && !model) {
      this.#told.textContent = "Choose a model in Draw first.";
      return;
    }
    this.#busy += 1;
    const turn = this.#busy;
    const of = training ? "step" : model.id;
    const picture = this.#tab === "maps" ? this.app.picture() : null;
    if (this.#shown[this.#tab] === of && !picture) {
      this.#told.textContent = "";
      return;
    }
    this.#told.textContent = "Reading …";
    try {
      await this.#read(this.#tab, training ? { config: {} } : { model: model.id }, picture);
      this.#shown[this.#tab] = of;
      if (turn === this.#busy) this.#told.textContent = "";
    } catch (error) {
      if (turn === this.#busy) this.#told.textContent = error.message;
    }
  }

  async #read(tab, what, picture) {
    const { engine } = this.app;
    if (tab === "table") {
      const { nodes, memory } = await engine.inspect(what);
      this.table.show(nodes);
      this.#memory.textContent = memoryLine(memory);
    } else if (tab === "drawing") {
      this.drawing.show(await engine.drawing(what));
    } else {
      this.#showMaps(await engine.activations(what.model, picture));
    }
  }

  #showMaps(layers) {
    for (const image of this.#maps.querySelectorAll("img")) URL.revokeObjectURL(image.src);
    this.#maps.replaceChildren(...layers.map(({ layer, shape, png }) => {
      const url = URL.createObjectURL(png);
      const [, channels, height, width] = shape.length === 4 ? shape : [1, ...shape];
      const words = `${channels} channels, ${width}×${height}`;
      return make("figure", {}, make("figcaption", {}, make("strong", {}, layer), " ",
        make("span", { class: "muted small" }, words)),
      make("img", { src: url, alt: `Feature maps of ${layer}: ${words}` }));
    }));
  }
}

/** Memory as a line: numbers are bytes. */
const memoryLine = (memory) => Object.entries(memory ?? {})
  .filter(([, value]) => Number.isFinite(value))
  .map(([name, bytes]) => `${name.replaceAll("_", " ")} ${(bytes / 2 ** 20).toFixed(1)} MiB`)
  .join(" · ");
