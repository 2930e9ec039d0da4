// The list of all runs: one card for each, with what can be seen at a glance.
import { icon, make } from "../parts/dom.js";
import { addressOf, matching, ORDERS, sorted, STAGES, tagsOf } from "./order.js";
import { spark } from "./spark.js";
import { progressLine } from "./words.js";

/** Runs over each other; a chart has so many colours. */
export const MOST_CHOSEN = 6;

/** The card of a run. It stays while the run goes on, so that the focus stays too. */
class Card {
  #name = make("a", { class: "name" });
  #stage = make("span", { class: "stage" });
  #tags = make("span", { class: "tags" });
  #bar = make("progress", { max: 1, value: 0 });
  #line = make("p", { class: "muted small" });
  #problem = make("p", { class: "bad small", hidden: true });
  #picture = make("img", { alt: "", hidden: true });
  #sparks = [spark("G, L1", "g_l1", 1), spark("held-out L1", "val_l1", 3)];
  #step = null;

  constructor(list, { id }) {
    [this.list, this.id] = [list, id];
    this.box = make("input", { type: "checkbox", "aria-label": `Choose ${id}`,
      on: { change: () => list.choose(id, this.box.checked) } });
    this.#name.textContent = id;
    this.#name.href = addressOf(id);
    this.#bar.setAttribute("aria-label", `Steps of ${id}`);
    this.#picture.loading = "lazy";
    this.element = make("li", { class: "card run" }, this.box,
      make("div", { class: "what" }, make("div", { class: "row" }, this.#name, this.#stage,
        this.#tags), this.#bar, this.#line, this.#problem),
      make("div", { class: "sparks" }, this.#sparks.map(({ element }) => element)),
      make("div", { class: "newest" }, this.#picture));
  }

  show(run) {
    const stage = STAGES[run.stage] ?? run.stage;
    if (this.#stage.textContent !== stage) this.#stage.textContent = stage;
    this.#stage.classList.toggle("live", run.alive);
    this.#tags.replaceChildren(...run.tags.map((tag) => make("span", { class: "tag" }, tag)));
    this.#bar.hidden = !run.steps;
    if (run.steps) this.#bar.value = run.step / run.steps;
    this.#line.textContent = progressLine(run);
    this.#problem.textContent = run.problem ?? "";
    this.#problem.hidden = !run.problem;
    if (run.sample !== null && run.sample !== this.#step) {
      this.#step = run.sample;
      this.#picture.src = this.list.app.engine.sampleUrl(run.id, run.sample);
      this.#picture.alt = `${run.id}, step ${run.sample}: input, output and target`;
      this.#picture.hidden = false;
    }
    this.curves(run);
  }

  curves(run) {
    const rows = this.list.curves.of(run.id);
    const [losses, heldOut] = this.#sparks;
    losses.show(rows, run.losses);
    heldOut.show(rows, run.heldOut);
  }
}

/** The list with its filter. */
export class RunList {
  #cards = new Map();
  #chosen = new Set();
  #runs = [];
  #tag = null;
  #text = make("input", { type: "search", "aria-label": "Filter by name, tag, note, stage, data",
    placeholder: "Filter", on: { input: () => this.#arrange() } });
  #order = make("select", { on: { change: () => this.#arrange() } },
    ORDERS.map(([name, title]) => make("option", { value: name }, title)));
  #tagButtons = make("div", { class: "row tag-row", role: "group", "aria-label": "Tags" });
  #list = make("ul", { class: "runs-list" });
  #count = make("p", { class: "muted small", role: "status" });
  #over = make("a", { class: "button", hidden: true });
  #comparisons = make("section", { class: "card", hidden: true });
  #told = make("span", { class: "unseen", role: "status" });

  constructor(app, curves) {
    [this.app, this.curves] = [app, curves];
    this.element = make("div", { class: "stack" },
      make("div", { class: "row head" }, make("h1", { class: "grow" }, "Runs"), this.#over,
        app.can("start") ? make("a", { class: "button", href: "#/train" }, icon("play"),
          "New training") : null),
      make("div", { class: "row filters" }, this.#text,
        make("label", { class: "inline" }, "Order", this.#order), this.#count),
      this.#tagButtons, this.#list, this.#comparisons, this.#told);
  }

  /** What the studio said of all runs. */
  show({ runs, comparisons }) {
    this.#runs = runs;
    const ids = new Set(runs.map(({ id }) => id));
    for (const [id, card] of this.#cards) {
      if (ids.has(id)) continue;
      card.element.remove();
      this.#cards.delete(id);
      this.#chosen.delete(id);
    }
    for (const run of runs) {
      if (!this.#cards.has(run.id)) this.#cards.set(run.id, new Card(this, run));
      this.#cards.get(run.id).show(run);
    }
    this.#tags();
    this.#arrange();
    this.#chooseLine();
    this.#listComparisons(comparisons);
  }

  /** The small curves, read one run after the other: those that are seen. */
  async readCurves(isShown) {
    for (const run of sorted(matching(this.#runs, this.#text.value, this.#tag), "stage")) {
      if (!isShown()) return;
      const card = this.#cards.get(run.id);
      // A run that vanishes meanwhile is told by the next list.
      if (card && (await this.curves.read(run).catch(() => false))) card.curves(run);
    }
  }

  #tags() {
    const tags = tagsOf(this.#runs);
    if (!tags.includes(this.#tag)) this.#tag = null;
    this.#tagButtons.hidden = tags.length === 0;
    const shown = [...this.#tagButtons.children].map(({ textContent }) => textContent);
    if (shown.join("\n") !== tags.join("\n")) {
      this.#tagButtons.replaceChildren(...tags.map((tag) => make("button", { type: "button",
        on: { click: () => {
          this.#tag = this.#tag === tag ? null : tag;
          this.#tags();
          this.#arrange();
        } } }, tag)));
    }
    for (const button of this.#tagButtons.children) {
      button.setAttribute("aria-pressed", String(button.textContent === this.#tag));
    }
  }

  #arrange() {
    const shown = sorted(matching(this.#runs, this.#text.value, this.#tag), this.#order.value);
    const elements = shown.map(({ id }) => this.#cards.get(id).element);
    // Cards are moved only where the order changed: a moved element loses the focus.
    if (elements.length !== this.#list.children.length ||
      elements.some((element, at) => this.#list.children[at] !== element)) {
      this.#list.replaceChildren(...elements);
    }
    const count = shown.length === this.#runs.length ? `${shown.length} runs`
      : `${shown.length} of ${this.#runs.length} runs`;
    const text = this.#runs.length === 0
      ? "There is no run yet: start a training, here or in a terminal." : count;
    if (this.#count.textContent !== text) this.#count.textContent = text;
  }

  choose(id, isChosen) {
    if (isChosen) this.#chosen.add(id);
    else this.#chosen.delete(id);
    this.#chooseLine();
    this.#told.textContent = `${this.#chosen.size} runs chosen`;
  }

  #chooseLine() {
    const ids = [...this.#chosen];
    this.#over.hidden = ids.length < 2;
    this.#over.href = addressOf(...ids);
    this.#over.textContent = `Lay ${ids.length} over each other`;
    const isFull = ids.length >= MOST_CHOSEN;
    for (const [id, { box }] of this.#cards) {
      box.checked = this.#chosen.has(id);
      box.disabled = isFull && !box.checked;
      box.title = box.disabled ? `At most ${MOST_CHOSEN} at once` : "";
    }
  }

  #listComparisons(comparisons) {
    this.#comparisons.hidden = comparisons.length === 0;
    this.#comparisons.replaceChildren(make("h2", {}, "Comparisons"), make("ul", { class: "links" },
      comparisons.map(({ id, page }) => make("li", {}, page ? make("a", { target: "_blank",
        rel: "noopener", href: this.app.engine.fileUrl(id, page) }, id) : id))));
  }
}
