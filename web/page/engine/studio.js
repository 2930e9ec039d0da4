// The engine over a studio: HTTP for questions, server-sent events for what is new, a WebSocket for
// pixels. docs/studio.md has every address.
//
// Beside the engine's interface it has, for the view of all runs:
//   await engine.runs()               {runs: [run], comparisons: [{id, page}], training: id | null}
//     run = {id, stage: "training" | "stopped" | "interrupted" | "out-of-patience" | "complete",
//            step, steps, epoch, losses: row, heldOut: row, best: {step, value} | null,
//            metric: "l1" | "ssim" | "psnr", seconds, secondsPerStep, secondsLeft,
//            memory (bytes), adapter, pairs, sample (step), dataset, size, direction, alive,
//            process, tags: [text], note, version, problem: sentence | null}
//     row = {step, epoch, g_gan, g_l1, d_real, d_fake, learning_rate, seconds, val_l1, val_ssim,
//            val_psnr}; what a run has not got is null
//   await engine.run(id)              a run as above, with {config, samples: [step],
//                                     checkpoints: [{file, bytes}], pages: [file], hasWeights}
//   await engine.metrics(id, after)   [row] after a step
//   engine.modelOf(id)                the id of the model with the run's newest weights
//   engine.fileUrl(id, file)          address of a file of a run or of a comparison
//   engine.sampleUrl(id, step)        address of a sample grid: rows of input, output, target
//   await engine.notes(id)            {version, tags, note}
//   await engine.writeNotes(id, notes)  the same, one version on; where somebody else was faster,
//                                     the error has `now`, which is what there is
//   await engine.extend(id, changes)  goes on: {steps | epochs, learning_rate, patience,
//                                     tensorboard}
//   engine.watch                      has these events as well: {kind: "anew"} rows are dropped,
//                                     all follow again; {kind: "problem", message}; {kind: "state"}
//                                     with {stage, process}, and the states "gone" and "away" (the
//                                     studio does not answer; it is asked again)
import { boxExamples, palettes } from "./box.js";
import { Pen } from "./pen.js";

const AWAY = "The studio does not answer: see whether pix2pix studio still runs on that machine. " +
  "The page goes on when it is back.";
/** From one try to reach a studio that is away to the next. */
const AGAIN = 2000;
const token = new URLSearchParams(location.search).get("token") ?? "";
const root = new URL("../", import.meta.url);

const address = (path, query = {}) => {
  const url = new URL(path, root);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
};
const named = (id) => encodeURIComponent(id);

/** Asks, and returns the answer. */
const ask = async (path, { query, ...options } = {}) => {
  const headers = token ? { "x-pix2pix-token": token } : {};
  let answer;
  try {
    answer = await fetch(address(`api/${path}`, query), { cache: "no-store", headers, ...options });
  } catch {
    throw new Error(AWAY);
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  const error = new Error(told.message ?? `The studio answers ${answer.status}: reload the page.`);
  throw Object.assign(error, { field: told.field ?? null, now: told.now ?? null });
};
const json = async (path, options) => (await ask(path, options)).json();
const send = (path, body, method = "POST") =>
  json(path, { method, body: body === undefined ? undefined : JSON.stringify(body) });

class StudioEngine extends EventTarget {
  kind = "studio";
  can = new Set(["about", "models", "open", "translate", "options", "datasets", "start", "watch",
    "resume", "stop", "weights", "saved", "restore", "runs", "run", "metrics", "modelOf", "fileUrl",
    "sampleUrl", "notes", "writeNotes", "extend", "inspect", "drawing", "shader", "activations",
    "addDataset", "forget"]);
  #pen = new Pen(address("api/draw", token ? { token } : {}), AWAY);
  /** What was looked into, the newest first: a kernel is one of it. */
  #looked = [{ config: {} }];
  #said = new Set();

  about() {
    return json("about");
  }

  async models() {
    const [models, examples] = await Promise.all([json("models"), boxExamples()]);
    return models.map((model) => complete(model, examples));
  }

  async open(which) {
    const told = typeof which === "string" ? await json(`models/${named(which)}`)
      : await json("models",
        { method: "POST", query: { name: which.file.name }, body: which.file });
    return complete(told, await boxExamples());
  }

  translate(id, pixels, { seed = 0 } = {}) {
    return this.#pen.translate(id, pixels, seed);
  }

  inspect(what) {
    this.#look(what);
    return send("inspect", what);
  }

  async drawing(what) {
    this.#look(what);
    return (await ask("drawing", { method: "POST", body: JSON.stringify(what) })).text();
  }

  #look(what) {
    const other = this.#looked.filter((one) => ("model" in one) !== ("model" in what));
    this.#looked = [what, ...other];
  }

  async shader(kernel) {
    let failure;
    for (const what of this.#looked) {
      const body = JSON.stringify({ ...what, kernel });
      try {
        return await (await ask("shader", { method: "POST", body })).text();
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  async activations(model, { width, height, data }) {
    const query = { model, width, height };
    const answer = await ask("activations", { method: "POST", query, body: data.slice() });
    const packed = new Uint8Array(await answer.arrayBuffer());
    let at = packed.indexOf(10);
    const list = JSON.parse(new TextDecoder().decode(packed.subarray(0, at)));
    at += 1;
    return list.map(({ bytes, ...map }) => {
      const png = new Blob([packed.subarray(at, at + bytes)], { type: "image/png" });
      at += bytes;
      return { ...map, png };
    });
  }

  options() {
    return json("options");
  }

  /** Sends one ZIP archive, or the files of a folder: their paths and sizes, then their bytes. */
  addDataset(name, files) {
    const isArchive = files.length === 1 && /\.zip$/i.test(files[0].name);
    const path = (file) => (file.webkitRelativePath || file.name).split("/");
    const below = (parts) => parts.slice(parts.length > 1 ? 1 : 0).join("/");
    const list = files.map((file) => ({ path: below(path(file)), bytes: file.size }));
    const body = isArchive ? files[0] : new Blob([`${JSON.stringify(list)}\n`, ...files]);
    return json("datasets", { method: "POST", query: { name }, body });
  }

  /** Puts a run out of sight. Its folder is kept, in `.forgotten` beside the others. */
  forget(id) {
    return json(`runs/${named(id)}`, { method: "DELETE" });
  }

  /** Tells once what the command line would tell of a training. */
  #tell(id, lines) {
    for (const line of lines ?? []) {
      if (this.#said.has(`${id}\n${line}`)) continue;
      this.#said.add(`${id}\n${line}`);
      this.dispatchEvent(new CustomEvent("told", { detail: line }));
    }
  }

  datasets() {
    return json("datasets");
  }

  async start({ dataset, config, name }) {
    return (await send("trainings", { dataset, config, name })).id;
  }

  /** Watches a run. A studio that goes away is asked again; no row is told twice. */
  watch(id, listener) {
    let [last, source, timer, away] = [0, null, null, false];
    const begin = () => {
      source = new EventSource(address(`api/runs/${named(id)}/events`,
        token ? { after: last, token } : { after: last }));
      source.addEventListener("message", ({ data }) => {
        away = false;
        const event = JSON.parse(data);
        if (event.kind === "anew") last = 0;
        if (event.kind === "losses") last = event.rows.at(-1)?.step ?? last;
        this.#tell(id, event.told);
        if (event.kind === "samples") event.url = this.sampleUrl(id, event.step);
        if (event.state === "gone" || (event.state === "failed" && !event.stage)) source.close();
        listener(event);
      });
      source.addEventListener("error", () => {
        source.close();
        if (!away) listener({ kind: "state", state: "away", message: AWAY });
        away = true;
        timer = setTimeout(begin, AGAIN);
      });
    };
    begin();
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }

  stop(id) {
    return send(`runs/${named(id)}/stop`);
  }

  resume(id) {
    return this.extend(id, {});
  }

  extend(id, changes) {
    return send(`runs/${named(id)}/resume`, changes);
  }

  async weights(id) {
    const answer = await fetch(this.fileUrl(id, "generator.safetensors")).catch(() => {
      throw new Error(AWAY);
    });
    if (answer.ok) return answer.blob();
    throw new Error("This run has saved no weights yet: wait for its first checkpoint.");
  }

  /** Runs that can go on. */
  async saved() {
    const { runs } = await this.runs();
    return runs.filter((run) => !run.alive && run.step > 0 && run.stage !== "complete")
      .map(({ id, step, steps }) => ({ id, name: id, step, steps, when: null }));
  }

  async restore(id) {
    return (await this.resume(id)).id;
  }

  runs() {
    return json("runs");
  }

  run(id) {
    return json(`runs/${named(id)}`);
  }

  async metrics(id, after = 0) {
    return (await json(`runs/${named(id)}/metrics`, { query: { after } })).rows;
  }

  modelOf(id) {
    return `run:${id}`;
  }

  fileUrl(id, file) {
    const path = file.split("/").map(encodeURIComponent).join("/");
    return address(`files/${token || "-"}/${named(id)}/${path}`).href;
  }

  sampleUrl(id, step) {
    return this.fileUrl(id, `samples/step-${String(step).padStart(6, "0")}.png`);
  }

  notes(id) {
    return json(`runs/${named(id)}/notes`);
  }

  writeNotes(id, notes) {
    return send(`runs/${named(id)}/notes`, notes, "PUT");
  }
}

/** A model with what only the page knows of it. */
const complete = (model, examples) => ({
  input: "rgb", output: "rgb", dropout: false, about: "", licence: null, ...model,
  palette: model.palette ?? palettes[model.id] ?? null,
  examples: examples[model.id] ?? [],
});

export const openStudio = () => new StudioEngine();
