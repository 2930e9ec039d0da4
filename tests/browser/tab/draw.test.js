// Drawing in a tab: a model in the box, and weights that are opened from the disk.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { open } from "../harness.mjs";

/** The bytes of the result's picture, as soon as they are other ones than `before`. */
const nextResult = (page, before = null) => page.waitForFunction((old) => {
  const canvas = document.querySelector("canvas[aria-label='Result']");
  const url = canvas && canvas.width > 1 && canvas.toDataURL();
  const isBlank = !url || new Set(canvas.getContext("2d")
    .getImageData(0, 0, canvas.width, canvas.height).data).size < 3;
  return !isBlank && url !== old ? url : null;
}, before, { timeout: 60_000 }).then((handle) => handle.jsonValue());

test("a stroke changes the result", async (t) => {
  const { page, shot } = await open(t, "", { width: 1440, height: 900 });
  await page.locator(".example").first().click();
  // An example has a stored result. The device's own comes with a time.
  await page.waitForFunction(() =>
    /\d ms/.test(document.querySelector(".latency")?.textContent ?? ""), null, { timeout: 60_000 });
  const first = await nextResult(page);
  await shot("draw-example");
  const paper = await page.locator("canvas").first().boundingBox();
  const at = (x, y) => [paper.x + x * paper.width, paper.y + y * paper.height];
  await page.mouse.move(...at(0.3, 0.3));
  await page.mouse.down();
  await page.mouse.move(...at(0.7, 0.4), { steps: 8 });
  await page.mouse.move(...at(0.4, 0.7), { steps: 8 });
  await page.mouse.up();
  await nextResult(page, first);
  await shot("draw-stroke");
});

test("a phone has the same view", async (t) => {
  const { page, shot } = await open(t, "", { width: 390, height: 844 });
  await page.locator(".example").first().click();
  await nextResult(page);
  await shot("draw-phone");
});

test("a file that is no model is refused in a sentence, and weights that are one are opened",
  async (t) => {
    const { page } = await open(t);
    const weights = readFileSync(new URL(
      "../../../assets/models/outline-to-3d/generator.safetensors", import.meta.url));
    const told = await page.evaluate(async (bytes) => {
      const { openTab } = await import("./engine/tab.js");
      const engine = await openTab();
      const broken = await engine.open({ file: new File(["nothing"], "broken.pth") })
        .catch((error) => error.message);
      const data = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
      const model = await engine.open({ file: new File([data], "mine.safetensors") });
      const pixels = new ImageData(256, 256);
      pixels.data.fill(255);
      const { pixels: result } = await engine.translate(model.id, pixels, { seed: 0 });
      return { broken, model, sides: [result.width, result.height] };
    }, weights.toString("base64"));
    t.diagnostic(JSON.stringify(told));
    assert.match(told.broken, /broken\.pth/);
    assert.equal(told.model.id, "file:mine.safetensors");
    assert.deepEqual(told.sides, [256, 256]);
  });
