// The first tier of the kernel tests in a tab: the same code as natively, over the browser's
// WebGPU. It is compiled for a tab by scripts/build-kernel-tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "../harness.mjs";

test("every kernel equals its twin in a tab", async (t) => {
  const { page } = await open(t, "kernels/");
  const { tests, lines, error } = await page.evaluate(async () => {
    const { runTests } = await import("./tab.js");
    return runTests(await import("./kernels.js"));
  });
  for (const { name, milliseconds } of tests) {
    t.diagnostic(`${(milliseconds / 1000).toFixed(2)} s ${name}`);
  }
  new Set(lines).forEach((line) => t.diagnostic(line));
  const seconds = tests.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000;
  t.diagnostic(`${tests.length} tests, ${seconds.toFixed(0)} s`);
  // A panic ends the module: the last test is the one that failed.
  assert.equal(error, null, `${tests.at(-1)?.name} failed: ${lines.at(-1)}\n${error}`);
});
