// The parts of Draw that need no browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { flood, rgb } from "../../../web/page/draw/flood.js";
import { History, LEAST_STEPS, MOST_BYTES } from "../../../web/page/draw/history.js";
import { contain, fitLine } from "../../../web/page/draw/fit.js";
import { follower, median } from "../../../web/page/draw/follow.js";
import { WHOLE, clamped, panned, pinch, zoomed } from "../../../web/page/draw/viewport.js";

/** Pixels from rows of letters: `.` is white, `#` black, `+` a dark grey. */
const picture = (...rows) => {
  const shades = { ".": 255, "#": 0, "+": 30, o: 128 };
  const data = new Uint8ClampedArray(rows.flatMap((row) =>
    [...row].flatMap((letter) => [shades[letter], shades[letter], shades[letter], 255])));
  return { width: rows[0].length, height: rows.length, data };
};

const letters = ({ width, height, data }) => Array.from({ length: height }, (_, y) =>
  Array.from({ length: width }, (_, x) => (
    { 255: ".", 0: "#", 30: "+", 128: "o" })[data[4 * (y * width + x)]]).join(""));

const GREY = [128, 128, 128];

test("a fill stays within its outline and reaches around corners", () => {
  const pixels = picture(
    "#########",
    "#...#...#",
    "#.#.#.#.#",
    "#.#...#.#",
    "#########",
    ".........");
  const changed = flood(pixels, 1, 1, GREY, 0);
  assert.deepEqual(changed, { x: 0, y: 0, width: 9, height: 6 });
  assert.deepEqual(letters(pixels), [
    "#########",
    "#ooo#ooo#",
    "#o#o#o#o#",
    "#o#ooo#o#",
    "#########",
    "........."]);
});

test("a fill does not cross corners that only touch", () => {
  const pixels = picture(".#.", "#.#", ".#.");
  flood(pixels, 1, 1, GREY, 0);
  assert.deepEqual(letters(pixels), [".#.", "#o#", ".#."]);
});

test("tolerance is the largest difference of a channel", () => {
  const near = picture("#++++....");
  assert.deepEqual(flood(near, 0, 0, GREY, 30), { x: 0, y: 0, width: 7, height: 1 });
  assert.deepEqual(letters(near), ["ooooo...."]);
  const far = picture("#++++....");
  flood(far, 0, 0, GREY, 29);
  assert.deepEqual(letters(far), ["o++++...."]);
});

test("the smooth edge of a shape takes the new colour for the old one", () => {
  // White, one pixel that is half white and half black, black.
  const pixels = picture("..o####");
  flood(pixels, 0, 0, [255, 0, 0], 40);
  const at = (x) => [...pixels.data.slice(4 * x, 4 * x + 3)];
  assert.deepEqual([at(0), at(1), at(3), at(6)], [[255, 0, 0], [255, 0, 0], [0, 0, 0], [0, 0, 0]]);
  assert.deepEqual(at(2), [128, 0, 0]);
});

test("a line that is thin stays whole", () => {
  const pixels = picture("...#...");
  flood(pixels, 0, 0, GREY, 40);
  assert.deepEqual(letters(pixels), ["ooo#..."]);
});

test("a fill that changes nothing, or begins outside, is none", () => {
  assert.equal(flood(picture("oo"), 0, 0, GREY, 0), null);
  assert.equal(flood(picture("oo"), 2, 0, GREY, 0), null);
  assert.equal(flood(picture("oo"), 0, -1, GREY, 0), null);
});

test("a large picture is filled whole, also with a tolerance that takes the colour itself", () => {
  const [width, height] = [512, 512];
  const pixels = { width, height, data: new Uint8ClampedArray(4 * width * height).fill(255) };
  const changed = flood(pixels, 300, 200, [250, 250, 250], 40);
  assert.deepEqual(changed, { x: 0, y: 0, width, height });
  assert.ok(pixels.data.every((value, at) => value === (at % 4 === 3 ? 255 : 250)));
});

test("colours are read", () => assert.deepEqual(rgb("#00a6ed"), [0, 166, 237]));

/** A surface of one row. */
const surface = (length) => {
  const data = new Uint8ClampedArray(length);
  return { data, read: ({ x, width }) => data.slice(x, x + width),
    write: ({ x }, from) => data.set(from, x) };
};
const step = (history, paper, x, value, width = 1) => {
  const rectangle = { x, y: 0, width, height: 1 };
  history.push(rectangle, paper.read(rectangle));
  paper.data.fill(value, x, x + width);
};

test("undo and redo give back what was there", () => {
  const paper = surface(4);
  const history = new History(paper);
  step(history, paper, 0, 1);
  step(history, paper, 0, 2, 2);
  assert.deepEqual([...paper.data], [2, 2, 0, 0]);
  assert.ok(history.undo());
  assert.deepEqual([...paper.data], [1, 0, 0, 0]);
  assert.ok(history.undo());
  assert.ok(!history.undo());
  assert.deepEqual([...paper.data], [0, 0, 0, 0]);
  assert.ok(history.redo() && history.redo() && !history.redo());
  assert.deepEqual([...paper.data], [2, 2, 0, 0]);
});

test("a new step ends what could be done again", () => {
  const paper = surface(4);
  const history = new History(paper);
  step(history, paper, 0, 1);
  history.undo();
  step(history, paper, 1, 5);
  assert.ok(!history.canRedo);
  assert.deepEqual([...paper.data], [0, 5, 0, 0]);
});

test("large steps are bounded by bytes, and 50 stay", () => {
  const history = new History({ read: () => new Uint8ClampedArray(1), write: () => {} });
  const large = new Uint8ClampedArray(MOST_BYTES / 8);
  for (let at = 0; at < LEAST_STEPS + 30; at += 1) {
    history.push({ x: 0, y: 0, width: 1, height: 1 }, large);
  }
  assert.equal(history.steps, LEAST_STEPS);
  for (let at = 0; at < LEAST_STEPS; at += 1) assert.ok(history.undo());
});

test("small steps are bounded by their number", () => {
  const paper = surface(4);
  const history = new History(paper);
  for (let at = 0; at < 2000; at += 1) step(history, paper, 0, at % 256);
  assert.equal(history.steps, 1000);
});

test("images are fitted whole, in the middle", () => {
  const canvas = { width: 256, height: 256 };
  assert.deepEqual(contain({ width: 640, height: 480 }, canvas),
    { x: 0, y: 32, width: 256, height: 192 });
  assert.deepEqual(contain({ width: 1, height: 4000 }, canvas),
    { x: 128, y: 0, width: 1, height: 256 });
  assert.equal(fitLine("a.png", canvas, canvas), null);
  assert.equal(fitLine("a.png", { width: 640, height: 480 }, canvas),
    "a.png has 640×480 pixels; it is fitted onto the canvas at 256×192, with white around it.");
  assert.equal(fitLine("a.png", { width: 512, height: 512 }, canvas),
    "a.png has 512×512 pixels; it is fitted onto the canvas at 256×256.");
});

/** Lets what is settled go on. */
const settle = () => new Promise((resolve) => { setTimeout(resolve, 0); });

test("one translation is under way, and the newest wins", async () => {
  const [started, done, ends] = [[], [], []];
  const follow = follower({
    run: (what) => {
      started.push(what);
      return new Promise((resolve) => { ends.push(() => resolve(what)); });
    },
    done: (what) => done.push(what),
    failed: assert.fail,
  });
  for (const what of ["a", "b", "c", "d"]) follow.ask(() => what);
  assert.deepEqual(started, ["a"]);
  ends[0]();
  await settle();
  assert.deepEqual([started, done], [["a", "d"], ["a"]]);
  ends[1]();
  await settle();
  assert.deepEqual([done, follow.busy], [["a", "d"], false]);
});

test("a failure does not end the following", async () => {
  const [done, failures] = [[], []];
  const follow = follower({
    run: async (what) => {
      if (what === "bad") throw new Error("no");
      return what;
    },
    done: (what) => done.push(what),
    failed: (error) => failures.push(error.message),
  });
  follow.ask(() => "bad");
  follow.ask(() => "good");
  await settle();
  assert.deepEqual([done, failures], [["good"], ["no"]]);
});

test("the running median forgets", () => {
  const next = median();
  assert.equal(next(10), 10);
  assert.equal(next(20), 15);
  assert.equal(next(1000), 20);
  for (let at = 0; at < 21; at += 1) next(7);
  assert.equal(next(7), 7);
});

const SIZE = { width: 100, height: 50 };

test("zoom keeps the point under the pointer, and the frame full", () => {
  const view = zoomed(WHOLE, 2, 30, 20, SIZE);
  assert.deepEqual(view, { zoom: 2, x: -30, y: -20 });
  assert.deepEqual(zoomed(view, 0.1, 30, 20, SIZE), { zoom: 1, x: 0, y: 0 });
  assert.equal(zoomed(view, 1e9, 0, 0, SIZE).zoom, 16);
  assert.deepEqual(panned(view, 500, -500, SIZE), { zoom: 2, x: 0, y: -50 });
  assert.deepEqual(clamped({ zoom: 2, x: -101, y: 1 }, SIZE), { zoom: 2, x: -100, y: 0 });
});

test("two fingers zoom and move", () => {
  const before = [{ x: 10, y: 10 }, { x: 20, y: 10 }];
  const after = [{ x: 10, y: 20 }, { x: 30, y: 20 }];
  assert.deepEqual(pinch(before, after), { factor: 2, dx: 5, dy: 10, px: 20, py: 20 });
});
