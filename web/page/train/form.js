// The form of a training, made from what the engine says of its options. What is left empty follows
// the recipe, so only what was asked for is sent.
import { make } from "../parts/dom.js";

/** What is asked first; the rest is in groups that open. */
const FIRST = ["preset", "size", "ngf", "steps"];
const TITLES = { preset: "Recipe", size: "Size", ngf: "Channels (ngf)", steps: "Steps" };
/** The data are chosen beside the form. */
const ELSEWHERE = ["dataset"];
/** A tab has one adapter, and no files of its own. */
const NOT_IN_A_TAB = ["adapter", "tensorboard", "checkpoint_every", "reading.max_pixels",
  "recipe.pretrained", "recipe.pretrained_discriminator"];

/** The help as text: names in backticks stay as code. */
const help = (text) => text.split("`").map((part, at) =>
  (at % 2 ? make("code", {}, part) : part));

/** What a field is if nothing is asked for, with a recipe (`preset`), as a short text. */
export const defaultText = ({ default: value, default_words: words = "" }, preset) => {
  const of = preset && new RegExp(`with \`preset\` ${preset} ([^\\s,;]+)`).exec(words);
  if (of) return of[1].replaceAll("`", "");
  if (value === null || value === undefined) return words.replaceAll("`", "");
  if (typeof value === "boolean") return value ? "on" : "off";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
};

const control = (field, id) => {
  const { kind, choices, least, most } = field;
  if (kind === "choice" || kind === "flag") {
    const named = kind === "flag" ? [["true", "on"], ["false", "off"]]
      : choices.map((choice) => [choice, choice]);
    return make("select", { id }, make("option", { value: "" }, "default"),
      named.map(([value, title]) => make("option", { value }, title)));
  }
  if (kind === "text") return make("input", { id, type: "text" });
  return make("input", { id, type: "number", min: least, max: most, inputmode: "decimal",
    step: kind === "integer" ? 1 : "any" });
};

/** The value of a control as a configuration has it; undefined where nothing is asked for. */
const valueOf = ({ kind }, { value }) => {
  if (value === "") return undefined;
  if (kind === "flag") return value === "true";
  return kind === "integer" || kind === "number" ? Number(value) : value;
};

/** A control with its label and help. */
const fieldRow = (field, rows) => {
  const id = `option-${field.name.replaceAll(".", "-")}`;
  const element = control(field, id);
  const words = field.default_words ? [" Default: ", ...help(field.default_words), "."] : [];
  const told = make("small", { id: `${id}-help`, class: "muted" },
    help(`${(field.help ?? "").replace(/\.$/, "")}.`), words);
  element.setAttribute("aria-describedby", told.id);
  rows.push({ field, element });
  return make("div", { class: "field" },
    make("label", { for: id }, TITLES[field.name] ?? field.name), element, told);
};

/** Defaults are shown in the empty controls. They change with the recipe. */
const showDefaults = (rows, preset) => {
  for (const { field, element } of rows) {
    const text = defaultText(field, preset);
    if (element.tagName !== "SELECT") element.placeholder = text;
    else if (element.options[0].value === "") element.options[0].textContent = `default: ${text}`;
  }
};

/** The form of an engine of that kind. Returns {element, values, invalid}. */
export const optionsForm = (groups, kind) => {
  const rows = [];
  const hidden = kind === "tab" ? [...ELSEWHERE, ...NOT_IN_A_TAB] : ELSEWHERE;
  const all = groups.flatMap(({ fields }) => fields);
  const first = FIRST.map((name) => all.find((field) => field.name === name)).filter(Boolean);
  const rest = groups.map(({ group, fields }) => ({ group: group ?? "More",
    fields: fields.filter(({ name }) => !FIRST.includes(name) && !hidden.includes(name)) }))
    .filter(({ fields }) => fields.length > 0);
  const element = make("div", { class: "options" },
    make("div", { class: "first" }, first.map((field) => fieldRow(field, rows))),
    rest.map(({ group, fields }) => make("details", {}, make("summary", {}, group),
      make("div", { class: "fields" }, fields.map((field) => fieldRow(field, rows))))));
  const preset = rows.find(({ field }) => field.name === "preset")?.element;
  if (preset) {
    // A tab is no place for the paper's sizes, unless somebody asks for them.
    if (kind === "tab") preset.value = "fast";
    preset.addEventListener("change", () => showDefaults(rows, preset.value));
  }
  showDefaults(rows, preset?.value);
  return {
    element,
    /** What was asked for, by the names of the fields. */
    values: () => Object.fromEntries(rows.map(({ field, element: one }) =>
      [field.name, valueOf(field, one)]).filter(([, value]) => value !== undefined)),
    /** Whether the browser refuses a control: it is opened and told. */
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
