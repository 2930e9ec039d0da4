// The recorded step as a table: sorted by a column, filtered by words, kernels open their source.
import { make } from "../parts/dom.js";

const number = (value, digits) => (value === null || value === undefined ? ""
  : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }));

const COLUMNS = [
  { key: "index", title: "node", value: ({ index }) => index, text: ({ index }) => String(index) },
  { key: "op", title: "operation", value: ({ op }) => op, text: ({ op }) => op },
  { key: "shape", title: "shape", value: ({ shape }) => shape.reduce((all, one) => all * one, 1),
    text: ({ shape }) => shape.join("×") },
  { key: "inputs", title: "inputs", value: ({ inputs }) => inputs.length,
    text: ({ inputs }) => inputs.join(", ") },
  { key: "kernels", title: "kernels", value: ({ kernels }) => kernels.join(" ") },
  { key: "flops", title: "MFLOP", value: ({ flops }) => flops,
    text: ({ flops }) => number(flops / 1e6, 2) },
  { key: "bytes", title: "KiB", value: ({ bytes }) => bytes,
    text: ({ bytes }) => number(bytes / 1024, 1) },
  { key: "milliseconds", title: "ms", value: ({ milliseconds }) => milliseconds ?? NaN,
    text: ({ milliseconds }) => number(milliseconds, 3) },
];
const NUMBERS = new Set(["index", "flops", "bytes", "milliseconds"]);

/** Nodes in the order of a column. What has no value stands last. */
export const sorted = (nodes, value, down) => [...nodes].sort((left, right) => {
  const [l, r] = [value(left), value(right)];
  if (Number.isNaN(l) || Number.isNaN(r)) return Number.isNaN(l) - Number.isNaN(r);
  const order = typeof l === "string" ? l.localeCompare(r, "en") : l - r;
  return down ? -order : order;
});

/** Nodes that have all words of a filter in their operation, shape or kernels. */
export const filtered = (nodes, filter) => {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return nodes.filter(({ index, op, shape, kernels }) => {
    const text = `${index} ${op} ${shape.join("×")} ${kernels.join(" ")}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
};

/** The table. Returns {element, show(nodes), find(index)}. */
export const stepTable = (openKernel) => {
  let [nodes, order, down] = [[], COLUMNS[0], false];
  const body = make("tbody");
  const count = make("span", { class: "muted small", role: "status" });
  const filter = make("input", { type: "search", placeholder: "conv2d, 64×64, …",
    "aria-label": "Filter the nodes", on: { input: () => fill() } });
  const heads = COLUMNS.map((column) => make("th", { scope: "col",
    class: NUMBERS.has(column.key) ? "number" : null }, make("button", { type: "button",
    class: "quiet", on: { click: () => {
      [order, down] = [column, order === column ? !down : false];
      fill();
    } } }, column.title)));
  const cell = (node, { key, text }) => {
    if (key !== "kernels") {
      return make("td", { class: NUMBERS.has(key) ? "number" : null }, text(node));
    }
    return make("td", { class: "kernels" }, node.kernels.map((kernel) => make("button",
      { type: "button", class: "quiet kernel", on: { click: () => openKernel(kernel) } }, kernel)));
  };
  const fill = () => {
    heads.forEach((head, at) => {
      if (COLUMNS[at] === order) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    const shown = sorted(filtered(nodes, filter.value), order.value, down);
    body.replaceChildren(...shown.map((node) => make("tr", { id: `node-${node.index}`,
      tabindex: -1 }, COLUMNS.map((column) => cell(node, column)))));
    count.textContent = `${shown.length} of ${nodes.length} nodes`;
  };
  const element = make("div", {}, make("div", { class: "row filter" }, filter, count),
    make("div", { class: "scroll tall", tabindex: 0, role: "region",
      "aria-label": "The recorded step" }, make("table", { class: "plain step" },
      make("thead", {}, make("tr", {}, heads)), body)));
  return {
    element,
    show: (next) => {
      nodes = next;
      fill();
    },
    /** Brings the row of a node into view. */
    find: (index) => {
      filter.value = "";
      fill();
      const row = document.getElementById(`node-${index}`);
      row?.scrollIntoView({ block: "center" });
      row?.focus();
    },
  };
};
