// Runs: all run folders of the studio as a list, one of them, or several over each other. The part
// of the address after `#/runs/` says which.
import { make } from "../parts/dom.js";
import { Curves } from "./curves.js";
import { MOST_CHOSEN, RunList } from "./list.js";
import { OneRun } from "./one.js";
import { namesOf } from "./order.js";
import { Over } from "./over.js";

/** From one look at the list to the next, in milliseconds. */
const PAUSE = 2500;
/** Views of single runs that are kept, with what is typed in them. */
const MOST_KEPT = 12;

/** Makes the view in `root`. */
export const mount = (root, app) => {
  const view = new RunsView(root, app);
  return { enter: () => view.enter(), leave: () => view.leave() };
};

class RunsView {
  #shown = null;
  #isIn = false;
  #timer = null;
  #isLooking = false;
  #last = null;
  #kept = new Map();
  #gone = new Set();
  #options = null;
  #said = make("p", { class: "notice runs-said", role: "status", hidden: true });
  #place = make("div", {});

  constructor(root, app) {
    this.app = app;
    this.curves = new Curves(app.engine);
    this.list = new RunList(app, this.curves);
    root.append(this.#said, this.#place);
    document.addEventListener("visibilitychange", () => {
      if (this.#isIn && document.visibilityState === "visible") this.#look();
    });
  }

  enter() {
    this.#shown?.leave?.();
    this.#isIn = true;
    const ids = namesOf(location.hash).slice(0, MOST_CHOSEN);
    this.#shown = ids.length === 0 ? this.list : ids.length === 1 ? this.#one(ids[0])
      : new Over(this.app, this.curves, ids);
    this.#place.replaceChildren(this.#shown.element);
    this.#shown.enter?.();
    if (this.#last) this.#tell(this.#last);
    this.#look();
  }

  leave() {
    this.#isIn = false;
    clearTimeout(this.#timer);
    this.#shown?.leave?.();
  }

  #one(id) {
    if (!this.#kept.has(id)) {
      if (this.#kept.size >= MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value);
      this.#kept.set(id, new OneRun(this.app, id, () => this.#groups()));
    }
    return this.#kept.get(id);
  }

  /** The fields of a configuration; asked for once. */
  #groups() {
    this.#options ??= this.app.engine.options().catch((error) => {
      this.#options = null;
      throw error;
    });
    return this.#options;
  }

  /** Looks at all runs again and again while the view is shown and can be seen. */
  async #look() {
    clearTimeout(this.#timer);
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const answer = await this.app.engine.runs();
      this.#miss(answer.runs);
      this.#last = answer;
      await this.#tell(answer);
    } catch (error) {
      this.#say(error.message);
    } finally {
      this.#isLooking = false;
      if (this.#isIn && document.visibilityState === "visible") {
        this.#timer = setTimeout(() => this.#look(), PAUSE);
      }
    }
  }

  /** Says which folders vanished, until they are back. A run's own page says it by itself. */
  #miss(runs) {
    const ids = new Set(runs.map(({ id }) => id));
    for (const { id } of this.#last?.runs ?? []) {
      if (ids.has(id)) continue;
      this.#gone.add(id);
      this.curves.forget(id);
    }
    for (const id of this.#gone) if (ids.has(id)) this.#gone.delete(id);
    const told = [...this.#gone].filter((id) => id !== this.#shown.id);
    this.#say(told.length === 0 ? ""
      : `The folder of ${told.join(", ")} is gone: put it back, or go on without it.`);
  }

  #say(text) {
    this.#said.hidden = text === "";
    if (this.#said.textContent !== text) this.#said.textContent = text;
  }

  async #tell(answer) {
    const shown = this.#shown;
    if (shown === this.list) {
      shown.show(answer);
      await shown.readCurves(() => this.#isIn && this.#shown === shown);
    } else if (shown instanceof Over) {
      await shown.show(answer.runs);
    } else {
      const run = answer.runs.find(({ id }) => id === shown.id);
      if (run) shown.show(run, answer.training);
    }
  }
}
