// Every shader that an adapter of WebGPU can be given, through the browser's own compiler.
// tests/shaders/tab.rs writes the list.
import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "../harness.mjs";

const ofFamilies = (names) => {
  const counts = new Map();
  for (const name of names) {
    const file = name.split(" ")[0];
    counts.set(file, (counts.get(file) ?? 0) + 1);
  }
  return [...counts].map(([file, count]) => `${count} ${file}`).join(", ");
};

test("the browser compiles every shader that a tab can be given", async (t) => {
  const { page } = await open(t, "kernels/");
  const { compiled, skipped, refused } = await page.evaluate(async () => {
    const { compileAll } = await import("./shaders.js");
    return compileAll(await (await fetch("shaders.json")).json());
  });
  t.diagnostic(`${compiled.length} compiled: ${ofFamilies(compiled)}`);
  if (skipped.length > 0) {
    t.diagnostic(`SKIPPED: ${skipped.length} that store f16, which this adapter has not`);
  }
  assert.deepEqual(refused, []);
  assert.ok(compiled.length > 100, `${compiled.length} shaders`);
});
