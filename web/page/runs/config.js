// Configurations as tables: one beside the defaults, several beside each other.
import { make } from "../parts/dom.js";
import { besideDefaults, between, said } from "./differences.js";

const head = (...titles) => make("thead", {}, make("tr", {}, titles.map((title) =>
  make("th", { scope: "col" }, title))));
const table = (label, titles, rows) => make("div", { class: "scroll", tabindex: 0,
  role: "region", "aria-label": label }, make("table", { class: "plain settings" },
  head(...titles), make("tbody", {}, rows)));
const row = (name, values, look = null) => make("tr", { class: look },
  make("th", { scope: "row" }, make("code", {}, name)),
  values.map((value) => make("td", {}, value)));

/** One configuration: what differs from the defaults first, the rest behind a summary. */
export const configTable = (config, groups) => {
  const rows = besideDefaults(config, groups);
  const line = ({ name, value, usual, known, differs }) =>
    row(name, [said(value), known ? said(usual) : "–"], differs ? "differs" : null);
  const titles = ["field", "this run", "default"];
  const [other, same] = [rows.filter(({ differs }) => differs),
    rows.filter(({ differs }) => !differs)];
  return make("div", {}, other.length === 0
    ? make("p", { class: "muted" }, "All fields have their defaults.")
    : table("Fields that differ from the defaults", titles, other.map(line)),
  make("details", {}, make("summary", {}, `${same.length} other fields`),
    table("Other fields", titles, same.map(line))));
};

/** What differs between runs [{id, config}]. */
export const betweenTable = (runs) => {
  const rows = between(runs.map(({ config }) => config));
  if (rows.length === 0) {
    return make("p", { class: "muted" }, "The chosen runs have one and the same configuration.");
  }
  return table("What differs between the chosen runs", ["field", ...runs.map(({ id }) => id)],
    rows.map(({ name, values }) => row(name, values.map(said))));
};
