// Several runs over each other: one quantity in one chart, and what differs between them.
import { make } from "../parts/dom.js";
import { Chart } from "../parts/chart.js";
import { failed } from "../parts/toast.js";
import { betweenTable } from "./config.js";
import { joined } from "./curves.js";
import { addressOf } from "./order.js";
import { progressLine } from "./words.js";

const QUANTITIES = [["g_l1", "G, L1"], ["val_l1", "held-out L1"], ["val_ssim", "held-out SSIM"],
  ["val_psnr", "held-out PSNR"], ["g_gan", "G, GAN"], ["d_real", "D, real"],
  ["d_fake", "D, fake"], ["learning_rate", "learning rate"]];

export class Over {
  #gone = new Set();

  constructor(app, curves, ids) {
    [this.app, this.curves, this.ids] = [app, curves, ids];
    this.chart = new Chart("Runs over each other", ids.map((id) => ({ key: id, title: id })));
    this.quantity = make("select", { on: { change: () => this.#draw() } },
      QUANTITIES.map(([key, title]) => make("option", { value: key }, title)));
    this.lines = new Map(ids.map((id) => [id, make("span", { class: "muted small" })]));
    this.config = make("div", {});
    this.element = make("div", { class: "stack" },
      make("p", {}, make("a", { href: "#/runs" }, "All runs")),
      make("h1", {}, "Runs over each other"),
      make("section", { class: "card" }, make("label", { class: "inline" }, "Show",
        this.quantity), this.chart.element),
      make("section", { class: "card" }, make("h2", {}, "Chosen"), make("ul", { class: "links" },
        ids.map((id, at) => make("li", { class: `series-${at + 1}` },
          make("span", { class: "dot", "aria-hidden": "true" }), " ",
          make("a", { href: addressOf(id) }, id), " ", this.lines.get(id))))),
      make("section", { class: "card" }, make("h2", {}, "What differs"), this.config));
  }

  #draw() {
    this.chart.clear();
    this.chart.add(joined(this.ids.map((id) => [id, this.curves.of(id)]), this.quantity.value));
  }

  async enter() {
    const told = await Promise.allSettled(this.ids.map((id) => this.app.engine.run(id)));
    const runs = told.flatMap(({ value }) => (value ? [value] : []));
    for (const { reason } of told) if (reason) failed(reason);
    this.config.replaceChildren(betweenTable(runs));
  }

  leave() {}

  /** What the list says of all runs. */
  async show(runs) {
    let isNew = false;
    for (const id of this.ids) {
      const run = runs.find((one) => one.id === id);
      this.lines.get(id).textContent = run ? progressLine(run) : "its folder is gone";
      if (run) isNew = (await this.curves.read(run).catch(() => false)) || isNew;
    }
    if (isNew || this.chart.rows.length === 0) this.#draw();
  }
}
