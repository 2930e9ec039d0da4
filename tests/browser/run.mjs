// Runs the tests of the page: node tests/browser/run.mjs [PART OF A FILE'S NAME...]
// Those in pure/ need no browser, and those in kernels/ are the kernel tests, which are built first.
// All others open the built page of web/dist in headless Chromium, with WebGPU on SwiftShader: see
// harness.mjs. CARGOFLAGS goes to cargo.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const wanted = process.argv.slice(2);

const folders = readdirSync(here, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const files = folders.flatMap(({ name }) => readdirSync(join(here, name))
  .filter((file) => file.endsWith(".test.js"))
  .map((file) => relative(root, join(here, name, file))))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort();
if (files.length === 0) {
  console.error(`no file of tests/browser/ has ${wanted.join(" or ")} in its name`);
  process.exit(1);
}
const ofPage = files.filter((file) => !/\/(pure|kernels)\//.test(file));
if (ofPage.length > 0 && !existsSync(join(root, "web/dist/pkg"))) {
  console.error("web/dist/ is not there: run `make web` first");
  process.exit(1);
}
// The page is not needed to see what the kernels do, and the other way round.
if (files.some((file) => file.includes("/kernels/"))) {
  const cargo = (process.env.CARGOFLAGS ?? "").split(" ").filter((word) => word !== "");
  const { status } = spawnSync(join(root, "scripts/build-kernel-tests"), cargo, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
rmSync(join(root, "target/web-screenshots"), { recursive: true, force: true });
// One file after the other: each has a browser of its own, and SwiftShader takes all cores.
const options = ["--test", "--test-concurrency=1", "--test-reporter=spec"];
const { status } = spawnSync(process.execPath, [...options, ...files], { cwd: root, stdio: "inherit" });
process.exit(status ?? 1);
