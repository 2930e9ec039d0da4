// The rules of the page's own files: what they load is there, they are short, and they keep to what
// its content security policy allows.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const page = fileURLToPath(new URL("../../../web/page/", import.meta.url));
const files = readdirSync(page, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(page, join(entry.parentPath ?? entry.path, entry.name)));
const text = (file) => readFileSync(join(page, file), "utf8");
const scripts = files.filter((file) => file.endsWith(".js"));

test("modules import modules that are there", () => {
  for (const file of scripts) {
    const found = text(file).matchAll(/\bfrom "([^"]+)";|\bimport\("([^"]+)"\)/g);
    for (const from of [...found].map(([, fixed, asked]) => fixed ?? asked)) {
      assert.ok(from.startsWith("."), `${file}: ${from}`);
      const target = join(dirname(file), from);
      // The module is made with the folder, and the studio's engine only matters in a studio.
      if (target === "pkg/pix2pix_web.js" || target === "engine/studio.js") continue;
      assert.ok(files.includes(target), `${file}: ${from}`);
    }
  }
});

test("the page loads files that are there, by relative addresses", () => {
  const addresses = [...text("index.html").matchAll(/(?:src|href)="([^"#]+)"/g)];
  assert.ok(addresses.length > 8);
  for (const [, address] of addresses) assert.ok(files.includes(address), address);
});

test("examples and the recorded training have their pictures", () => {
  const examples = Object.values(JSON.parse(text("examples/examples.json"))).flat();
  const course = JSON.parse(text("examples/course/course.json"));
  const pictures = [...examples.flatMap(({ input, output }) => [input, output]),
    ...course.samples.map(({ url }) => `course/${url}`)];
  assert.ok(pictures.length > 30);
  for (const picture of pictures) assert.ok(files.includes(`examples/${picture}`), picture);
});

test("nothing is parsed as HTML, evaluated, or styled in the markup", () => {
  for (const file of scripts) {
    assert.doesNotMatch(text(file), /innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function/);
    assert.doesNotMatch(text(file), /https?:\/\/(?!www\.w3\.org)(?!localhost)\w/, file);
  }
  assert.doesNotMatch(text("index.html"), / style=| on\w+="|<style|<script>/);
});

test("files are at most 300 lines of 100 columns", () => {
  for (const file of files.filter((name) => /\.(js|css)$/.test(name))) {
    const lines = text(file).split("\n");
    assert.ok(lines.length <= 300, `${file}: ${lines.length} lines`);
    lines.forEach((line, at) => assert.ok(line.length <= 100, `${file}:${at + 1}`));
  }
});
