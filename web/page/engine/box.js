// What lies in the folder beside the page: models and examples. Both are there without WebGPU.

// The most frequent flat colours of the 1368 training inputs of flat-to-3d, without those that
// differ by the noise of JPEG only. White is the ground.
const FLAT = [["white", "#ffffff"], ["black", "#000000"], ["dark grey", "#636363"],
  ["grey", "#9b9b9b"], ["light grey", "#d3d3d3"], ["brown", "#6c4534"], ["sand", "#f2ad60"],
  ["amber", "#ffb02f"], ["yellow", "#fdd53f"], ["orange", "#ff832d"], ["red", "#f8312e"],
  ["pink", "#f92f5f"], ["violet", "#8d65c5"], ["dark blue", "#0074ba"], ["blue", "#00a6ed"],
  ["dark green", "#44921b"], ["green", "#00d269"]];

const named = (colours) => colours.map(([name, colour]) => ({ name, colour }));

/** The colours that the inputs of a model in the box have. */
export const palettes = {
  "flat-to-3d": named(FLAT),
  "outline-to-3d": named([["black", "#000000"], ["white", "#ffffff"]]),
};

// A folder without models/models.json, such as this one before `make web`, has these.
const LICENCE = "MIT, Copyright (c) Microsoft Corporation";
const KNOWN = [
  { id: "flat-to-3d", title: "Flat to 3D", about: "Flat drawings become 3D emoji.",
    width: 256, height: 256, input: "rgb", output: "rgb", dropout: false, licence: LICENCE },
  { id: "outline-to-3d", title: "Outlines to 3D", about: "Black outlines become 3D emoji.",
    width: 256, height: 256, input: "rgb", output: "rgb", dropout: false, licence: LICENCE },
];

const read = async (path) => {
  const url = new URL(path, import.meta.url);
  try {
    const answer = await fetch(url);
    return answer.ok ? { url, json: await answer.json() } : null;
  } catch {
    return null;
  }
};

let examples = null;
/** Stored examples by model: [{name, url, output}]. */
export const boxExamples = () => {
  examples ??= read("../examples/examples.json").then((found) => {
    if (!found) return {};
    const at = (path) => new URL(path, found.url).href;
    const entries = Object.entries(found.json).map(([id, list]) => [id, list.map((one) => (
      { name: one.name, url: at(one.input), output: at(one.output) }))]);
    return Object.fromEntries(entries);
  });
  return examples;
};

let models = null;
/** The models in the box, with the addresses of their weights and their cards. */
export const boxModels = () => {
  models ??= (async () => {
    const [found, stored] = await Promise.all([read("../models/models.json"), boxExamples()]);
    const base = found?.url ?? new URL("../models/models.json", import.meta.url);
    return (found?.json ?? KNOWN).map((model) => ({
      ...model,
      from: "box",
      weights: new URL(model.weights ?? `${model.id}/generator.safetensors`, base).href,
      card: new URL(model.card ?? `${model.id}/model.json`, base).href,
      palette: model.palette ?? palettes[model.id] ?? null,
      examples: stored[model.id] ?? [],
    }));
  })();
  return models;
};
