// Held-out samples of a training: input, output and target of some pairs, with a slider over the
// steps. The output is swiped over the target.
import { make, paint } from "../parts/dom.js";
import { cardKeys, swipe } from "../parts/swipe.js";

/** Pixels between the pictures of a sample grid. */
const GAP = 2;

/** Cuts a grid (rows of input, output, target) into pairs; null where it is none. */
export const cells = ({ width, height }) => {
  const side = (width - 2 * GAP) / 3;
  const rows = (height + GAP) / (side + GAP);
  if (!Number.isInteger(side) || !Number.isInteger(rows) || side < 1) return null;
  return Array.from({ length: rows }, (_, row) => [0, 1, 2].map((column) =>
    ({ x: column * (side + GAP), y: row * (side + GAP), side })));
};

const canvasOf = (source) => {
  const canvas = make("canvas");
  if (source.data) paint(canvas, source);
  return canvas;
};

/** A picture from a grid. */
const cut = (image, { x, y, side }) => {
  const canvas = make("canvas", { width: side, height: side });
  canvas.getContext("2d").drawImage(image, x, y, side, side, 0, 0, side, side);
  return canvas;
};

const load = async (url) => {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`The samples could not be read (${answer.status}).`);
  return createImageBitmap(await answer.blob());
};

/** Pairs of canvases of a told sample: {pairs}, or {url} of a grid, or {pixels} of one. */
const read = async ({ pairs, url, pixels }) => {
  if (pairs) {
    return pairs.map(({ name, input, output, target }) =>
      ({ name, input: canvasOf(input), output: canvasOf(output), target: canvasOf(target) }));
  }
  const image = url ? await load(url) : canvasOf(pixels);
  const found = cells(image);
  // Pictures of other shapes are shown as they lie in the grid.
  if (!found) return [{ name: "all pairs", whole: image }];
  return found.map((row, at) => {
    const [input, output, target] = row.map((cell) => cut(image, cell));
    return { name: `pair ${at + 1}`, input, output, target };
  });
};

/** The samples of one run. */
export class Samples {
  #told = [];
  #cards = [];
  #newest = true;
  #wanted = 0;
  #sides = ["output", "target"];
  #range = make("input", { type: "range", min: 0, max: 0, "aria-label": "Samples of step" });
  #step = make("output", { class: "small" });
  #list = make("div", { class: "samples" });

  constructor() {
    this.#range.addEventListener("input", () => {
      this.#newest = Number(this.#range.value) === this.#told.length - 1;
      this.#show();
    });
    cardKeys(this.#list);
    this.empty = make("p", { class: "muted" }, "The first samples come after some steps.");
    this.slider = make("div", { class: "sample-steps", hidden: true },
      make("label", { class: "sample-steps grow" }, this.#range, this.#step), this.#swiped());
    this.element = make("div", {}, this.slider, this.empty, this.#list);
  }

  /** What lies left and right of the line of all swipes. */
  #swiped() {
    return make("select", { "aria-label": "Pictures of the swipe", on: { change: (event) => {
      this.#sides = event.target.value.split("|");
      this.#cards = [];
      this.#show();
    } } }, [["output", "target"], ["input", "output"], ["input", "target"]].map((sides) =>
      make("option", { value: sides.join("|") }, sides.join(" | "))));
  }

  /** New samples; the slider goes along while it stands at the newest. */
  add(sample) {
    if (this.#told.some(({ step }) => step === sample.step)) return;
    this.#told.push(sample);
    this.#told.sort((left, right) => left.step - right.step);
    this.#range.max = this.#told.length - 1;
    if (this.#newest) this.#range.value = this.#told.length - 1;
    [this.slider.hidden, this.empty.hidden] = [false, true];
    this.#show();
  }

  clear() {
    [this.#told, this.#cards, this.#newest] = [[], [], true];
    this.#range.max = 0;
    [this.slider.hidden, this.empty.hidden] = [true, false];
    this.#list.replaceChildren();
  }

  async #show() {
    const sample = this.#told[Number(this.#range.value)];
    this.#step.value = `step ${sample.step}`;
    this.#range.setAttribute("aria-valuetext", `step ${sample.step}`);
    this.#wanted += 1;
    const wanted = this.#wanted;
    try {
      sample.read ??= read(sample);
      const pairs = await sample.read;
      // The slider may have moved on.
      if (wanted === this.#wanted) this.#fill(pairs);
    } catch (error) {
      sample.read = null;
      this.#step.value = error.message;
    }
  }

  /** Cards stay while the slider moves, and with them the place of each swipe and the focus. */
  #fill(pairs) {
    const whole = (one) => Boolean(one?.whole);
    if (this.#cards.length !== pairs.length ||
      whole(this.#cards[0]?.canvases) !== whole(pairs[0])) {
      this.#cards = pairs.map((pair, at) => this.#card(pair, at));
      this.#list.replaceChildren(...this.#cards.map(({ card }) => card));
    }
    pairs.forEach((pair, at) => {
      for (const [kind, canvas] of Object.entries(this.#cards[at].canvases)) {
        const from = pair[kind];
        [canvas.width, canvas.height] = [from.width, from.height];
        canvas.getContext("2d").drawImage(from, 0, 0);
        canvas.classList.toggle("pixels", from.width < 128);
      }
    });
  }

  #card({ name, whole }, at) {
    if (whole) {
      const canvas = make("canvas", { role: "img", "aria-label": "input, output and target" });
      return { card: make("article", { class: "whole", tabindex: 0, "aria-label": name }, canvas),
        canvases: { whole: canvas } };
    }
    const canvas = (kind) => make("canvas", { role: "img", "aria-label": `${kind} of ${name}` });
    const [input, output, target] = ["input", "output", "target"].map(canvas);
    const [left, right] = this.#sides;
    const all = { input, output, target };
    const single = Object.keys(all).find((kind) => !this.#sides.includes(kind));
    const both = swipe(all[left], all[right], { label: `${left} to ${right} of ${name}` });
    const titled = (element, title) => make("figure", {}, element,
      make("figcaption", { class: "muted small" }, title));
    both.append(make("figcaption", { class: "muted small" }, `${left} | ${right}`));
    const card = make("article", { tabindex: 0, "aria-label": name ?? `pair ${at + 1}` },
      titled(all[single], single), both);
    return { card, canvases: { input, output, target } };
  }
}
