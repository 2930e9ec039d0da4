// A curve so small that it has no axes: one line, its name, and its newest value.
import { draw, make } from "../parts/dom.js";
import { averaged, extent, scale, short, thinned } from "../parts/scales.js";

const [WIDTH, HEIGHT] = [120, 32];
const MOST_POINTS = 60;
const SMOOTHING = 0.6;

/** The points of a small curve as an attribute; empty where there is no line to draw. */
export const sparkPoints = (rows, key) => {
  const points = averaged(thinned(rows.map((row) => [row.step, row[key] ?? NaN]), MOST_POINTS),
    SMOOTHING);
  if (points.length < 2) return "";
  const x = scale([points[0][0], points.at(-1)[0]], 1, WIDTH - 1);
  const [low, high] = extent(points.map(([, y]) => y), false);
  const y = scale([low, high > low ? high : low + 1], HEIGHT - 3, 3);
  return points.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
};

/** A small curve with `show(rows)`. `series` is the number of its colour. */
export const spark = (title, key, series) => {
  const line = draw("polyline", { class: `series-${series}` });
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true",
    class: "chart", preserveAspectRatio: "none" }, line);
  const value = make("strong", {}, "–");
  const element = make("div", { class: "spark" }, make("span", { class: "muted" }, title, " "),
    value, svg);
  return {
    element,
    show: (rows, newest) => {
      value.textContent = Number.isFinite(newest?.[key]) ? short(newest[key]) : "–";
      line.setAttribute("points", sparkPoints(rows, key));
    },
  };
};
