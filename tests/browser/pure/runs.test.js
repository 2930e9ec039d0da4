// The view of all runs: what needs no browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf, matching, namesOf, sorted, tagsFrom, tagsOf }
  from "../../../web/page/runs/order.js";
import { besideDefaults, between, flat } from "../../../web/page/runs/differences.js";
import { Curves, extended, joined } from "../../../web/page/runs/curves.js";
import { sparkPoints } from "../../../web/page/runs/spark.js";
import { bytes, facts, progressLine } from "../../../web/page/runs/words.js";

const run = (id, more = {}) => ({ id, stage: "complete", tags: [], note: "", dataset: null,
  adapter: "llvmpipe", direction: "AtoB", heldOut: null, secondsLeft: null, step: 10, steps: 20,
  ...more });
const ids = (runs) => runs.map(({ id }) => id);

test("runs that train come first, and names have their numbers in order", () => {
  const runs = [run("b-10"), run("b-9"), run("z", { stage: "training" }),
    run("s", { stage: "stopped" }), run("new", { stage: "no such stage" })];
  assert.deepEqual(ids(sorted(runs, "stage")), ["z", "s", "b-9", "b-10", "new"]);
  assert.deepEqual(ids(sorted(runs, "name")), ["b-9", "b-10", "new", "s", "z"]);
  assert.deepEqual(ids(sorted(runs, "no such order")), ids(sorted(runs, "stage")));
});

test("a run without a score is behind all that have one", () => {
  const runs = [run("none"), run("bad", { heldOut: { val_l1: 0.3, val_ssim: 0.4 } }),
    run("good", { heldOut: { val_l1: 0.1, val_ssim: 0.9 } })];
  assert.deepEqual(ids(sorted(runs, "l1")), ["good", "bad", "none"]);
  assert.deepEqual(ids(sorted(runs, "ssim")), ["good", "bad", "none"]);
});

test("a filter asks for all its words, anywhere", () => {
  const runs = [run("maps", { tags: ["paper"], note: "with Dropout" }), run("faces")];
  assert.deepEqual(ids(matching(runs, " PAPER dropout ")), ["maps"]);
  assert.deepEqual(ids(matching(runs, "paper faces")), []);
  assert.deepEqual(ids(matching(runs, "bundled")), ["maps", "faces"]);
  assert.deepEqual(ids(matching(runs, "", "paper")), ["maps"]);
  assert.deepEqual(tagsOf([...runs, run("x", { tags: ["a", "paper"] })]), ["a", "paper"]);
  assert.deepEqual(tagsFrom(" b, a ,, b"), ["b", "a"]);
});

test("an address names its runs, whatever their names", () => {
  const names = ["a+b", "sweep/run 1", "ü%"];
  assert.deepEqual(namesOf(addressOf(...names)), names);
  assert.deepEqual(namesOf("#/runs"), []);
  assert.deepEqual(namesOf("#/runs/%"), ["%"]);
});

const config = { size: 32, length: { steps: 60 }, objective: { betas: [0.5, 0.999] },
  recipe: { ema: null }, reading: { value_range: [0, 255] }, own: 1 };

test("a configuration has the names of the form", () => {
  assert.deepEqual(flat(config), [["size", 32], ["steps", 60], ["beta1", 0.5], ["beta2", 0.999],
    ["recipe.ema", null], ["reading.value_range", [0, 255]], ["own", 1]]);
});

test("what differs from the defaults comes first; what has no default cannot differ", () => {
  const groups = [{ fields: [{ name: "size", default: 256 }, { name: "beta1", default: 0.5 }] },
    { fields: [{ name: "recipe.ema", default: null }, { name: "steps", default: null }] }];
  const rows = besideDefaults(config, groups);
  assert.deepEqual(rows.filter(({ differs }) => differs).map(({ name }) => name),
    ["size", "steps"]);
  assert.deepEqual(rows.slice(0, 3).map(({ name }) => name), ["size", "steps", "beta1"]);
  assert.equal(rows.find(({ name }) => name === "own").known, false);
});

test("only what differs between runs is told, also where one has not got it", () => {
  const other = { ...config, size: 64, recipe: { ema: null, pool: 50 } };
  assert.deepEqual(between([config, other]), [{ name: "size", values: [32, 64] },
    { name: "recipe.pool", values: [undefined, 50] }]);
  assert.deepEqual(between([config, structuredClone(config)]), []);
});

test("rows of runs are joined by their steps", () => {
  const rows = joined([["a", [{ step: 1, l: 3 }, { step: 3, l: 1 }]],
    ["b", [{ step: 2, l: 5 }, { step: 3, l: 4 }, { step: 4, l: null }]]], "l");
  assert.deepEqual(rows, [{ step: 1, a: 3 }, { step: 2, b: 5 }, { step: 3, a: 1, b: 4 }]);
});

test("rows that are told again take the place of the old ones", () => {
  const rows = [{ step: 1 }, { step: 2, old: true }, { step: 3, old: true }];
  assert.deepEqual(extended(rows, [{ step: 2 }]), [{ step: 1 }, { step: 2 }]);
  assert.equal(extended(rows, []), rows);
});

test("curves ask for what is new alone, and for all where a run goes on from before", async () => {
  const asked = [];
  const curves = new Curves({ metrics: async (id, after) => {
    asked.push(after);
    return [{ step: after + 1 }];
  } });
  const read = (step, stage) => curves.read({ id: "a", step, stage });
  assert.equal(await read(1, "training"), true);
  assert.equal(await read(1, "training"), false);
  assert.equal(await read(2, "training"), true);
  assert.deepEqual(asked, [0, 1]);
  assert.deepEqual(curves.of("a"), [{ step: 1 }, { step: 2 }]);
  await read(1, "training");
  await read(1, "stopped");
  assert.deepEqual(asked, [0, 1, 0, 0]);
  assert.deepEqual(curves.of("a"), [{ step: 1 }]);
  assert.deepEqual(curves.of("b"), []);
});

test("a small curve needs two points", () => {
  assert.equal(sparkPoints([], "l"), "");
  assert.equal(sparkPoints([{ step: 1, l: 2 }, { step: 2, l: null }], "l"), "");
  const points = sparkPoints([{ step: 1, l: 2 }, { step: 5, l: 2 }], "l").split(" ");
  assert.deepEqual(points.map((point) => point.split(",")[0]), ["1.0", "119.0"]);
  assert.ok(points.every((point) => Number.isFinite(Number(point.split(",")[1]))));
});

test("facts are left out where they are not known", () => {
  assert.equal(bytes(512), "512 B");
  assert.equal(bytes(1475040), "1.41 MiB");
  assert.equal(progressLine(run("a", { secondsPerStep: 0.5, secondsLeft: 5 })),
    "step 10 of 20 · 0.50 s a step · 5 s left");
  assert.equal(progressLine(run("a", { steps: null })), "step 10");
  const titles = facts(run("a", { alive: false, process: 7 })).map(([title]) => title);
  assert.deepEqual(titles, ["Stage", "Device", "Data"]);
});
