// Train: choose pairs and options, watch the losses and the samples, use what was learnt.
import { icon, make } from "../parts/dom.js";
import { failed, toast } from "../parts/toast.js";
import { dataChooser } from "./data.js";
import { optionsForm } from "./form.js";
import { Live } from "./live.js";
import { ago } from "./words.js";

/** Makes the view in `root`. */
export const mount = async (root, app) => {
  const live = new Live(app);
  const side = make("div", { class: "stack" });
  root.append(make("h1", { class: "unseen" }, "Train"), make("div", { class: "two" }, side,
    live.element));
  warns(app, live);
  live.recorded();
  if (!app.can("start")) {
    side.append(make("section", { class: "card" }, make("h2", {}, "Train in this tab"),
      make("p", {}, app.without ? app.needs : "This engine does not train.")));
    return {};
  }
  const saved = new Saved(app, live);
  side.append(saved.element, await starter(app, live));
  live.addEventListener("state", () => {
    if (!live.runs) saved.read();
  });
  await saved.read();
  return { enter: () => saved.read() };
};

/** Leaving the page ends a training of this tab; a hidden tab may be slow. */
const warns = (app, live) => {
  if (app.engine.kind !== "tab") return;
  addEventListener("beforeunload", (event) => {
    if (live.state === "training") event.preventDefault();
  });
  let told = false;
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible" || live.state !== "training" || told) return;
    told = true;
    toast("The training went on while the tab was hidden, but browsers may slow such tabs: keep " +
      "it in a window of its own for full speed.");
  });
};

/** The form that starts a training. */
const starter = async (app, live) => {
  const form = make("form", { class: "card stack start" }, make("h2", {}, "A new training"));
  const name = make("input", { id: "run-name", type: "text", value: "trial", required: true,
    pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*", title: "Letters, digits, dots, dashes", size: 12 });
  const button = make("button", { type: "submit", class: "main" }, icon("play"), "Start");
  const data = dataChooser(app);
  let options;
  try {
    options = optionsForm(await app.engine.options(), app.engine.kind);
  } catch (error) {
    form.append(make("p", { class: "bad" }, error.message));
    return form;
  }
  form.append(data.element);
  const told = make("p", { class: "bad small", role: "alert" });
  form.append(make("div", { class: "field" }, make("label", { for: "run-name" }, "Name"), name),
    options.element, button, told);
  // Counting pairs may take a while: the form is there meanwhile.
  button.disabled = true;
  data.read().then(() => { button.disabled = false; },
    (error) => { told.textContent = error.message; });
  // The browser's own bubble comes after the group of the control is open.
  form.noValidate = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!name.reportValidity() || options.invalid()) return;
    button.disabled = true;
    told.textContent = "";
    // Asks the browser not to clear the checkpoints when the disk is full; it may say no.
    navigator.storage?.persist?.().catch(() => {});
    try {
      const id = await app.engine.start({ dataset: data.chosen(), config: options.values(),
        name: name.value });
      live.watch(id, name.value);
      live.element.scrollIntoView({ block: "nearest" });
    } catch (error) {
      told.textContent = error.message;
      failed(error);
    } finally {
      button.disabled = false;
    }
  });
  return form;
};

/** Trainings that can go on. */
class Saved {
  constructor(app, live) {
    [this.app, this.live] = [app, live];
    this.list = make("ul", { class: "saved" });
    this.element = make("section", { class: "card", hidden: true },
      make("h2", {}, "Kept trainings"), this.list);
  }

  async read() {
    if (!this.app.can("saved")) return;
    const found = (await this.app.engine.saved()).filter(({ id }) =>
      id !== this.live.run || !this.live.runs);
    this.element.hidden = found.length === 0;
    this.list.replaceChildren(...found.map((one) => this.#row(one)));
  }

  #row({ id, name, step, steps, when }) {
    const done = steps && step >= steps;
    const go = make("button", { type: "button", on: { click: () => this.#restore(id, name) } },
      icon("play"), done ? "Open" : "Go on");
    const forget = make("button", { type: "button", class: "quiet icon",
      "aria-label": `Delete ${name}`, title: "Delete", on: { click: async () => {
        await this.app.engine.forget(id).catch(failed);
        this.read();
      } } }, icon("clear"));
    return make("li", {}, make("div", { class: "grow" }, make("strong", {}, name), make("div",
      { class: "muted small" }, `step ${step} of ${steps}${when ? `, ${ago(when)}` : ""}`)), go,
    this.app.can("forget") ? forget : null);
  }

  async #restore(id, name) {
    try {
      const run = await this.app.engine.restore(id);
      this.live.watch(run ?? id, name);
      this.read();
    } catch (error) {
      failed(error);
    }
  }
}
