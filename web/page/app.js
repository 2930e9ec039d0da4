// What all views share: the engine, the models, the chosen model and the present picture.
import { failed } from "./parts/toast.js";

/** Emits `model` when another model was chosen, and `models` when the list changed. */
export class App extends EventTarget {
  /** The engine; null until it was picked. */
  engine = null;
  /** Why nothing can be computed, in one sentence; null where it can. */
  without = null;
  /** What stands in the place of what cannot be computed, below the notice that says why. */
  needs = "This needs WebGPU: the line at the top of the page says how to get it.";
  /** Models of the engine. */
  models = [];
  /** The description of the chosen model. */
  model = null;
  /** Gives the pixels of the present picture. Draw sets it. */
  picture = () => null;

  /** Whether the engine can do that, and there is a device. */
  can(name) {
    return this.without === null && this.engine.can.has(name);
  }

  async readModels() {
    this.models = await this.engine.models();
    this.dispatchEvent(new Event("models"));
  }

  /** Chooses a model by its id, or a file from the disk. A failure is said, the old one stays. */
  async choose(which) {
    const listed = this.models.find((model) => model.id === which);
    if (this.without !== null) {
      if (listed) this.#chosen(listed);
      else failed(new Error(this.needs));
      return;
    }
    this.dispatchEvent(new CustomEvent("opening", { detail: listed?.title ?? which.file?.name }));
    try {
      const model = await this.engine.open(which);
      await this.readModels();
      this.#chosen(model);
    } catch (error) {
      failed(error);
      this.dispatchEvent(new CustomEvent("not-opened", { detail: error.message }));
    }
  }

  #chosen(model) {
    this.model = model;
    this.dispatchEvent(new Event("model"));
  }
}

/** A model file by its name. */
export const isModel = (name) => /\.(safetensors|pth|pt)$/i.test(name);

/** What was understood of a model, in one line. */
export const modelLine = ({ width, height, input, output, dropout }) =>
  `${input} → ${output}, ${width}×${height}, ${dropout ? "with dropout" : "no dropout"}`;
