// What tests in a browser share: a server of the built page on loopback, one Chromium for each file
// of tests, and pages whose errors fail the test.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFile, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { after } from "node:test";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const dist = join(root, "web/dist");
const kernels = join(root, "target/web-kernels");
const shots = join(root, "target/web-screenshots");
// scripts/ensure-browser puts it there.
const { chromium } = createRequire(join(root, "target/web-test/x.js"))("playwright-core");

const kinds = {
  ".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".json": "application/json",
  ".jpg": "image/jpeg", ".png": "image/png", ".svg": "image/svg+xml", ".webp": "image/webp",
  ".wasm": "application/wasm", ".webmanifest": "application/manifest+json",
};

/** Files of web/dist as any static host serves them, and the kernel tests below kernels/. */
const answer = async (request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, "http://x").pathname));
  const inKernels = path.startsWith("/kernels/");
  const place = inKernels ? join(kernels, path.slice("/kernels".length)) : join(dist, path);
  const file = place.endsWith("/") ? `${place}index.html` : place;
  try {
    const body = await readFile(file);
    const kind = kinds[extname(file)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": kind });
    response.end(body);
  } catch {
    response.writeHead(404);
    response.end();
  }
};

let running = null;
const start = async () => {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await new Promise((resolve) => { server.once("listening", resolve); });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // Root has no sandbox. The rest of the switches keep the browser from calling home.
    args: ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader",
      "--disable-quic", "--disable-background-networking", "--disable-component-update",
      "--disable-sync"],
  });
  return { server, browser, origin: `http://127.0.0.1:${server.address().port}/` };
};

after(async () => {
  if (!running) return;
  const { server, browser } = await running;
  await browser.close();
  server.closeAllConnections();
  server.close();
});

/**
 * Opens a page of web/dist. `t` is the test's own argument: it fails if the page tells of an error
 * that `expects`, a regular expression, does not match. Only a studio answers `api/studio`, so that
 * is no error.
 * `page` is playwright's; `shot(name)` writes target/web-screenshots/NAME.png.
 */
export const open = async (t, path = "", { width = 1280, height = 800, expects = null } = {}) => {
  running ??= start();
  const { browser, origin } = await running;
  const context = await browser.newContext({ viewport: { width, height } });
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    const isOwn = !message.location().url.endsWith("/api/studio");
    if (message.type() === "error" && isOwn) errors.push(message.text());
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(errors.filter((text) => !expects?.test(text)), []);
  });
  await page.goto(origin + path);
  const shot = async (name) => {
    await mkdir(shots, { recursive: true });
    await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
  };
  return { page, origin, errors, shot };
};
