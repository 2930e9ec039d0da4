// What can be done with a run: stop and save, go on, extend, draw with it, take its weights.
import { download, icon, make } from "../parts/dom.js";
import { failed } from "../parts/toast.js";

export class Actions {
  training = null;
  #run = null;
  #isSaved = false;
  #steps = make("input", { type: "number", min: 1, step: 1, inputmode: "numeric", required: true,
    id: "extend-length" });
  #unit = make("select", { "aria-label": "Unit of the length" },
    make("option", { value: "steps" }, "steps"), make("option", { value: "epochs" }, "epochs"));
  #rate = make("input", { type: "number", min: 0, step: "any", placeholder: "as before",
    id: "extend-rate" });
  #patience = make("input", { type: "number", min: 1, step: 1, placeholder: "as before",
    id: "extend-patience" });
  #elsewhere = make("p", { class: "muted small", hidden: true });

  constructor(app, id) {
    [this.app, this.id] = [app, id];
    const button = (name, label, click) => make("button", { type: "button", hidden: true,
      on: { click: () => this.#do(click) } }, icon(name), label);
    const engine = () => this.app.engine;
    this.buttons = {
      stop: button("stop", "Stop and save", () => engine().stop(id)),
      resume: button("play", "Resume", () => engine().resume(id)),
      use: button("brush", "Draw with this run", () => this.#use()),
      save: button("save", ".safetensors", async () =>
        download(await engine().weights(id), `${id.replaceAll("/", "-")}.safetensors`)),
    };
    this.element = make("div", { class: "row push" }, ...Object.values(this.buttons));
    const field = (label, input) => make("div", { class: "field" },
      make("label", { for: input.id }, label), input);
    const form = make("form", { class: "extend row" },
      make("div", { class: "field" }, make("label", { for: "extend-length" }, "Length in all"),
        make("div", { class: "row tight" }, this.#steps, this.#unit)),
      field("Learning rate", this.#rate), field("Patience", this.#patience),
      make("button", { type: "submit" }, icon("play"), "Go on"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#do(() => this.#extend());
    });
    this.extend = make("details", { hidden: true }, make("summary", {}, "Extend"), form);
    this.more = make("div", {}, this.#elsewhere, this.extend);
  }

  /** A run as the list tells it, and the run that the studio itself trains. */
  show(run, training) {
    const isFirst = this.#run === null;
    [this.#run, this.training] = [run, training];
    const { stop, resume } = this.buttons;
    const own = training === this.id;
    stop.hidden = !own;
    // A run that was stopped before its first step is saved as well.
    const rests = !run.alive && !own && this.#isSaved;
    resume.hidden = !rests || run.stage === "complete";
    this.extend.hidden = !rests;
    this.#elsewhere.hidden = !run.alive || own;
    this.#elsewhere.textContent = `It is trained ${run.process ? `by process ${run.process}`
      : "by another process"}: stop it there with Ctrl-C.`;
    if (isFirst && run.steps) this.#steps.value = Math.round(run.steps * 1.5);
  }

  /** Whether there are weights to draw with. */
  weights(are) {
    this.#isSaved = are;
    this.buttons.use.hidden = !are;
    this.buttons.save.hidden = !are;
  }

  async #do(action) {
    try {
      await action();
    } catch (error) {
      failed(error);
    }
  }

  async #extend() {
    const changes = { [this.#unit.value]: Number(this.#steps.value) };
    if (this.#rate.value !== "") changes.learning_rate = Number(this.#rate.value);
    if (this.#patience.value !== "") changes.patience = Number(this.#patience.value);
    await this.app.engine.extend(this.id, changes);
    this.extend.open = false;
  }

  async #use() {
    const model = this.app.engine.modelOf(this.id);
    await this.app.choose(model);
    if (this.app.model?.id === model) location.hash = "#/draw";
  }
}
