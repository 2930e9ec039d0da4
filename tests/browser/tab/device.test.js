// The engine of a tab: the page's own modules over the WebAssembly module.
import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "../harness.mjs";

test("the tab opens the device and tells its adapter", async (t) => {
  const { page, shot } = await open(t);
  const about = await page.evaluate(async () => {
    const { openTab } = await import("./engine/tab.js");
    const engine = await openTab();
    return engine.about();
  });
  t.diagnostic(JSON.stringify(about));
  assert.match(about.adapter, /swiftshader/i);
  assert.equal(about.backend, "WebGPU");
  assert.match(about.version, /^\d+\.\d+\.\d+$/);
  await shot("device");
});
