// Pens, mice, fingers and keys on the frame of a board: they draw, zoom and move the picture.
import { WHOLE, panned, pinch, zoomed } from "./viewport.js";

const ZOOM_STEP = 1.4;
/** How far an arrow key moves the cursor or the view, in pixels of the picture or of the frame. */
const CURSOR_STEP = 4;
const PAN_STEP = 40;
/** The thinnest that a light pen draws, as a share of the brush. */
const LIGHTEST = 0.2;

/** Zoom, pan and drawing on `frame`, which holds the board's canvas and a mark for the brush. */
export class Pointer {
  #view = WHOLE;
  #fingers = new Map();
  #drawing = null;
  #panning = null;
  #cursor = null;
  #down = false;

  constructor(board, frame, mark, say) {
    Object.assign(this, { board, frame, mark, say });
    const on = (event, method, options) =>
      frame.addEventListener(event, (detail) => method.call(this, detail), options);
    on("pointerdown", this.#press);
    on("pointermove", this.#move);
    for (const event of ["pointerup", "pointercancel"]) on(event, this.#release);
    on("pointerleave", this.#hide);
    on("wheel", this.#wheel, { passive: false });
    on("keydown", this.#key);
    on("blur", this.#leave);
    on("contextmenu", (event) => event.preventDefault());
  }

  get #size() {
    return { width: this.frame.clientWidth, height: this.frame.clientHeight };
  }

  /** The place of an event in the picture. */
  #point(event) {
    const { left, top, width, height } = this.board.canvas.getBoundingClientRect();
    const pen = event.pointerType === "pen" && event.pressure > 0;
    return { x: ((event.clientX - left) * this.board.canvas.width) / width,
      y: ((event.clientY - top) * this.board.canvas.height) / height,
      pressure: pen ? LIGHTEST + (1 - LIGHTEST) * event.pressure : 1 };
  }

  /** The place of an event in the frame. */
  #local({ clientX, clientY }) {
    const { left, top } = this.frame.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  #press(event) {
    this.frame.setPointerCapture(event.pointerId);
    this.#leave();
    if (event.pointerType === "touch") {
      this.#fingers.set(event.pointerId, this.#local(event));
      if (this.#fingers.size > 1) {
        // What the first finger drew was the beginning of a pinch.
        this.board.cancel();
        this.#drawing = null;
        return;
      }
    }
    if (event.button === 1 || event.button === 2 || this.board.tool === "hand") {
      this.#panning = this.#local(event);
      event.preventDefault();
      return;
    }
    this.#drawing = event.pointerId;
    this.board.begin(this.#point(event));
  }

  #move(event) {
    this.#show(event);
    if (this.#fingers.has(event.pointerId) && this.#fingers.size > 1) {
      this.#pinch(event);
      return;
    }
    if (this.#panning) {
      const here = this.#local(event);
      this.#set(panned(this.#view, here.x - this.#panning.x, here.y - this.#panning.y,
        this.#size));
      this.#panning = here;
      return;
    }
    if (this.#drawing !== event.pointerId) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length > 0 ? events : [event]) this.board.move(this.#point(one));
  }

  #pinch(event) {
    const before = [...this.#fingers.values()];
    this.#fingers.set(event.pointerId, this.#local(event));
    const { factor, dx, dy, px, py } = pinch(before, [...this.#fingers.values()]);
    const moved = panned(this.#view, dx, dy, this.#size);
    this.#set(zoomed(moved, factor, px, py, this.#size));
  }

  #release(event) {
    this.#fingers.delete(event.pointerId);
    this.#panning = null;
    if (this.#drawing === event.pointerId) {
      this.#drawing = null;
      if (event.type === "pointercancel") this.board.cancel();
      else this.board.end();
    }
    if (event.pointerType === "touch") this.#hide();
  }

  /** The wheel zooms where the picture has the focus or a key is held; else the page scrolls. */
  #wheel(event) {
    const held = event.ctrlKey || event.metaKey;
    if (!held && !this.frame.contains(document.activeElement)) return;
    if (!held && this.#view.zoom === 1 && event.deltaY > 0) return;
    event.preventDefault();
    const { x, y } = this.#local(event);
    this.#set(zoomed(this.#view, Math.exp(-event.deltaY / 300), x, y, this.#size));
  }

  #set(view) {
    this.#view = view;
    const { style } = this.board.canvas;
    style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`;
    this.frame.classList.toggle("near", view.zoom > 3);
  }

  /** Zooms around the middle: by a step, or back to the whole picture. */
  zoom(direction) {
    const { width, height } = this.#size;
    this.#set(direction === 0 ? WHOLE
      : zoomed(this.#view, direction > 0 ? ZOOM_STEP : 1 / ZOOM_STEP, width / 2, height / 2,
        this.#size));
    this.say(`Zoom ${Math.round(100 * this.#view.zoom)} %`);
  }

  /** Shows the whole picture. */
  whole() {
    this.#set(WHOLE);
  }

  /** A ring shows how large the brush is. */
  #show(event) {
    const shown = event.pointerType !== "touch" && ["brush", "eraser", "line"]
      .includes(this.board.tool);
    this.mark.hidden = !shown;
    if (shown) this.#place(this.#local(event));
  }

  #place({ x, y }) {
    const scale = this.board.canvas.getBoundingClientRect().width / this.board.canvas.width;
    const size = Math.max(4, this.board.size * scale);
    this.mark.style.width = this.mark.style.height = `${size}px`;
    this.mark.style.transform = `translate(${x - size / 2}px, ${y - size / 2}px)`;
  }

  #hide() {
    this.mark.hidden = true;
  }

  #leave() {
    if (this.#down) this.board.end();
    this.#down = false;
    this.#cursor = null;
    this.mark.classList.remove("down");
    this.#hide();
  }

  /** Arrow keys move a pen, space puts it down and lifts it; plus, minus and 0 zoom. */
  #key(event) {
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const direction = arrows[event.key];
    if (direction && (event.ctrlKey || event.metaKey || this.board.tool === "hand")) {
      const [dx, dy] = direction.map((one) => -one * PAN_STEP);
      this.#set(panned(this.#view, dx, dy, this.#size));
    } else if (direction) {
      this.#step(direction, event.shiftKey ? 1 : CURSOR_STEP);
    } else if (event.key === " " || event.key === "Enter") {
      this.#toggle();
    } else if (["+", "=", "-", "0"].includes(event.key) && !event.ctrlKey && !event.metaKey) {
      this.zoom({ "+": 1, "=": 1, "-": -1, 0: 0 }[event.key]);
    } else {
      return;
    }
    event.preventDefault();
  }

  #step([dx, dy], step) {
    const { width, height } = this.board.canvas;
    const old = this.#cursor ?? { x: width / 2, y: height / 2 };
    const within = (value, most) => Math.min(most, Math.max(0, value));
    this.#cursor = { x: within(old.x + dx * step, width), y: within(old.y + dy * step, height),
      pressure: 1 };
    if (this.#down) this.board.move(this.#cursor);
    this.#mark();
  }

  #toggle() {
    const { width, height } = this.board.canvas;
    this.#cursor ??= { x: width / 2, y: height / 2, pressure: 1 };
    if (this.board.tool === "hand") return;
    if (this.#down) {
      this.board.end();
      this.#down = false;
    } else {
      this.board.begin(this.#cursor);
      this.#down = this.board.tool !== "fill";
    }
    this.mark.classList.toggle("down", this.#down);
    this.say(this.#down ? "Pen down" : "Pen up");
    this.#mark();
  }

  /** The mark of the pen that keys move, brought into view. */
  #mark() {
    const scale = this.board.canvas.getBoundingClientRect().width / this.board.canvas.width;
    const at = () => ({ x: this.#view.x + this.#cursor.x * scale,
      y: this.#view.y + this.#cursor.y * scale });
    const outside = (value, length) => Math.min(0, length - 8 - value) + Math.max(0, 8 - value);
    const [{ x, y }, { width, height }] = [at(), this.#size];
    this.#set(panned(this.#view, outside(x, width), outside(y, height), this.#size));
    this.mark.hidden = false;
    this.#place(at());
  }
}
