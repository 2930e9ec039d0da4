// The worker of a tab: it owns the WebAssembly module and with it the device, the models and the
// training. The page calls it by messages {call, method, args}. Events of a training go out as
// {kind: "event", id, event}.
import init, { Tab } from "../pkg/pix2pix_web.js";
import { Training } from "./training.js";
import { isPicture, listZip, readEntry, withoutTop } from "./zip.js";
import { keep, kept } from "./store.js";

let opening = null;

/** The module and its device, opened by the first call. */
const open = () => {
  opening ??= (async () => {
    await init();
    return Tab.open();
  })();
  // The next call tries again: the switch may be on by then.
  opening.catch(() => { opening = null; });
  return opening;
};

let last = Promise.resolve();
/**
 * Runs one action on the module at a time, in order. The module does not bear two calls at once,
 * and this is how a translation goes between two steps of a training.
 */
const alone = (action) => {
  const result = last.then(async () => action(await open()));
  last = result.catch(() => {});
  return result;
};

const tell = (message) => postMessage({ kind: "told", message });
const emit = (id, event) => postMessage({ kind: "event", id, event });
/** Tells the page if all that is here is lost with the device, or with a module that stopped. */
const checkLost = async (error) => {
  const tab = await opening?.catch(() => null);
  if (error instanceof WebAssembly.RuntimeError || tab?.lost?.()) postMessage({ kind: "lost" });
};
const training = new Training({ alone, emit, tell, failed: checkLost });
const parsed = async (text) => JSON.parse(await text);
const BUNDLED = { id: "bundled", title: "Bundled pairs: flat emoji to 3D", pairs: 200 };
/** Data sets that were added since the page is open. */
const added = new Map();

const PNG = [0x89, 0x50, 0x4e, 0x47];

/**
 * A picture's bytes as a PNG file. The module reads no other format, so that it is small: the
 * browser reads the others, without changing their colours.
 */
const asPngFile = async (bytes, path) => {
  if (PNG.every((byte, index) => bytes[index] === byte)) return bytes;
  const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  let bitmap;
  try {
    bitmap = await createImageBitmap(new Blob([bytes]), options);
  } catch {
    throw new Error(`${path} is no picture that this browser reads: save it as PNG or JPEG.`);
  }
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  const blob = await canvas.convertToBlob({ type: "image/png" });
  return new Uint8Array(await blob.arrayBuffer());
};

let bundled = null;
/** Gives the module the bundled pairs, once. */
const ensureBundled = () => {
  bundled ??= (async () => {
    const sheets = await Promise.all(["train", "val"].map(async (split) => {
      const path = `pairs/${split}.jpg`;
      const found = await fetch(new URL(`../${path}`, import.meta.url));
      if (!found.ok) throw new Error(`${path} is not on this server: build the page again.`);
      return asPngFile(new Uint8Array(await found.arrayBuffer()), path);
    }));
    await alone((tab) => tab.add_bundled(...sheets));
  })();
  bundled.catch(() => { bundled = null; });
  return bundled;
};

/** The pictures among what was dropped, with their paths: one ZIP file, or a folder's files. */
const pictures = async (name, listed) => {
  const zip = listed.length === 1 && /\.zip$/i.test(listed[0].path) ? listed[0] : null;
  const [paths, arrays] = [[], []];
  if (zip) {
    const buffer = await zip.file.arrayBuffer();
    for (const entry of listZip(buffer, zip.path).filter(({ path }) => isPicture(path))) {
      paths.push(entry.path);
      arrays.push(await asPngFile(await readEntry(buffer, entry, zip.path), entry.path));
    }
  } else {
    for (const { path, file } of listed.filter((one) => isPicture(one.path))) {
      paths.push(path);
      arrays.push(await asPngFile(new Uint8Array(await file.arrayBuffer()), path));
    }
  }
  if (paths.length === 0) {
    throw new Error(`${name} has no pictures: give combined A|B images, or folders A/ and B/ ` +
      "with the same file names.");
  }
  return { paths: withoutTop(paths), arrays };
};

/** A picture of the module as PNG: it gives the file, or pixels {width, height, data}. */
const asPng = ({ png, width, height, data }) => {
  if (png) return new Blob([png], { type: "image/png" });
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(
    new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
  return canvas.convertToBlob();
};

/** Brings a data set back that an earlier visit added. */
const ensureDataset = async (id) => {
  if (id === BUNDLED.id) return ensureBundled();
  if (added.has(id)) return;
  const found = await kept(`data:${id}`);
  if (!found) {
    throw new Error(`The pictures of ${id} are not kept in this browser: add the folder again.`);
  }
  const told = await alone((tab) => parsed(tab.add_dataset(id, found.paths, found.arrays)));
  added.set(id, { id, title: id, pairs: told.pairs });
};

const methods = {
  about: () => alone((tab) => parsed(tab.about())),
  openModel: (id, bytes, card) =>
    alone((tab) => parsed(tab.open_model(id, new Uint8Array(bytes), card ?? undefined))),
  openRun: (id) => alone(async (tab) => {
    const description = await parsed(tab.open_model(id, await tab.weights(), undefined));
    return { ...description, title: training.title(id) };
  }),
  translate: (id, width, height, rgba, seed) => alone(async (tab) => {
    const from = performance.now();
    const pixels = await tab.translate(id, width, height, new Uint8Array(rgba.buffer), seed);
    return { pixels, milliseconds: performance.now() - from };
  }),
  inspect: (what) => alone((tab) => parsed(tab.inspect(JSON.stringify(what)))),
  drawing: (what) => alone((tab) => tab.drawing(JSON.stringify(what))),
  shader: (kernel) => alone((tab) => tab.shader(kernel)),
  activations: async (id, width, height, rgba) => {
    const layers = await alone((tab) =>
      tab.activations(id, width, height, new Uint8Array(rgba.buffer)));
    return Promise.all(layers.map(async (one) => (
      { layer: one.layer, shape: [...one.shape], png: await asPng(one) })));
  },
  options: () => alone((tab) => parsed(tab.options())),
  datasets: () => [BUNDLED, ...added.values()],
  addDataset: async (name, listed) => {
    const { paths, arrays } = await pictures(name, listed);
    const told = await alone((tab) => parsed(tab.add_dataset(name, paths, arrays)));
    added.set(name, { id: name, title: name, pairs: told.pairs });
    try {
      await keep(`data:${name}`, { paths, arrays });
    } catch (error) {
      tell(error.message);
    }
    return { told: [], ...told, id: name };
  },
  start: async (what) => {
    await ensureDataset(what.dataset);
    return training.start(what);
  },
  replay: (id) => training.replay(id),
  pause: (id) => training.pause(id),
  resume: (id) => training.resume(id),
  stop: (id) => training.stop(id),
  weights: (id) => training.weights(id),
  saved: () => training.saved(),
  restore: async (id) => {
    await ensureDataset((await training.kept(id)).dataset);
    return training.restore(id);
  },
  forget: (id) => training.forget(id),
};

/** What goes back is moved where it can be, not copied. */
const movable = (result) => {
  const data = result?.pixels?.data;
  if (ArrayBuffer.isView(data)) return [data.buffer];
  return result instanceof Uint8Array ? [result.buffer] : [];
};

const sentence = (error) => {
  const text = typeof error === "string" ? error : (error?.message ?? String(error));
  return text || "The engine failed without a word: reload the page.";
};

addEventListener("message", async ({ data: { call, method, args } }) => {
  try {
    const result = await methods[method](...args);
    postMessage({ call, result }, movable(result));
  } catch (error) {
    postMessage({ call, error: sentence(error) });
    checkLost(error);
  }
});
