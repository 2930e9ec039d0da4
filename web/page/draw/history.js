// Undo and redo. A step is the pixels of one rectangle as they were before it; taking it back puts
// them there and keeps what they cover. So a step costs one copy of what it changed.

/** At least so many steps can be taken back, whatever their size. */
export const LEAST_STEPS = 50;
/** More steps are kept up to so many bytes. */
export const MOST_BYTES = 64 * 2 ** 20;
/** And never more than this. */
const MOST_STEPS = 1000;

/** The steps of a surface with `read(rectangle)` and `write(rectangle, data)`. */
export class History {
  #surface;
  #undo = [];
  #redo = [];
  #bytes = 0;

  constructor(surface) {
    this.#surface = surface;
  }

  get canUndo() {
    return this.#undo.length > 0;
  }

  get canRedo() {
    return this.#redo.length > 0;
  }

  /** Steps that can be taken back. */
  get steps() {
    return this.#undo.length;
  }

  /** Keeps a step: `data` is what the rectangle was before it. */
  push(rectangle, data) {
    this.#redo.forEach((step) => { this.#bytes -= step.data.length; });
    this.#redo = [];
    this.#undo.push({ rectangle, data });
    this.#bytes += data.length;
    while (this.#undo.length > MOST_STEPS ||
      (this.#bytes > MOST_BYTES && this.#undo.length > LEAST_STEPS)) {
      this.#bytes -= this.#undo.shift().data.length;
    }
  }

  undo() {
    return this.#swap(this.#undo, this.#redo);
  }

  redo() {
    return this.#swap(this.#redo, this.#undo);
  }

  #swap(from, to) {
    const step = from.pop();
    if (!step) return false;
    const covered = this.#surface.read(step.rectangle);
    this.#surface.write(step.rectangle, step.data);
    to.push({ rectangle: step.rectangle, data: covered });
    return true;
  }

  /** Forgets all steps: the surface is another one. */
  clear() {
    [this.#undo, this.#redo, this.#bytes] = [[], [], 0];
  }
}
