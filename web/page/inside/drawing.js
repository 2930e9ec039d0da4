// The recorded step as a drawing: the engine's SVG, with zoom, pan and nodes that can be chosen.
import { iconButton, make } from "../parts/dom.js";

const STEP = 1.35;
const MOST = 12;
const PAN = 60;

/** SVG text as an element that has neither scripts nor listeners nor links to elsewhere. */
const parsed = (text) => {
  const page = new DOMParser().parseFromString(text, "image/svg+xml");
  const svg = page.documentElement;
  if (svg.nodeName !== "svg" || page.querySelector("parsererror")) {
    throw new Error("The drawing could not be read: reload the page.");
  }
  for (const element of svg.querySelectorAll("script, foreignObject, style")) element.remove();
  for (const element of [svg, ...svg.querySelectorAll("*")]) {
    for (const { name } of [...element.attributes]) {
      if (/^on|^style$|href$/i.test(name)) element.removeAttribute(name);
    }
  }
  return document.importNode(svg, true);
};

/** A drawing with its frame. `chosen` gets the data of a node that was clicked. */
export class Drawing {
  #view = { x: 0, y: 0, width: 1, height: 1 };
  #whole = { x: 0, y: 0, width: 1, height: 1 };
  #svg = null;
  #from = null;
  #moved = false;

  constructor(chosen) {
    this.chosen = chosen;
    this.frame = make("div", { class: "drawing", tabindex: 0, role: "group",
      "aria-label": "Drawing of the step: arrow keys move it, plus and minus zoom, 0 shows all" });
    this.element = make("div", {}, make("div", { class: "row" },
      make("p", { class: "muted small grow" }, "A node opens the source of its kernel."),
      iconButton("farther", "Zoom out", () => this.#zoom(1 / STEP)),
      iconButton("closer", "Zoom in", () => this.#zoom(STEP)),
      iconButton("whole", "Whole drawing", () => this.#set(this.#whole))), this.frame);
    const on = (event, method, options) =>
      this.frame.addEventListener(event, (detail) => method.call(this, detail), options);
    on("pointerdown", this.#press);
    on("pointermove", this.#move);
    for (const event of ["pointerup", "pointercancel"]) on(event, () => { this.#from = null; });
    on("wheel", this.#wheel, { passive: false });
    on("keydown", this.#key);
    on("click", this.#click);
  }

  show(text) {
    this.#svg = parsed(text);
    this.frame.replaceChildren(this.#svg);
    const { x, y, width, height } = this.#svg.viewBox.baseVal;
    this.#svg.removeAttribute("width");
    this.#svg.removeAttribute("height");
    this.#svg.setAttribute("preserveAspectRatio", "xMidYMin meet");
    this.#whole = { x, y, width: width || 1000, height: height || 1000 };
    for (const node of this.#svg.querySelectorAll("[data-kernel]")) {
      node.setAttribute("tabindex", "0");
      node.setAttribute("role", "button");
    }
    // A tall drawing begins at its top, readable.
    const ratio = this.frame.clientHeight / Math.max(this.frame.clientWidth, 1);
    const high = Math.min(this.#whole.height, this.#whole.width * ratio);
    this.#set({ ...this.#whole, height: high || this.#whole.height });
  }

  #set(view) {
    this.#view = view;
    this.#svg?.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
  }

  /** Zooms around a point of the frame, given as shares of its width and height. */
  #zoom(factor, shareX = 0.5, shareY = 0.5) {
    const { x, y, width, height } = this.#view;
    const least = Math.min(this.#whole.width, this.#whole.height) / MOST;
    const most = 2 * Math.max(this.#whole.width, this.#whole.height);
    const next = Math.min(most, Math.max(least, width / factor));
    const scale = next / width;
    this.#set({ x: x + (width - next) * shareX, y: y + (height - height * scale) * shareY,
      width: next, height: height * scale });
  }

  #pan(dx, dy) {
    const scale = this.#view.width / Math.max(this.frame.clientWidth, 1);
    this.#set({ ...this.#view, x: this.#view.x - dx * scale, y: this.#view.y - dy * scale });
  }

  #press({ clientX, clientY, pointerId }) {
    this.#from = { x: clientX, y: clientY, pointerId };
    this.#moved = false;
  }

  #move({ clientX, clientY, pointerId }) {
    if (this.#from?.pointerId !== pointerId) return;
    const [dx, dy] = [clientX - this.#from.x, clientY - this.#from.y];
    if (!this.#moved && Math.hypot(dx, dy) < 4) return;
    // Only a drag takes the pointer: a click stays one.
    if (!this.#moved) this.frame.setPointerCapture(pointerId);
    this.#moved = true;
    this.#pan(dx, dy);
    this.#from = { x: clientX, y: clientY, pointerId };
  }

  #wheel(event) {
    if (!event.ctrlKey && !event.metaKey && !this.frame.contains(document.activeElement)) return;
    event.preventDefault();
    const { left, top, width, height } = this.frame.getBoundingClientRect();
    this.#zoom(Math.exp(-event.deltaY / 300), (event.clientX - left) / width,
      (event.clientY - top) / height);
  }

  #key(event) {
    const arrows = { ArrowLeft: [PAN, 0], ArrowRight: [-PAN, 0], ArrowUp: [0, PAN],
      ArrowDown: [0, -PAN] };
    if (arrows[event.key]) this.#pan(...arrows[event.key]);
    else if (event.key === "+" || event.key === "=") this.#zoom(STEP);
    else if (event.key === "-") this.#zoom(1 / STEP);
    else if (event.key === "0") this.#set(this.#whole);
    else if (event.key === "Enter" || event.key === " ") this.#choose(event.target);
    else return;
    event.preventDefault();
  }

  #click(event) {
    if (!this.#moved) this.#choose(event.target);
  }

  #choose(target) {
    const node = target.closest?.("[data-kernel]");
    if (node) this.chosen(node.dataset);
  }
}
