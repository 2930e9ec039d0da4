// One run: its charts, samples, facts, configuration, files, and what can be done with it.
import { make } from "../parts/dom.js";
import { Chart } from "../parts/chart.js";
import { Samples } from "../train/samples.js";
import { Actions } from "./actions.js";
import { configTable } from "./config.js";
import { Notes } from "./notes.js";
import { STAGES } from "./order.js";
import { bytes, facts, progressLine } from "./words.js";

const LOSSES = [["g_l1", "G, L1"], ["g_gan", "G, GAN"], ["d_real", "D, real"],
  ["d_fake", "D, fake"], ["d_gp", "D, penalty"], ["g_feat", "G, features"]];
const SCORES = [["val_l1", "held-out L1"], ["val_ssim", "held-out SSIM"]];
const PSNR = [["val_psnr", "held-out PSNR"]];
const series = (all) => all.map(([key, title]) => ({ key, title }));
const card = (title, ...content) =>
  make("section", { class: "card" }, make("h2", {}, title), ...content);

export class OneRun {
  #charts = [new Chart("Losses", series(LOSSES)), new Chart("Held-out scores", series(SCORES)),
    new Chart("Held-out PSNR", series(PSNR))];
  #samples = new Samples();
  #stage = make("span", { class: "stage" });
  #bar = make("progress", { max: 1, value: 0, "aria-label": "Steps done" });
  #line = make("p", { class: "muted" });
  #said = make("p", { role: "status", class: "small", hidden: true });
  #facts = make("dl", { class: "facts" });
  #files = make("div", { class: "stack" });
  #config = make("div", {});
  #configText = "";
  #stop = null;
  #isAsking = false;
  #isGone = false;

  constructor(app, id, options) {
    [this.app, this.id, this.options] = [app, id, options];
    this.notes = new Notes(app, id);
    this.actions = new Actions(app, id);
    const [losses, scores, psnr] = this.#charts;
    this.element = make("div", { class: "stack one" },
      make("p", {}, make("a", { href: "#/runs" }, "All runs")),
      make("section", { class: "card", "aria-label": "State" },
        make("div", { class: "row" }, make("h1", {}, id), this.#stage,
          this.actions.element), this.#bar, this.#line, this.#said, this.actions.more),
      make("div", { class: "columns" },
        make("div", { class: "stack" }, card("Samples", this.#samples.element),
          card("Losses", losses.element), card("Held-out L1 and SSIM", scores.element),
          card("Held-out PSNR", psnr.element)),
        make("div", { class: "stack" }, card("Facts", this.#facts), this.notes.element,
          card("Configuration", this.#config), card("Files", this.#files))));
  }

  enter() {
    this.#stop?.();
    this.#stop = this.app.engine.watch(this.id, (event) => this.#take(event));
    this.#ask();
  }

  leave() {
    this.#stop?.();
    this.#stop = null;
  }

  #take(event) {
    if (event.kind === "losses") for (const chart of this.#charts) chart.add(event.rows);
    if (event.kind === "samples") this.#samples.add(event);
    if (event.kind === "problem") this.#say(event.message);
    if (event.kind === "anew") {
      for (const chart of this.#charts) chart.clear();
      this.#samples.clear();
      this.#ask();
    }
    if (event.kind !== "state") return;
    // That the studio is away stands above all runs.
    this.#say(event.state === "away" ? "" : event.message ?? "");
    // Charts and notes of a run that is gone stay as they are.
    this.#isGone = event.state === "gone";
    if (!["gone", "away"].includes(event.state)) this.#ask();
  }

  #say(text) {
    this.#said.hidden = text === "";
    if (this.#said.textContent !== text) this.#said.textContent = text;
  }

  /** What the list says of this run, and which run the studio trains. */
  show(run, training) {
    // Its folder is back: it is watched again.
    if (this.#isGone && this.#stop) {
      this.#isGone = false;
      this.enter();
    }
    const stage = STAGES[run.stage] ?? run.stage;
    if (this.#stage.textContent !== stage) this.#stage.textContent = stage;
    this.#stage.classList.toggle("live", run.alive);
    this.#bar.hidden = !run.steps;
    if (run.steps) this.#bar.value = run.step / run.steps;
    this.#line.textContent = progressLine(run);
    if (run.problem) this.#say(run.problem);
    this.#facts.replaceChildren(...facts(run).flatMap(([title, text]) =>
      [make("dt", {}, title), make("dd", {}, text)]));
    this.notes.show(run);
    this.actions.show(run, training);
  }

  /** Reads what only this run's own address tells: configuration, samples, files. */
  async #ask() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const run = await this.app.engine.run(this.id);
      this.actions.weights(run.hasWeights);
      this.show(run, this.actions.training);
      // From the newest back: only the one that is shown is read.
      for (const step of [...run.samples].reverse()) {
        this.#samples.add({ step, url: this.app.engine.sampleUrl(this.id, step) });
      }
      await this.#showConfig(run.config);
      this.#showFiles(run);
    } catch (error) {
      this.#say(error.message);
    } finally {
      this.#isAsking = false;
    }
  }

  async #showConfig(config) {
    const text = JSON.stringify(config);
    if (text === this.#configText) return;
    this.#config.replaceChildren(configTable(config, await this.options()));
    this.#configText = text;
  }

  #showFiles({ pages, checkpoints }) {
    const text = JSON.stringify([pages, checkpoints]);
    if (this.#files.dataset.shown === text) return;
    this.#files.dataset.shown = text;
    const url = (file) => this.app.engine.fileUrl(this.id, file);
    const list = (title, all) => (all.length === 0 ? null : make("div", {}, make("h3", {}, title),
      make("ul", { class: "links" }, all)));
    this.#files.replaceChildren(...[
      list("Pages", pages.map((file) => make("li", {}, make("a", { href: url(file),
        target: "_blank", rel: "noopener" }, file)))),
      list("Checkpoints", checkpoints.map(({ file, bytes: size }) => make("li", {},
        make("a", { href: url(file), download: `${this.id}-${file.split("/").at(-1)}` },
          file.split("/").at(-1)), make("span", { class: "muted" }, ` ${bytes(size)}`)))),
    ].filter(Boolean));
    if (!this.#files.firstChild) {
      this.#files.append(make("p", { class: "muted" }, "The first checkpoint comes later."));
    }
  }
}
