// Which runs are listed, and in which order. Nothing here needs a browser.

/** Stages in words, in the order in which they are listed. */
export const STAGES = { training: "Training", interrupted: "Interrupted", stopped: "Stopped",
  "out-of-patience": "Ended early", complete: "Complete" };

const stageRank = ({ stage }) => {
  const at = Object.keys(STAGES).indexOf(stage);
  return at < 0 ? Infinity : at;
};
/** What has no value comes last, whichever way is the better one. */
const up = (value) => value ?? Infinity;
const down = (value) => -(value ?? -Infinity);

/** Orders that can be chosen: [name, title, key]. */
export const ORDERS = [
  ["stage", "Training first", stageRank],
  ["name", "Name", () => 0],
  ["l1", "Held-out L1, best first", ({ heldOut }) => up(heldOut?.val_l1)],
  ["ssim", "Held-out SSIM, best first", ({ heldOut }) => down(heldOut?.val_ssim)],
  ["left", "Time left", ({ secondsLeft }) => up(secondsLeft)],
  ["steps", "Most steps", ({ step }) => down(step)],
];

const byName = (left, right) => left.id.localeCompare(right.id, "en", { numeric: true });

/** Runs in an order of ORDERS. Equal ones are in the order of their names. */
export const sorted = (runs, order) => {
  const key = (ORDERS.find(([name]) => name === order) ?? ORDERS[0])[2];
  return [...runs].sort((left, right) => {
    const [one, other] = [key(left), key(right)];
    return one === other ? byName(left, right) : one - other;
  });
};

const words = ({ id, stage, tags, note, dataset, adapter, direction }) =>
  [id, STAGES[stage] ?? stage, ...(tags ?? []), note, dataset ?? "bundled pairs", adapter,
    direction].filter(Boolean).join("\n").toLowerCase();

/** Runs that have all words of a text somewhere, and the tag if one is asked for. */
export const matching = (runs, text, tag = null) => {
  const asked = text.toLowerCase().split(/\s+/).filter(Boolean);
  return runs.filter((run) => (tag === null || run.tags.includes(tag)) &&
    asked.every((word) => words(run).includes(word)));
};

/** All tags of runs, each once. */
export const tagsOf = (runs) =>
  [...new Set(runs.flatMap(({ tags }) => tags))].sort((one, other) => one.localeCompare(other));

/** Tags as they are typed, between commas. */
export const tagsFrom = (text) =>
  [...new Set(text.split(",").map((tag) => tag.trim()).filter(Boolean))];

/** The runs of an address: `#/runs/a` is one, `#/runs/a+b` are two, `#/runs` is the list. */
export const namesOf = (hash) => (hash.split("/")[2] ?? "").split("+").filter(Boolean)
  .map((name) => {
    try {
      return decodeURIComponent(name);
    } catch {
      return name;
    }
  });

/** The address of runs. */
export const addressOf = (...ids) => `#/runs/${ids.map(encodeURIComponent).join("+")}`;
