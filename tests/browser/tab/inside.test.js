// Looking inside in a tab.
import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "../harness.mjs";

test("the step and a model are shown as a table, a drawing, shaders and feature maps",
  async (t) => {
    const { page, shot } = await open(t, "#/inside", { width: 1440, height: 900 });
    const told = await page.evaluate(async () => {
      const { openTab } = await import("./engine/tab.js");
      const engine = await openTab();
      const step = await engine.inspect({ config: { size: 64, ngf: 8, ndf: 8 } });
      const kernel = step.nodes.flatMap(({ kernels }) => kernels)[0];
      const wgsl = await engine.shader(kernel);
      const drawing = await engine.drawing({ config: { size: 64, ngf: 8, ndf: 8 } });
      await engine.open("flat-to-3d");
      const model = await engine.inspect({ model: "flat-to-3d" });
      const pixels = new ImageData(256, 256);
      pixels.data.fill(255);
      const maps = await engine.activations("flat-to-3d", pixels);
      return { nodes: [step.nodes.length, model.nodes.length], kernel, wgsl, drawing,
        maps: maps.map(({ layer, shape, png }) => [layer, shape, png.size]) };
    });
    t.diagnostic(`${told.nodes} operations, ${told.maps.length} maps`);
    assert.ok(told.nodes[0] > told.nodes[1] && told.nodes[1] > 10, `${told.nodes}`);
    assert.match(told.wgsl, /@compute/, told.kernel);
    assert.match(told.drawing, /^<svg[^]*data-node[^]*<\/svg>\s*$/);
    assert.ok(told.maps.length > 6 && told.maps.every(([, , bytes]) => bytes > 100));
    await shot("inside");
  });
