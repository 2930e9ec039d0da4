// Charts, tables, highlighting, words and ZIP files: what needs no browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { averaged, extent, linearTicks, logTicks, nearest, scale, short, thinned }
  from "../../../web/page/parts/scales.js";
import { filtered, sorted } from "../../../web/page/inside/table.js";
import { parts } from "../../../web/page/inside/wgsl.js";
import { isPicture, listZip, readEntry, withoutTop } from "../../../web/page/engine/zip.js";
import { cells } from "../../../web/page/train/samples.js";
import { defaultText } from "../../../web/page/train/form.js";
import { plainName } from "../../../web/page/train/data.js";
import { ago, duration, perStep } from "../../../web/page/train/words.js";
import { isModel, modelLine } from "../../../web/page/app.js";
import { sentence } from "../../../web/page/support.js";

test("ticks are round and hold all values", () => {
  assert.deepEqual(linearTicks([0.13, 0.87], 5),
    { range: [0, 1], ticks: [0, 0.2, 0.4, 0.6, 0.8, 1] });
  assert.deepEqual(linearTicks([0, 2800], 8).ticks, [0, 500, 1000, 1500, 2000, 2500, 3000]);
  assert.deepEqual(linearTicks([-3, 4], 5).range, [-4, 4]);
  const flat = linearTicks([0.5, 0.5], 5);
  assert.ok(flat.range[0] <= 0.5 && flat.range[1] >= 0.5 && flat.range[0] < flat.range[1]);
  assert.deepEqual(linearTicks([0, 0], 5).range, [0, 0.2]);
});

test("ticks of a log scale", () => {
  assert.deepEqual(logTicks([0.03, 0.6]).ticks, [0.02, 0.05, 0.1, 0.2, 0.5, 1]);
  assert.deepEqual(logTicks([0.001, 500]).ticks, [0.001, 0.01, 0.1, 1, 10, 100, 1000]);
  const { range } = logTicks([0.1, 0.1]);
  assert.ok(range[0] <= 0.1 && range[1] > 0.1);
});

test("values find their places", () => {
  const linear = scale([0, 10], 100, 0);
  assert.deepEqual([0, 5, 10].map(linear), [100, 50, 0]);
  const log = scale([0.01, 1], 0, 100, true);
  assert.ok(Math.abs(log(0.1) - 50) < 1e-9);
});

test("what is not finite has no extent", () => {
  assert.deepEqual(extent([NaN, 2, Infinity, -1], false), [-1, 2]);
  assert.deepEqual(extent([NaN, 2, 0, -1, 0.5], true), [0.5, 2]);
  assert.equal(extent([NaN], false), null);
});

test("long lines are thinned to means, and nothing is lost at their end", () => {
  const points = Array.from({ length: 1000 }, (_, at) => [at, at % 2]);
  const few = thinned(points, 100);
  assert.equal(few.length, 100);
  assert.ok(few.every(([, y]) => y === 0.5));
  assert.deepEqual(few.at(-1), [994.5, 0.5]);
  assert.deepEqual(thinned([[1, NaN], [2, 3]], 100), [[2, 3]]);
});

test("a moving average begins at the first value", () => {
  const line = averaged([[0, 4], [1, 4], [2, 4]], 0.9);
  assert.ok(line.every(([, y]) => Math.abs(y - 4) < 1e-9));
  const [, [, second]] = averaged([[0, 0], [1, 1]], 0.5);
  assert.ok(Math.abs(second - 2 / 3) < 1e-9);
});

test("the nearest row is found", () => {
  const rows = [2, 4, 10, 11].map((step) => ({ step }));
  assert.deepEqual([0, 2.9, 3.1, 7.5, 99].map((step) => nearest(rows, "step", step)),
    [0, 0, 1, 2, 3]);
  assert.equal(nearest([], "step", 1), -1);
});

test("numbers are short", () => {
  assert.deepEqual([0.123456, 0, 1e-5, 123456, NaN, 2].map(short),
    ["0.123", "0", "1.0e-5", "1.2e+5", "not finite", "2"]);
});

const NODES = [{ index: 0, op: "conv2d", shape: [1, 3, 64, 64], kernels: ["conv2d/2_tiled"],
  milliseconds: 3 }, { index: 1, op: "adam", shape: [9], kernels: ["adam/step"],
  milliseconds: null }, { index: 2, op: "conv2d", shape: [1, 8, 32, 32], kernels: [],
  milliseconds: 1 }];

test("nodes are filtered by all words, and sorted with the unknown last", () => {
  const indices = (nodes) => nodes.map(({ index }) => index);
  assert.deepEqual(indices(filtered(NODES, "conv2d 32×")), [2]);
  assert.deepEqual(indices(filtered(NODES, "TILED")), [0]);
  assert.deepEqual(indices(filtered(NODES, "")), [0, 1, 2]);
  const time = ({ milliseconds }) => milliseconds ?? NaN;
  assert.deepEqual(indices(sorted(NODES, time, false)), [2, 0, 1]);
  assert.deepEqual(indices(sorted(NODES, time, true)), [0, 2, 1]);
  assert.deepEqual(indices(sorted(NODES, ({ op }) => op, false)), [1, 0, 2]);
});

test("WGSL keeps every letter, and knows its words", () => {
  const source = "// vec4 if\n@group(0) var<storage> a: array<vec4<f32>>; /* fn\n */ let x1 = " +
    "0x1Fu + 1.5e-3; if_not / 2";
  const found = parts(source);
  assert.equal(found.map(({ text }) => text).join(""), source);
  const of = (kind) => found.filter((part) => part.kind === kind).map(({ text }) => text);
  assert.deepEqual(of("comment"), ["// vec4 if", "/* fn\n */"]);
  assert.deepEqual(of("keyword"), ["var", "let"]);
  assert.deepEqual(of("type"), ["array", "vec4", "f32"]);
  assert.deepEqual(of("number"), ["0", "0x1Fu", "1.5e-3", "2"]);
  assert.deepEqual(of("attribute"), ["@group"]);
});

/** A ZIP file of [path, bytes, packed?]. */
const zip = (...files) => {
  const [locals, entries] = [[], []];
  let at = 0;
  for (const [path, bytes, packs = true] of files) {
    const [name, data] = [Buffer.from(path), packs ? deflateRawSync(bytes) : Buffer.from(bytes)];
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(packs ? 8 : 0, 10);
    entry.writeUInt32LE(data.length, 20);
    entry.writeUInt32LE(bytes.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(at, 42);
    locals.push(local, name, data);
    entries.push(entry, name);
    at += 30 + name.length + data.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(at, 16);
  const all = Buffer.concat([...locals, ...entries, end, Buffer.from("a comment")]);
  return all.buffer.slice(all.byteOffset, all.byteOffset + all.length);
};

test("ZIP files are listed and read", async () => {
  const long = Buffer.alloc(100_000, "pix");
  const buffer = zip(["A/1.png", long], ["A/"  , Buffer.alloc(0), false],
    ["B/é.png", Buffer.from("xyz"), false]);
  const entries = listZip(buffer, "a.zip");
  assert.deepEqual(entries.map(({ path }) => path), ["A/1.png", "B/é.png"]);
  assert.deepEqual(Buffer.from(await readEntry(buffer, entries[0], "a.zip")), long);
  assert.equal(Buffer.from(await readEntry(buffer, entries[1], "a.zip")).toString(), "xyz");
});

test("damaged ZIP files are named, whatever was cut off", async () => {
  const whole = zip(["A/1.png", Buffer.alloc(5000, "pix")]);
  const said = /a\.zip is no whole ZIP file|a\.zip is a ZIP64 file/;
  for (let length = 0; length < whole.byteLength - 9; length += 7) {
    assert.throws(() => listZip(whole.slice(0, length), "a.zip"), said);
  }
  const [entry] = listZip(whole, "a.zip");
  for (const change of [{ size: 4999 }, { size: 5001 }, { packed: 3 }, { at: 5 },
    { packed: 1e9 }]) {
    await assert.rejects(readEntry(whole, { ...entry, ...change }, "a.zip"), said);
  }
  await assert.rejects(readEntry(whole, { ...entry, size: 2 ** 31 }, "a.zip"), /larger than any/);
  await assert.rejects(readEntry(whole, { ...entry, method: 12 }, "a.zip"), /deflate/);
});

test("pictures are known by their names", () => {
  const names = ["a/b.PNG", "x.jpeg", "__MACOSX/a/b.png", "a/.b.png", "a.txt", "png", "d.webp"];
  assert.deepEqual(names.filter(isPicture), ["a/b.PNG", "x.jpeg", "d.webp"]);
  assert.equal(plainName("My pairs (2).zip"), "My-pairs-2");
  assert.equal(plainName("../"), "pairs");
});

test("the folder around a data set is left out, its own folders stay", () => {
  assert.deepEqual(withoutTop(["p/q/A/1.png", "p/q/B/1.png"]), ["A/1.png", "B/1.png"]);
  assert.deepEqual(withoutTop(["train/1.png", "train/2.png"]), ["train/1.png", "train/2.png"]);
  assert.deepEqual(withoutTop(["p/1.png", "q/1.png"]), ["p/1.png", "q/1.png"]);
  assert.deepEqual(withoutTop(["p/1.png", "p.png"]), ["p/1.png", "p.png"]);
  assert.deepEqual(withoutTop([]), []);
});

test("a sample grid is cut into its squares", () => {
  const found = cells({ width: 196, height: 130 });
  assert.deepEqual(found[1], [{ x: 0, y: 66, side: 64 }, { x: 66, y: 66, side: 64 },
    { x: 132, y: 66, side: 64 }]);
  assert.equal(cells({ width: 197, height: 130 }), null);
  assert.equal(cells({ width: 196, height: 131 }), null);
});

test("a default is that of the recipe", () => {
  const size = { default: 256, default_words: "256; with `preset` fast 64" };
  assert.deepEqual([defaultText(size, "fast"), defaultText(size, "paper"), defaultText(size, "")],
    ["64", "256", "256"]);
  const load = { default: 286, default_words: "286/256 of `size`, with `preset` fast `size`; …" };
  assert.equal(defaultText(load, "fast"), "size");
  assert.equal(defaultText({ default: true, default_words: "" }, "fast"), "on");
  assert.equal(defaultText({ default: null, default_words: "as in `x`" }), "as in x");
});

test("times are words", () => {
  assert.deepEqual([0.4, 89, 90, 5400, 9000].map(duration),
    ["0 s", "89 s", "2 min", "1 h 30 min", "2 h 30 min"]);
  assert.deepEqual([0.02, 0.35].map(perStep), ["50.0 steps/s", "0.35 s a step"]);
  assert.equal(ago(0, 3_600_000), "60 min ago");
  assert.equal(ago(0, 3_000), "just now");
});

test("models are known and told", () => {
  assert.ok(isModel("latest_net_G.pth") && isModel("A.SafeTensors") && !isModel("a.onnx"));
  assert.equal(modelLine({ width: 256, height: 128, input: "rgb", output: "gray", dropout: true }),
    "rgb → gray, 256×128, with dropout");
});

test("a browser that cannot compute is told what to do, in one sentence", () => {
  assert.equal(sentence({ secure: true, api: true, adapter: true, agent: "" }), null);
  assert.match(sentence({ secure: false, api: false, adapter: false, agent: "" }), /https/);
  const said = sentence({ secure: true, api: false, adapter: false, agent: "… Firefox/139.0" });
  assert.match(said, /^This browser has no WebGPU: .*dom\.webgpu\.enabled.*\.$/);
  const chromium = sentence({ secure: true, api: true, adapter: false, agent: "Chrome/150" });
  assert.match(chromium, /found no graphics device.*enable-unsafe-webgpu/);
});
