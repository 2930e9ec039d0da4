// The form of a training, made from what the engine says of its options.
import { make } from "../parts/dom.js";

/** What is asked first; the rest is in groups that open. */
const FIRST = ["preset", "size", "ngf", "steps"];
const TITLES = { preset: "Recipe", size: "Size", ngf: "Channels (ngf)", steps: "Steps" };

/** The help as text: names in backticks stay as code. */
const help = (text) => text.split("`").map((part, at) =>
  (at % 2 ? make("code", {}, part) : part));

const control = (field, id) => {
  const { kind, choices, least, most } = field;
  const value = field.default;
  if (kind === "choice") {
    const select = make("select", { id }, choices.map((choice) =>
      make("option", { value: choice }, String(choice))));
    select.value = value;
    return select;
  }
  if (kind === "flag") return make("input", { id, type: "checkbox", checked: value === true });
  const shown = value === null || value === undefined ? "" : String(value);
  if (kind === "text") return make("input", { id, type: "text", value: shown });
  return make("input", { id, type: "number", min: least, max: most,
    step: kind === "integer" ? 1 : "any", value: shown, inputmode: "decimal" });
};

/** The value of a control as the configuration has it; undefined where it is empty. */
const valueOf = ({ kind }, element) => {
  if (kind === "flag") return element.checked;
  if (element.value === "") return undefined;
  return kind === "integer" || kind === "number" ? Number(element.value) : element.value;
};

/** The form. Returns {element, values, invalid}. */
export const optionsForm = (groups) => {
  const rows = [];
  const row = (field, title) => {
    const id = `option-${field.name.replaceAll(".", "-")}`;
    const element = control(field, id);
    const told = make("small", { id: `${id}-help`, class: "muted" }, help(field.help ?? ""));
    element.setAttribute("aria-describedby", told.id);
    rows.push({ field, element, initial: valueOf(field, element) });
    return make("div", { class: field.kind === "flag" ? "field flag" : "field" },
      make("label", { for: id }, title ?? field.name), element, told);
  };
  const all = groups.flatMap(({ fields }) => fields);
  const first = FIRST.map((name) => all.find((field) => field.name === name)).filter(Boolean);
  const rest = groups.map(({ group, fields }) => ({ group: group ?? "More",
    fields: fields.filter((field) => !FIRST.includes(field.name) && field.name !== "dataset") }))
    .filter(({ fields }) => fields.length > 0);
  const element = make("div", { class: "options" },
    make("div", { class: "first" }, first.map((field) => row(field, TITLES[field.name]))),
    rest.map(({ group, fields }) => make("details", {}, make("summary", {}, group),
      make("div", { class: "fields" }, fields.map((field) => row(field))))));
  return {
    element,
    /** Only what was changed: the rest follows the recipe. */
    values: () => Object.fromEntries(rows.map(({ field, element: one, initial }) =>
      [field.name, valueOf(field, one), initial])
      .filter(([, value, initial]) => value !== undefined && value !== initial)
      .map(([name, value]) => [name, value])),
    /** The first control that the browser refuses, opened and told. */
    invalid: () => {
      const bad = rows.find(({ element: one }) => !one.checkValidity());
      if (!bad) return false;
      const details = bad.element.closest("details");
      if (details) details.open = true;
      bad.element.reportValidity();
      return true;
    },
  };
};
