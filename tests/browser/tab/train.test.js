// A training in a tab: its losses, its samples, its weights, and going on after a reload.
import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "../harness.mjs";

const STEPS = 30;

/** Trains in the page until `until` steps are done; the rows of losses, and what else was told. */
const train = (page, { restore = null, until, steps }) => page.evaluate(async (asked) => {
  const { openTab } = await import("./engine/tab.js");
  const engine = await openTab();
  globalThis.engine = engine;
  const config = { preset: "fast", size: 32, load_size: 32, ngf: 8, ndf: 8, seed: 1,
    steps: asked.steps, sample_every: 15 };
  const id = asked.restore ? await engine.restore(asked.restore)
    : await engine.start({ dataset: "bundled", config, name: "test" });
  const [rows, samples] = [[], []];
  const state = await new Promise((resolve) => {
    const stop = engine.watch(id, async (event) => {
      if (event.kind === "losses") rows.push(...event.rows);
      if (event.kind === "samples") samples.push(event.pairs.length);
      const isEnd = event.kind === "state" && event.state !== "training";
      if (isEnd || (rows.at(-1)?.step ?? 0) >= asked.until) {
        stop();
        resolve(event.state ?? "training");
      }
    });
  });
  return { id, rows, samples, state };
}, { restore, until, steps });

const mean = (rows, name) => rows.reduce((sum, row) => sum + row[name], 0) / rows.length;

test("30 steps: the losses fall, and the weights that come out translate", async (t) => {
  const { page } = await open(t);
  const { id, rows, samples, state } = await train(page, { until: Infinity, steps: STEPS });
  assert.equal(state, "complete");
  assert.deepEqual(rows.map(({ step }) => step), [...Array(STEPS).keys()].map((at) => at + 1));
  const [early, late] = [rows.slice(0, 10), rows.slice(-10)].map((part) => mean(part, "g_l1"));
  t.diagnostic(`L1 of the first ten steps ${early}, of the last ten ${late}`);
  assert.ok(late < 0.8 * early, `${early} to ${late}`);
  assert.ok(samples.length >= 1 && samples.every((pairs) => pairs === 8), `${samples}`);
  const translated = await page.evaluate(async (run) => {
    const weights = await globalThis.engine.weights(run);
    const file = new File([weights], "own.safetensors");
    const model = await globalThis.engine.open({ file });
    const pixels = new ImageData(32, 32);
    pixels.data.fill(255);
    const { pixels: result } = await globalThis.engine.translate(model.id, pixels, { seed: 0 });
    return [result.width, result.height, new Set(result.data).size];
  }, id);
  assert.deepEqual(translated.slice(0, 2), [32, 32]);
  assert.ok(translated[2] > 2, "a picture that is not blank");
});

test("a training goes on after a reload, with the same numbers", async (t) => {
  const { page } = await open(t);
  const whole = await train(page, { until: Infinity, steps: 12 });
  await page.reload();
  const begun = await train(page, { until: 4, steps: 12 });
  await page.evaluate((id) => globalThis.engine.stop(id), begun.id);
  await page.reload();
  const rest = await train(page, { restore: begun.id, until: Infinity, steps: 12 });
  const first = rest.rows[0].step;
  t.diagnostic(`it went on with step ${first}`);
  assert.ok(first > 4 && first < 12, `${first}`);
  assert.deepEqual(rest.rows, whole.rows.slice(first - 1));
});
