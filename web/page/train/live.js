// A training as it goes: its state, its losses, its samples, and what can be done with it. Also
// shows the recorded one.
import { download, icon, make } from "../parts/dom.js";
import { Chart } from "../parts/chart.js";
import { failed } from "../parts/toast.js";
import { Samples } from "./samples.js";
import { duration, perStep } from "./words.js";

const SERIES = [{ key: "g_l1", title: "G, L1" }, { key: "g_gan", title: "G, GAN" },
  { key: "d_real", title: "D, real" }, { key: "d_fake", title: "D, fake" },
  { key: "val_l1", title: "held-out L1" }];
const STATES = { training: "Training", paused: "Paused", stopped: "Stopped", complete: "Complete",
  failed: "Failed", away: "Away", gone: "Gone" };

/** The right side of Train. Emits `state`. */
export class Live extends EventTarget {
  run = null;
  state = null;
  #stopWatching = null;
  #heading = make("h2", { class: "grow" }, "");
  #line = make("p", { class: "muted" });
  #spoken = make("span", { class: "unseen", role: "status" });
  #bar = make("progress", { max: 1, value: 0, "aria-label": "Steps done" });
  #chart = new Chart("Losses", SERIES);
  #samples = new Samples();

  constructor(app) {
    super();
    this.app = app;
    const button = (name, label, click) =>
      make("button", { type: "button", on: { click: () => this.#do(click) } }, icon(name), label);
    const engine = () => app.engine;
    this.buttons = {
      pause: button("pause", "Pause", () => engine().pause(this.run)),
      resume: button("play", "Resume", () => engine().resume(this.run)),
      stop: button("stop", "Stop", () => engine().stop(this.run)),
      use: button("brush", "Use in Draw", () => this.#use()),
      save: button("save", ".safetensors", () => this.#save()),
    };
    // The studio has a page of its own for each run.
    this.page = make("a", { hidden: true }, "All of this run");
    this.element = make("div", { class: "stack live" },
      make("section", { class: "card", "aria-label": "State" },
        make("div", { class: "row" }, this.#heading, ...Object.values(this.buttons)), this.#bar,
        this.#line, this.page, this.#spoken),
      make("section", { class: "card" }, make("h2", {}, "Held-out samples"),
        this.#samples.element),
      make("section", { class: "card" }, make("h2", {}, "Losses"), this.#chart.element));
  }

  async #do(action) {
    try {
      await action();
    } catch (error) {
      failed(error);
    }
  }

  #reset(title) {
    this.#stopWatching?.();
    this.#stopWatching = null;
    [this.run, this.state] = [null, null];
    this.#heading.textContent = title;
    this.#chart.clear();
    this.#samples.clear();
    this.#offer();
  }

  /** Watches a run of the engine. */
  watch(id, name) {
    this.#reset(name);
    this.run = id;
    this.name = name;
    this.#line.textContent = "Compiling kernels; the first step takes longest.";
    this.#bar.removeAttribute("value");
    this.#bar.hidden = false;
    this.#stopWatching = this.app.engine.watch(id, (event) => this.#take(event));
  }

  /** Shows a training that was recorded, with its pictures. */
  async recorded() {
    const base = new URL("../examples/course/course.json", import.meta.url);
    try {
      const course = await (await fetch(base)).json();
      if (this.run) return;
      this.#reset("A recorded training");
      this.#bar.hidden = true;
      this.#line.textContent = `${course.told} ${course.steps} steps took ${course.seconds} s ` +
        `on ${course.device}.`;
      this.#chart.add(course.rows);
      course.samples.forEach(({ step, url }) =>
        this.#samples.add({ step, url: new URL(url, base).href }));
    } catch {
      this.#reset("Nothing trains");
      this.#bar.hidden = true;
    }
  }

  #take(event) {
    if (event.kind === "losses") this.#chart.add(event.rows);
    else if (event.kind === "samples") this.#samples.add(event);
    else if (event.kind === "state") this.#states(event);
    else if (event.kind === "problem") this.#line.textContent = event.message;
    else if (event.kind === "anew") {
      // A run that goes on from a checkpoint has dropped the rows behind it.
      this.#chart.clear();
      this.#samples.clear();
    }
  }

  #states({ state, step = 0, steps, secondsPerStep, message }) {
    if (state !== this.state) this.#spoken.textContent = `${STATES[state]}, step ${step}`;
    this.state = state;
    if (steps) this.#bar.value = step / steps;
    this.#heading.textContent = `${this.name}: ${STATES[state].toLowerCase()}`;
    this.page.hidden = !this.app.engine.can.has("runs");
    this.page.href = `#/runs/${encodeURIComponent(this.run)}`;
    const parts = [`step ${step}${steps ? ` of ${steps}` : ""}`];
    if (secondsPerStep) parts.push(perStep(secondsPerStep));
    if (state === "training" && secondsPerStep && steps) {
      parts.push(`${duration(secondsPerStep * (steps - step))} left`);
    }
    const isThere = !["away", "gone"].includes(state);
    this.#line.textContent = !isThere ? message
      : message ? `${parts[0]}. ${message}` : parts.join(" · ");
    this.#line.classList.toggle("bad", state === "failed");
    this.#offer();
    this.dispatchEvent(new Event("state"));
  }

  /** Whether a reload would end a training. */
  get runs() {
    return ["training", "paused"].includes(this.state);
  }

  #offer() {
    const can = (name) => this.run !== null && this.app.can(name);
    const { pause, resume, stop, use, save } = this.buttons;
    pause.hidden = !can("pause") || this.state !== "training";
    // A run of the studio that was stopped is saved, and goes on from there.
    const waits = this.app.can("pause") ? "paused" : "stopped";
    resume.hidden = !can("resume") || this.state !== waits;
    stop.hidden = !can("stop") || !this.runs;
    use.hidden = !can("open") || this.state === null;
    save.hidden = !can("weights") || this.state === null;
  }

  async #use() {
    const model = this.app.engine.modelOf?.(this.run) ?? this.run;
    await this.app.choose(model);
    if (this.app.model?.id === model) location.hash = "#/draw";
  }

  async #save() {
    download(await this.app.engine.weights(this.run), `${this.name}.safetensors`);
  }
}
