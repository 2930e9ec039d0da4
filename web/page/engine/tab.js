// The engine in this tab: a worker owns the device, the models and the training. This side keeps
// what the worker needs again after a lost device.
import { Caller } from "./rpc.js";
import { boxModels, palettes } from "./box.js";

const CAN = ["about", "models", "open", "translate", "inspect", "drawing", "shader", "activations",
  "options", "datasets", "addDataset", "start", "watch", "pause", "resume", "stop", "weights",
  "saved", "restore", "forget"];

const LOST = "The graphics device was lost (the driver restarted, or memory ran out): it is " +
  "opened again with your next action; a training goes on from its last checkpoint in Train.";

class TabEngine extends EventTarget {
  kind = "tab";
  can = new Set(CAN);
  #caller = null;
  #worker = null;
  #opened = new Map();
  #files = new Map();
  #runs = new Map();
  #watchers = new Map();

  #start() {
    if (this.#caller) return this.#caller;
    const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    const caller = new Caller(worker, (told) => this.#told(told));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#lose(worker, event.message
        ? `The engine stopped (${event.message}): reload the page.`
        : "The engine's files could not be read: see that pkg/ lies beside the page, and reload.");
    });
    [this.#worker, this.#caller] = [worker, caller];
    return caller;
  }

  /** Everything that the worker had is gone. The next call starts another one. */
  #lose(worker, message) {
    if (worker !== this.#worker) return;
    worker.terminate();
    const caller = this.#caller;
    [this.#worker, this.#caller] = [null, null];
    this.#opened.clear();
    for (const [id, listeners] of this.#watchers) {
      for (const listener of listeners) {
        listener({ kind: "state", state: "failed", id, message });
      }
    }
    caller.fail(message);
    this.dispatchEvent(new CustomEvent("lost", { detail: message }));
  }

  #told(told) {
    if (told.kind === "lost") {
      this.#lose(this.#worker, LOST);
      return;
    }
    if (told.kind === "told") {
      this.dispatchEvent(new CustomEvent("told", { detail: told.message }));
      return;
    }
    for (const listener of this.#watchers.get(told.id) ?? []) listener(told.event);
  }

  #call(method, args, transfer) {
    return this.#start().call(method, args, transfer);
  }

  about() {
    return this.#call("about", []);
  }

  async models() {
    const files = [...this.#files.values()].map((file) => file.description).filter(Boolean);
    return [...(await boxModels()), ...this.#runs.values(), ...files];
  }

  /** Weights are read once; a second `open` of a model answers at once. */
  open(which) {
    const id = typeof which === "string" ? which : `file:${which.file.name}`;
    if (typeof which !== "string") {
      this.#files.set(id, { file: which.file, description: null });
      this.#opened.delete(id);
    }
    // A training goes on: its weights are taken anew.
    if (id.startsWith("run:")) this.#opened.delete(id);
    return this.#ready(id);
  }

  #ready(id) {
    if (!this.#opened.has(id)) {
      const opening = this.#open(id);
      this.#opened.set(id, opening);
      // A model that could not be opened is tried again the next time.
      opening.catch(() => this.#opened.delete(id));
    }
    return this.#opened.get(id);
  }

  async #open(id) {
    const own = this.#files.get(id);
    if (own) {
      const bytes = await own.file.arrayBuffer();
      const told = await this.#call("openModel", [id, bytes, null], [bytes]);
      own.description = { title: own.file.name, about: "", licence: null, examples: [],
        palette: null, ...told, id, from: "file" };
      return own.description;
    }
    const model = (await boxModels()).find((one) => one.id === id);
    if (!model && id.startsWith("run:")) {
      const told = await this.#call("openRun", [id]);
      this.#runs.set(id, { palette: null, examples: [], licence: null, about: "", ...told, id,
        from: "run" });
      return this.#runs.get(id);
    }
    if (!model) throw new Error(`There is no model ${id}: choose one of the list.`);
    const [answer, card] = await Promise.all([fetch(model.weights), cardText(model)]);
    if (!answer.ok) {
      throw new Error(`The weights of ${model.title} could not be read (${answer.status}): ` +
        "reload the page while there is a connection.");
    }
    const bytes = await answer.arrayBuffer();
    const told = await this.#call("openModel", [id, bytes, card], [bytes]);
    return { ...model, ...told, id, title: model.title, from: "box",
      palette: told.palette ?? palettes[id] ?? null, examples: model.examples };
  }

  async translate(id, pixels, { seed = 0 } = {}) {
    await this.#ready(id);
    const { width, height, data } = pixels;
    const copy = new Uint8ClampedArray(data);
    return this.#call("translate", [id, width, height, copy, seed], [copy.buffer]);
  }

  async inspect(what) {
    if (what.model) await this.#ready(what.model);
    return this.#call("inspect", [what]);
  }

  async drawing(what) {
    if (what.model) await this.#ready(what.model);
    return this.#call("drawing", [what]);
  }

  shader(kernel) {
    return this.#call("shader", [kernel]);
  }

  async activations(id, { width, height, data }) {
    await this.#ready(id);
    return this.#call("activations", [id, width, height, new Uint8ClampedArray(data)]);
  }

  options() {
    return this.#call("options", []);
  }

  datasets() {
    return this.#call("datasets", []);
  }

  addDataset(name, files) {
    const listed = files.map((file) => ({ path: file.webkitRelativePath || file.name, file }));
    return this.#call("addDataset", [name, listed]);
  }

  start(what) {
    return this.#call("start", [what]);
  }

  watch(id, listener) {
    const listeners = this.#watchers.get(id) ?? new Set();
    listeners.add(listener);
    this.#watchers.set(id, listeners);
    // Who comes late is told what was.
    this.#call("replay", [id]).then((events) => {
      if (listeners.has(listener)) events.forEach(listener);
    }, () => {});
    return () => listeners.delete(listener);
  }

  pause(id) {
    return this.#call("pause", [id]);
  }

  resume(id) {
    return this.#call("resume", [id]);
  }

  stop(id) {
    return this.#call("stop", [id]);
  }

  async weights(id) {
    const bytes = await this.#call("weights", [id]);
    return new Blob([bytes], { type: "application/octet-stream" });
  }

  saved() {
    return this.#call("saved", []);
  }

  restore(id) {
    return this.#call("restore", [id]);
  }

  forget(id) {
    return this.#call("forget", [id]);
  }
}

/** What is known of a model in the box; without it the weights are read alone. */
const cardText = async ({ card }) => {
  const answer = await fetch(card).catch(() => null);
  return answer?.ok ? answer.text() : null;
};

/** The engine of this tab. Without WebGPU it is there too: what needs a device then fails. */
export const openTab = async () => {
  const engine = new TabEngine();
  // The module and the device come while the page is made.
  if (navigator.gpu) engine.about().catch(() => {});
  return engine;
};
