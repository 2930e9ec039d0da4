// Draw: a canvas, and what the chosen model makes of it while the pen moves.
import { icon, make } from "../parts/dom.js";
import { failed, toast } from "../parts/toast.js";
import { keep, kept } from "../engine/store.js";
import { modelLine } from "../app.js";
import { beside } from "./beside.js";
import { Board } from "./board.js";
import { follower } from "./follow.js";
import { camera, fileButton, placeFile, takeFiles } from "./input.js";
import { Pointer } from "./pointer.js";
import { Result } from "./result.js";
import { palette, toolbar } from "./toolbar.js";

/** How long the pen rests before the drawing is kept, in milliseconds. */
const KEEP_AFTER = 700;
const KEPT = "drawing";
/** Brushes to begin with, in pixels: for colours, and for outlines. */
const BRUSH_SIZE = 12;
const LINE_SIZE = 3;

/** Makes the view in `root`. */
export const mount = async (root, app) => {
  const view = new DrawView(root, app);
  await view.start();
  return { enter: () => view.enter(), key: (event) => view.tools.key(event) };
};

class DrawView {
  #seed = 0;
  #timer = null;
  #storageTold = false;
  #stored = null;
  /** The drawing before its paper was resized; null once it was changed. */
  #original = null;
  /** Whether the drawing is that of an earlier visit. */
  #own = false;

  constructor(root, app) {
    [this.root, this.app] = [root, app];
    const canvas = make("canvas", { class: "paper" });
    const mark = make("div", { class: "pen", hidden: true, "aria-hidden": "true" });
    const said = make("span", { class: "unseen", role: "status" });
    const frame = make("div", { class: "frame", tabindex: 0, role: "application",
      "aria-label": "Drawing. Arrow keys move the pen, space puts it down or lifts it, plus and " +
        "minus zoom, B, L, F and E choose a tool." }, canvas, mark);
    this.board = new Board(canvas, 256, 256);
    this.pointer = new Pointer(this.board, frame, mark, (text) => { said.textContent = text; });
    this.frame = frame;
    this.tools = toolbar(this.board, this.pointer);
    this.colours = palette(this.board, () => this.tools.choose("brush"));
    this.result = new Result({ reroll: () => this.#roll() });
    this.follow = follower({
      run: (input) => this.#translate(input),
      done: (shown) => this.#done(shown),
      failed: (error) => this.result.tell(error.message),
    });
    // A tab has no room for several models at once; a studio has.
    this.beside = app.engine.kind === "studio" ? beside(app, () => this.board.pixels()) : null;
    this.#build(said);
    app.picture = () => this.board.pixels();
    this.board.addEventListener("change", () => this.#changed());
    this.board.addEventListener("place", () => this.pointer.whole());
    for (const event of ["model", "models", "opening", "not-opened"]) {
      app.addEventListener(event, (detail) => this.#modelEvent(event, detail));
    }
  }

  #build(said) {
    const openModel = (file) => this.app.choose({ file });
    const { select, line } = this.#chooser();
    const open = fileButton("Open a model", icon("open"), ".safetensors,.pth,.pt", openModel);
    open.firstChild.title = "A .safetensors or .pth file from the disk";
    this.examples = make("div", { class: "examples", role: "group", "aria-label": "Examples" });
    this.fromFile = fileButton("Picture", icon("image"), "image/*",
      (file) => placeFile(this.board, file));
    const shot = make("button", { type: "button", on: { click: () => camera(this.board) } },
      icon("camera"), "Camera");
    this.root.append(make("h1", { class: "unseen" }, "Draw"),
      make("div", { class: "model row" }, make("label", { class: "inline" },
        make("span", { class: "unseen" }, "Model"), select), open, line),
      make("div", { class: "panes" },
        make("section", { class: "card pane", "aria-label": "Drawing" }, this.tools.element,
          make("div", { class: "square" }, this.frame), said, this.colours.element),
        this.result.element),
      make("section", { class: "row from", "aria-label": "Begin with a picture" },
        this.examples, make("div", { class: "row" }, this.fromFile, shot),
        make("p", { class: "muted small" }, "Or drop or paste a picture, or drop a model.")));
    if (this.beside) this.root.append(this.beside.element);
    takeFiles(this.root, this.board, openModel);
  }

  #chooser() {
    this.select = make("select", { on: { change: () => this.app.choose(this.select.value) } });
    this.line = make("p", { class: "muted small grow", role: "status" });
    return { select: this.select, line: this.line };
  }

  /** The kept drawing, or the first example. */
  async start() {
    this.#listModels();
    const was = await kept(KEPT);
    // Another view may have chosen one already.
    const isListed = this.app.models.some((model) => model.id === was?.model);
    const id = this.app.model?.id ?? (isListed ? was.model : this.app.models[0]?.id);
    if (!id) {
      this.result.clear("There is no model yet: open a .safetensors or .pth file.");
      return;
    }
    const listed = this.app.model ?? this.app.models.find((model) => model.id === id);
    this.#fitPaper(listed);
    // Weights are read while the picture is placed.
    this.#own = Boolean(was?.picture);
    if (this.app.model) this.#modelEvent("model", {});
    else this.app.choose(id);
    if (was?.picture) {
      await placeFile(this.board, was.picture);
      this.board.history.clear();
      this.board.dispatchEvent(new Event("history"));
    } else if (listed.examples?.[0] ?? this.app.models[0]?.examples?.[0]) {
      // Something is to be seen at once: the stored result stands until the model is ready.
      await this.#example((listed.examples?.[0] ?? this.app.models[0].examples[0]));
    }
    this.#own = false;
  }

  enter() {
    this.#listModels();
  }

  #fitPaper({ width, height, palette: colours, examples = [] }) {
    const canvas = this.board.canvas;
    if (canvas.width !== width || canvas.height !== height) this.#resize(width, height);
    this.root.style.setProperty("--ratio", `${width} / ${height}`);
    this.colours.show(colours);
    this.examples.replaceChildren(...examples.map((example) => make("button", { type: "button",
      class: "example", title: example.name, on: { click: () => this.#example(example) } },
    make("img", { src: example.url, alt: example.name, width: 64, height: 64 }))));
  }

  /** Paper of another size. A drawing that was not touched since the last one keeps its detail. */
  #resize(width, height) {
    const { canvas } = this.board;
    if (!this.#original) {
      this.#original = make("canvas", { width: canvas.width, height: canvas.height });
      this.#original.getContext("2d").drawImage(canvas, 0, 0);
    }
    const original = this.#original;
    this.board.resize(width, height);
    this.board.place(original);
    this.board.history.clear();
    this.board.dispatchEvent(new Event("history"));
    // What was just done was no change by the user.
    this.#original = original;
  }

  #listModels() {
    const groups = { box: "In the box", run: "Runs", file: "From the disk" };
    this.select.replaceChildren(...Object.entries(groups).flatMap(([from, label]) => {
      const models = this.app.models.filter((model) => model.from === from);
      if (models.length === 0) return [];
      return make("optgroup", { label }, models.map((model) =>
        make("option", { value: model.id }, model.title)));
    }));
    if (this.app.model) this.select.value = this.app.model.id;
  }

  #modelEvent(event, { detail }) {
    const { model } = this.app;
    if (event === "models") this.#listModels();
    if (event === "opening") this.line.textContent = `Opening ${detail} …`;
    if (event === "not-opened") this.line.textContent = model ? modelLine(model) : detail;
    if (event !== "model") return;
    this.#listModels();
    this.line.textContent = [model.about, modelLine(model)].filter(Boolean).join(" ");
    this.result.model(model.id.replace(/^\w+:|\.(safetensors|pth|pt)$/gi, ""), model.dropout);
    this.#fitPaper(model);
    this.tools.size(model.palette?.length <= 2 ? LINE_SIZE : BRUSH_SIZE);
    // Without a device a model is shown by what is stored of it.
    if (this.app.without !== null && !this.#own && model.examples?.[0]) {
      this.#example(model.examples[0]);
    } else {
      this.#ask();
    }
  }

  /** The drawing changed: it is translated, and kept when the pen rests. */
  #changed() {
    this.#original = null;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#keep(), KEEP_AFTER);
    this.#ask();
  }

  /** Asks for the result of the present drawing. */
  #ask() {
    if (this.app.without !== null) {
      if (!this.#stored) this.result.clear(this.app.needs);
      return;
    }
    if (this.app.model) this.follow.ask(() => this.board.pixels());
  }

  async #translate(input) {
    const { model } = this.app;
    const { pixels, milliseconds } = await this.app.engine.translate(model.id, input,
      { seed: this.#seed });
    return { model, input, pixels, milliseconds };
  }

  #done({ model, input, pixels, milliseconds }) {
    // A result of the model before is not shown.
    if (model.id === this.app.model.id) this.result.show(input, pixels, milliseconds);
    this.beside?.show(input);
  }

  #roll() {
    this.#seed += 1;
    this.#ask();
  }

  async #example({ name, url, output }) {
    try {
      const [input, result] = await Promise.all([url, output].map(async (from) =>
        (from ? createImageBitmap(await (await fetch(from)).blob()) : null)));
      this.#stored = result;
      this.board.place(input);
      const wait = this.app.without !== null || !this.app.model;
      if (result && wait) this.result.stored(this.board.pixels(), result, `${name}, stored result`);
    } catch {
      failed(new Error(`The example ${name} could not be read: reload the page while there is a ` +
        "connection."));
    } finally {
      this.#stored = null;
    }
  }

  async #keep() {
    try {
      const picture = await new Promise((resolve) => { this.board.canvas.toBlob(resolve); });
      await keep(KEPT, { picture, model: this.app.model?.id ?? null });
      this.#storageTold = false;
    } catch (error) {
      if (!this.#storageTold) toast(error.message, { stays: true });
      this.#storageTold = true;
    }
  }
}
