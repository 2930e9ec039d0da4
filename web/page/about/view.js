// About: whose models and pictures these are, what computes, and which browsers can.
import { make } from "../parts/dom.js";
import { names } from "../engine/store.js";
import { BROWSERS } from "../support.js";

/** Makes the view in `root`. */
export const mount = async (root, app) => {
  const facts = make("dl", { class: "facts" });
  root.append(make("h1", {}, "About"),
    make("div", { class: "stack about-text" }, page(facts), models(app), browsers(),
      licences()));
  return { enter: () => fill(facts, app) };
};

const page = (facts) => make("section", { class: "card" }, make("h2", {}, "This page"),
  make("p", {}, "It translates images with conditional generative adversarial networks " +
    "(pix2pix), and trains them. Everything is computed on your own machine, by compute shaders " +
    "in WGSL. Drawings, models and data sets stay there: the page asks no other address for " +
    "anything."), facts);

const fact = (name, value) => [make("dt", {}, name), make("dd", {}, value)];

const fill = async (facts, app) => {
  const rows = [];
  if (app.without === null) {
    try {
      const { adapter, driver, backend, version } = await app.engine.about();
      rows.push(...fact("Device", adapter), ...fact("Driver", driver || "not told"),
        ...fact("Interface", backend), ...fact("Version", version));
    } catch (error) {
      rows.push(...fact("Device", error.message));
    }
  } else {
    rows.push(...fact("Device", "none that WebGPU can use"));
  }
  rows.push(...fact("Engine", app.engine.kind === "studio" ? "the studio on this machine"
    : "this tab"), ...fact("Kept in this browser", await storage()));
  facts.replaceChildren(...rows);
};

const storage = async () => {
  const trainings = (await names("run:")).length;
  const words = `${trainings} ${trainings === 1 ? "training" : "trainings"}`;
  try {
    const { usage, quota } = await navigator.storage.estimate();
    return `${words}, ${Math.round(usage / 2 ** 20)} MiB of at most ` +
      `${Math.round(quota / 2 ** 20)} MiB`;
  } catch {
    return words;
  }
};

const models = (app) => make("section", { class: "card" }, make("h2", {}, "Models in the box"),
  make("ul", {}, app.models.filter((model) => model.from === "box").map((model) =>
    make("li", {}, make("strong", {}, model.title), `: ${model.about} `,
      make("span", { class: "muted" }, `Licence: ${model.licence}.`)))),
  make("p", { class: "muted" }, "They were trained on Microsoft Fluent Emoji. The examples and " +
    "the bundled pairs come from there too: MIT License, Copyright (c) Microsoft Corporation."));

const browsers = () => make("section", { class: "card" }, make("h2", {}, "Browsers with WebGPU"),
  make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Browsers" },
    make("table", { class: "plain" }, make("thead", {}, make("tr", {},
      ["browser", "where", "switch"].map((head) => make("th", { scope: "col" }, head)))),
    make("tbody", {}, BROWSERS.map(([name, where, flag]) => make("tr", {},
      make("th", { scope: "row" }, name), make("td", {}, where), make("td", {}, flag)))))),
  make("p", { class: "muted" }, "After a switch the browser is started again. The page needs " +
    "https:// or localhost."));

const licences = () => make("section", { class: "card" }, make("h2", {}, "Licences"),
  make("p", {}, "The program and this page: MIT or Apache-2.0, as you like. Pictures and models " +
    "are under the licence of their source:"),
  make("pre", { class: "licence", tabindex: 0 }, MIT));

const MIT = `MIT License

Copyright (c) Microsoft Corporation.

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
