// What a configuration has that others have not. Nothing here needs a browser.

/** Names of `config.json` that the form has under other names. */
const RENAMED = { "length.steps": "steps", "length.epochs": "epochs",
  "objective.betas.0": "beta1", "objective.betas.1": "beta2" };

/** A configuration as rows [name, value], with the names of the form's fields. */
export const flat = (config, below = "") => Object.entries(config).flatMap(([key, value]) => {
  const name = below ? `${below}.${key}` : key;
  const goesOn = value !== null && typeof value === "object" &&
    (!Array.isArray(value) || `${name}.0` in RENAMED);
  return goesOn ? flat(value, name) : [[RENAMED[name] ?? name, value]];
});

/** A value as a short text. */
export const said = (value) => {
  if (value === null || value === undefined) return "none";
  if (typeof value === "boolean") return value ? "on" : "off";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
};

const equal = (one, other) => said(one) === said(other);

/**
 * The rows {name, value, usual, differs} of a configuration beside the defaults of the form's
 * groups: what differs comes first. A field that the form has not got cannot differ.
 */
export const besideDefaults = (config, groups) => {
  const fields = new Map(groups.flatMap(({ fields: all }) => all.map((one) => [one.name, one])));
  const rows = flat(config).map(([name, value]) => {
    const field = fields.get(name);
    return { name, value, usual: field?.default, known: Boolean(field),
      differs: Boolean(field) && !equal(value, field.default) };
  });
  return [...rows.filter(({ differs }) => differs), ...rows.filter(({ differs }) => !differs)];
};

/** The rows {name, values} in which configurations differ from each other, in their order. */
export const between = (configs) => {
  const all = configs.map((config) => new Map(flat(config)));
  const names = [...new Set(all.flatMap((one) => [...one.keys()]))];
  return names.map((name) => ({ name, values: all.map((one) => one.get(name)) }))
    .filter(({ values }) => values.some((value) => !equal(value, values[0])));
};
