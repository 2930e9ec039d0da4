// A line chart of what a training tells, drawn as SVG: axes, legend, hover, a log scale, and a
// table for those who do not see it.
import { draw, make } from "./dom.js";
import { averaged, extent, linearTicks, logTicks, nearest, scale, short, thinned }
  from "./scales.js";

const HEIGHT = 300;
const MARGIN = { left: 48, right: 12, top: 12, bottom: 34 };
/** Points of a line; more would not be seen. */
const MOST_POINTS = 320;
/** From so many points on, a line is drawn faintly, with its moving average over it. */
const SMOOTH_FROM = 80;
/** The share of the average that stays from point to point. */
const SMOOTHING = 0.9;
/** Rows of the table. */
const MOST_ROWS = 25;

/** A chart of rows {step, …} with the series [{key, title}]. */
export class Chart {
  #rows = [];
  #hidden = new Set();
  #log = false;
  #due = false;
  #svg = draw("svg", { role: "img", class: "chart" });
  #tip = make("div", { class: "chart-tip", hidden: true, "aria-hidden": "true" });
  #legend = make("div", { class: "legend", role: "group", "aria-label": "Lines of the chart" });
  #table = make("table", { class: "plain" });
  #place = null;

  constructor(title, series) {
    [this.title, this.series] = [title, series];
    const log = make("input", { type: "checkbox", on: { change: () => {
      this.#log = log.checked;
      this.#later();
    } } });
    const details = make("details", { on: { toggle: () => this.#tabulate() } },
      make("summary", {}, "As a table"), make("div", { class: "scroll", tabindex: 0,
        role: "region", "aria-label": `${title} as a table` }, this.#table));
    this.details = details;
    this.box = make("div", { class: "chart-box" }, this.#svg, this.#tip);
    this.element = make("div", {}, make("div", { class: "row" }, this.#legend,
      make("label", { class: "inline small push" }, log, "Log scale")), this.box, details);
    this.box.addEventListener("pointermove", (event) => this.#hover(event));
    this.box.addEventListener("pointerleave", () => { this.#tip.hidden = true; });
    new ResizeObserver(() => this.#later()).observe(this.box);
    this.#legends();
  }

  #legends() {
    this.#legend.replaceChildren(...this.series.map(({ key, title }, at) =>
      make("button", { type: "button", class: `quiet series-${at + 1}`,
        "aria-pressed": String(!this.#hidden.has(key)), on: { click: () => {
          if (!this.#hidden.delete(key)) this.#hidden.add(key);
          this.#legends();
          this.#later();
        } } }, make("span", { class: "dot", "aria-hidden": "true" }), title)));
  }

  /** New rows behind the old ones; those of steps that are there already are left out. */
  add(rows) {
    const last = this.#rows.at(-1)?.step ?? -Infinity;
    this.#rows.push(...rows.filter((row) => row.step > last));
    this.#later();
  }

  clear() {
    this.#rows = [];
    this.#later();
  }

  get rows() {
    return this.#rows;
  }

  /** Draws once in a frame, however many rows came. */
  #later() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#draw();
      this.#tabulate();
      // A line without any value has no entry.
      this.series.forEach(({ key }, at) => {
        this.#legend.children[at].hidden = !this.#has(key);
      });
    });
  }

  #has(key) {
    return this.#rows.some((row) => row[key] !== undefined && row[key] !== null);
  }

  #draw() {
    const shown = this.series.filter(({ key }) => !this.#hidden.has(key) && this.#has(key));
    // As many units as pixels, so that letters have one size everywhere.
    const [width, height] = [Math.max(this.box.clientWidth, 240), HEIGHT];
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#svg.replaceChildren();
    const lines = shown.flatMap(({ key }) => {
      const points = thinned(this.#rows.map((row) => [row.step, row[key] ?? NaN]), MOST_POINTS);
      return points.length < SMOOTH_FROM ? [[key, points, ""]]
        : [[key, points, "faint"], [key, averaged(points, SMOOTHING), ""]];
    });
    const found = extent(lines.flatMap(([, points]) => points.map(([, y]) => y)), this.#log);
    const steps = extent(this.#rows.map((row) => row.step), false);
    this.#svg.setAttribute("aria-label", this.#spoken());
    this.#place = null;
    if (!found || !steps) return;
    const y = this.#log ? logTicks(found) : linearTicks(found, 5);
    const x = linearTicks([0, steps[1]], width > 500 ? 8 : 4);
    const place = {
      x: scale([0, steps[1]], MARGIN.left, width - MARGIN.right),
      y: scale(y.range, height - MARGIN.bottom, MARGIN.top, this.#log),
    };
    this.#place = { ...place, width, height, last: steps[1] };
    this.#axes(x.ticks.filter((tick) => tick <= steps[1]), y.ticks);
    // Faint lines lie below all others.
    lines.sort(([, , left], [, , right]) => (right > left) - (right < left));
    for (const [key, points, look] of lines) this.#line(key, points, place, look);
    this.#svg.append(draw("line", { class: "cursor", y1: MARGIN.top, y2: height - MARGIN.bottom,
      visibility: "hidden" }));
  }

  #axes(xTicks, yTicks) {
    const { x, y, width, height } = this.#place;
    for (const tick of yTicks) {
      this.#svg.append(draw("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right,
        y1: y(tick), y2: y(tick) }),
      draw("text", { x: MARGIN.left - 6, y: y(tick) + 4, "text-anchor": "end" }, short(tick)));
    }
    for (const tick of xTicks) {
      this.#svg.append(draw("text", { x: x(tick), y: height - MARGIN.bottom + 16,
        "text-anchor": "middle" }, String(tick)));
    }
    this.#svg.append(draw("text", { class: "axis-title", x: (MARGIN.left + width) / 2,
      y: height - 3, "text-anchor": "middle" }, "step"));
  }

  #line(key, points, place, look) {
    const at = this.series.findIndex((one) => one.key === key) + 1;
    const places = points.filter(([, value]) => !this.#log || value > 0)
      .map(([step, value]) => `${place.x(step).toFixed(1)},${place.y(value).toFixed(1)}`);
    const shape = places.length === 1
      ? draw("circle", { class: `series-${at}`, cx: places[0].split(",")[0],
        cy: places[0].split(",")[1], r: 3 })
      : draw("polyline", { class: `series-${at} ${look}`, points: places.join(" ") });
    this.#svg.append(shape);
  }

  #spoken() {
    const last = this.#rows.at(-1);
    if (!last) return `${this.title}: nothing yet`;
    // Held-out scores, and lines of other runs, do not have a value at each step.
    const values = this.series.flatMap(({ key, title }) => {
      const row = this.#rows.findLast((one) => Number.isFinite(one[key]));
      return row ? [`${title} ${short(row[key])}`] : [];
    });
    return `${this.title}, step ${last.step}: ${values.join(", ")}`;
  }

  #hover(event) {
    if (!this.#place || this.#rows.length === 0) return;
    const { left, width } = this.#svg.getBoundingClientRect();
    const at = ((event.clientX - left) * this.#place.width) / width;
    const share = (at - MARGIN.left) / (this.#place.width - MARGIN.left - MARGIN.right);
    const row = this.#rows[nearest(this.#rows, "step", share * this.#place.last)];
    const x = this.#place.x(row.step);
    const cursor = this.#svg.querySelector(".cursor");
    for (const [name, value] of [["x1", x], ["x2", x], ["visibility", "visible"]]) {
      cursor.setAttribute(name, value);
    }
    this.#tip.replaceChildren(make("strong", {}, `step ${row.step}`),
      ...this.series.flatMap(({ key, title }, index) => (Number.isFinite(row[key])
        && !this.#hidden.has(key) ? [make("span", { class: `series-${index + 1}` },
          make("span", { class: "dot" }), `${title} ${short(row[key])}`)] : [])));
    this.#tip.hidden = false;
    const right = x > this.#place.width / 2;
    this.#tip.classList.toggle("left", right);
    this.#tip.style.left = `${(100 * x) / this.#place.width}%`;
  }

  /** The table is made when it is open, with rows spread over the run. */
  #tabulate() {
    if (!this.details.open) return;
    const stride = Math.max(1, Math.ceil(this.#rows.length / MOST_ROWS));
    const rows = this.#rows.filter((_, at) => at % stride === 0 || at === this.#rows.length - 1);
    const head = make("tr", {}, ["step", ...this.series.map(({ title }) => title)]
      .map((text) => make("th", { scope: "col" }, text)));
    this.#table.replaceChildren(make("thead", {}, head), make("tbody", {}, rows.map((row) =>
      make("tr", {}, make("th", { scope: "row" }, String(row.step)),
        ...this.series.map(({ key }) => make("td", {},
          Number.isFinite(row[key]) ? short(row[key]) : ""))))));
  }
}
