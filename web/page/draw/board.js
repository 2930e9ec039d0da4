// The picture that is drawn on: its pixels, its tools and its history. It knows of no pointers.
import { History } from "./history.js";
import { flood, rgb } from "./flood.js";
import { contain } from "./fit.js";

const PAPER = "#ffffff";

/**
 * Emits `change` when pixels changed, `history` when undo or redo may have, and `place` when an
 * image came.
 */
export class Board extends EventTarget {
  tool = "brush";
  colour = "#000000";
  size = 12;
  tolerance = 40;
  #context;
  #before = null;
  #last = null;
  #bounds = null;

  constructor(canvas, width, height) {
    super();
    this.canvas = canvas;
    // Pixels are read after every stroke.
    this.#context = canvas.getContext("2d", { willReadFrequently: true });
    this.history = new History({
      read: ({ x, y, width: w, height: h }) => this.#context.getImageData(x, y, w, h).data,
      write: ({ x, y, width: w, height: h }, data) =>
        this.#context.putImageData(new ImageData(data, w, h), x, y),
    });
    this.resize(width, height);
  }

  get #whole() {
    return { x: 0, y: 0, width: this.canvas.width, height: this.canvas.height };
  }

  /** Another size, with white paper. The history is of the old paper and goes. */
  resize(width, height) {
    [this.canvas.width, this.canvas.height] = [width, height];
    this.#context.fillStyle = PAPER;
    this.#context.fillRect(0, 0, width, height);
    this.history.clear();
    this.#changed();
  }

  pixels() {
    const { width, height } = this.canvas;
    return { width, height, data: this.#context.getImageData(0, 0, width, height).data };
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
    this.dispatchEvent(new Event("history"));
  }

  /** The pen goes down. */
  begin(point) {
    this.#before = this.pixels();
    [this.#last, this.#bounds] = [point, null];
    if (this.tool === "fill") {
      this.#fill(point);
      return;
    }
    this.#segment(point, point);
  }

  /** The pen moves. */
  move(point) {
    if (!this.#before || this.tool === "fill") return;
    if (this.tool === "line") {
      this.#put(this.#before);
      this.#bounds = null;
      this.#segment({ ...this.#last, pressure: point.pressure }, point);
      return;
    }
    this.#segment(this.#last, point);
    this.#last = point;
  }

  /** The pen goes up: what it did is one step. */
  end() {
    const [before, bounds] = [this.#before, this.#bounds];
    this.#before = null;
    if (!before || !bounds) return;
    this.history.push(bounds, crop(before, bounds));
    this.#changed();
  }

  /** A stroke that was none: a second finger came. */
  cancel() {
    if (!this.#before) return;
    this.#put(this.#before);
    this.#before = null;
    this.dispatchEvent(new Event("change"));
  }

  #put({ width, height, data }) {
    this.#context.putImageData(new ImageData(data, width, height), 0, 0);
  }

  #segment(from, to) {
    const context = this.#context;
    const width = Math.max(1, this.size * (to.pressure ?? 1));
    context.strokeStyle = this.tool === "eraser" ? PAPER : this.colour;
    context.lineWidth = width;
    [context.lineCap, context.lineJoin] = ["round", "round"];
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    this.#touch(from, width);
    this.#touch(to, width);
    this.dispatchEvent(new Event("change"));
  }

  /** The rectangle of a stroke grows, within the paper. */
  #touch({ x, y }, width) {
    const reach = width / 2 + 2;
    const [w, h] = [this.canvas.width, this.canvas.height];
    const within = (value, most) => Math.min(most, Math.max(0, value));
    const [left, right] = [within(Math.floor(x - reach), w), within(Math.ceil(x + reach), w)];
    const [top, bottom] = [within(Math.floor(y - reach), h), within(Math.ceil(y + reach), h)];
    if (left === right || top === bottom) return;
    const old = this.#bounds ?? { x: left, y: top, width: 0, height: 0 };
    const [minX, minY] = [Math.min(old.x, left), Math.min(old.y, top)];
    this.#bounds = { x: minX, y: minY, width: Math.max(old.x + old.width, right) - minX,
      height: Math.max(old.y + old.height, bottom) - minY };
  }

  #fill({ x, y }) {
    const pixels = this.pixels();
    this.#bounds = flood(pixels, Math.floor(x), Math.floor(y), rgb(this.colour), this.tolerance);
    if (this.#bounds) this.#put(pixels);
    this.end();
  }

  /** The whole paper is drawn anew as one step. */
  #repaint(paint) {
    const before = this.pixels();
    paint(this.#context);
    this.history.push(this.#whole, before.data);
    this.#changed();
  }

  clear() {
    this.#repaint((context) => {
      context.fillStyle = PAPER;
      context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    });
  }

  /** An image, fitted onto white paper. */
  place(image) {
    const { x, y, width, height } = contain(image, this.canvas);
    this.#repaint((context) => {
      context.fillStyle = PAPER;
      context.fillRect(0, 0, this.canvas.width, this.canvas.height);
      context.imageSmoothingQuality = "high";
      context.drawImage(image, x, y, width, height);
    });
    this.dispatchEvent(new Event("place"));
  }

  undo() {
    if (this.history.undo()) this.#changed();
  }

  redo() {
    if (this.history.redo()) this.#changed();
  }
}

/** A rectangle of pixels. */
const crop = ({ width, data }, { x, y, width: w, height: h }) => {
  const part = new Uint8ClampedArray(4 * w * h);
  for (let row = 0; row < h; row += 1) {
    const from = 4 * ((y + row) * width + x);
    part.set(data.subarray(from, from + 4 * w), 4 * row * w);
  }
  return part;
};
