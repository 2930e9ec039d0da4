// What a browser downloads before it can compute.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { brotliCompressSync, constants } from "node:zlib";

// 500 kB is what the page should come down to.
const MOST = 670_000;
const folder = new URL("../../../web/dist/pkg/", import.meta.url);

test("the code is at most 670 kB with brotli", (t) => {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 };
  const files = readdirSync(folder).filter((name) => /\.(js|wasm)$/.test(name));
  const sizes = files.map((name) =>
    brotliCompressSync(readFileSync(new URL(name, folder)), { params }).length);
  const sum = sizes.reduce((total, size) => total + size, 0);
  t.diagnostic(files.map((name, at) => `${name} ${sizes[at]}`).join(", "));
  assert.ok(files.length >= 2, `${files}`);
  assert.ok(sum <= MOST, `${sum} bytes`);
});
