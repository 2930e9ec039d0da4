// The training of a tab: its loop, its events and its checkpoints in the browser's storage. The
// loop does some steps, then lets messages and translations through.
import { forget, keep, kept, names } from "./store.js";

/** How long the steps between two looks at messages may take, in seconds. */
const CHUNK = 0.12;
/** The most steps between two looks. */
const MOST_STEPS = 32;
/** How often a checkpoint is kept, in milliseconds. */
const KEEP_EVERY = 30_000;
/** How much of the newest time an average of seconds a step takes. */
const SHARE = 0.1;
/** Rows of losses that are told again to who comes late. */
const MOST_ROWS = 20_000;

/** Lets the messages through that wait. A timer would wait some milliseconds. */
const breathe = () =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });

/** One training at a time. */
export class Training {
  #alone;
  #emit;
  #tell;
  #failed;
  #run = null;
  #told = false;

  constructor({ alone, emit, tell, failed }) {
    [this.#alone, this.#emit, this.#tell, this.#failed] = [alone, emit, tell, failed];
  }

  /** Starts a training. Returns its id. */
  async start({ dataset, config, name }) {
    this.#refuseSecond();
    const told = await this.#alone(async (tab) =>
      JSON.parse(await tab.start(JSON.stringify({ dataset, config, name }))));
    for (const line of told.told ?? []) this.#tell(line);
    const id = `run:${name}`;
    this.#begin({ id, name, dataset, config, step: told.step ?? 0, steps: told.steps });
    return id;
  }

  #refuseSecond() {
    if (["training", "paused"].includes(this.#run?.state)) {
      throw new Error(`${this.#run.name} still trains: stop it first.`);
    }
  }

  #begin(run) {
    this.#run = { ...run, state: "training", secondsPerStep: null, rows: [], samples: [],
      keptAt: Date.now(), message: null };
    this.#state();
    this.#loop(this.#run);
  }

  /** The run of that id, or a sentence. */
  #of(id) {
    if (this.#run?.id !== id) throw new Error(`${id} is not open here: restore or start it.`);
    return this.#run;
  }

  /** What a run is called. */
  title(id) {
    const { name, step } = this.#of(id);
    return `${name}, step ${step}`;
  }

  #state(run = this.#run) {
    const { id, state, step, steps, secondsPerStep, message } = run;
    this.#emit(id, { kind: "state", state, step, steps, secondsPerStep, message });
  }

  async #loop(run) {
    run.looping = true;
    try {
      while (run.state === "training" && run.step < run.steps) {
        await this.#chunk(run);
        if (Date.now() - run.keptAt > KEEP_EVERY) await this.#keep(run);
        await breathe();
      }
      if (run.state === "training") {
        run.state = "complete";
        await this.#keep(run);
        this.#state(run);
      }
    } catch (error) {
      run.state = "failed";
      run.message = error?.message ?? String(error);
      this.#state(run);
      this.#failed(error);
    } finally {
      run.looping = false;
    }
  }

  /** Some steps, and what they told. */
  async #chunk(run) {
    const fits = run.secondsPerStep ? Math.floor(CHUNK / run.secondsPerStep) : 1;
    const count = Math.min(Math.max(fits, 1), MOST_STEPS, run.steps - run.step);
    const from = performance.now();
    const before = run.step;
    const events = await this.#alone(async (tab) => JSON.parse(await tab.step(count)));
    for (const event of events) await this.#take(run, event);
    const seconds = (performance.now() - from) / 1000 / Math.max(run.step - before, 1);
    // The first chunk compiles kernels: it says nothing of the others.
    run.secondsPerStep = run.secondsPerStep === null || before === 0 ? seconds
      : (1 - SHARE) * run.secondsPerStep + SHARE * seconds;
    this.#state(run);
  }

  async #take(run, event) {
    if (event.kind === "losses" && event.rows.length > 0) {
      run.rows.push(...event.rows);
      if (run.rows.length > MOST_ROWS) run.rows.splice(0, run.rows.length - MOST_ROWS);
      run.step = Math.max(run.step, event.rows.at(-1).step);
    }
    if (event.kind === "state" && event.step !== undefined) run.step = event.step;
    if (event.kind === "state" && event.state) run.state = event.state;
    if (event.kind === "samples") {
      const { pairs } = await this.#alone((tab) => tab.samples());
      const told = { kind: "samples", step: event.step, pairs };
      run.samples.push(told);
      this.#emit(run.id, told);
    } else if (event.kind !== "state") {
      this.#emit(run.id, event);
    }
  }

  /** Events that tell a listener all that it missed. */
  replay(id) {
    if (this.#run?.id !== id) return [];
    const { state, step, steps, secondsPerStep, message, rows, samples } = this.#run;
    return [{ kind: "losses", rows, again: true }, ...samples,
      { kind: "state", state, step, steps, secondsPerStep, message }];
  }

  async pause(id) {
    const run = this.#of(id);
    if (run.state !== "training") return;
    run.state = "paused";
    this.#state(run);
    await this.#keep(run);
  }

  resume(id) {
    const run = this.#of(id);
    if (run.state !== "paused") return;
    run.state = "training";
    this.#state(run);
    // A loop that is still in its last steps goes on by itself.
    if (!run.looping) this.#loop(run);
  }

  async stop(id) {
    const run = this.#of(id);
    if (!["training", "paused"].includes(run.state)) return;
    run.state = "stopped";
    await this.#keep(run);
    this.#state(run);
  }

  weights(id) {
    this.#of(id);
    return this.#alone((tab) => tab.weights());
  }

  /** Keeps a checkpoint. A storage that is full is told once; the training goes on. */
  async #keep(run) {
    run.keptAt = Date.now();
    const bytes = await this.#alone((tab) => tab.save());
    const { id, name, dataset, config, step, steps } = run;
    try {
      await keep(`checkpoint:${id}`, { id, name, dataset, config, step, steps, bytes,
        when: Date.now() });
      // The list is read without the bytes.
      await keep(`run:${id}`, { id, name, step, steps, when: Date.now() });
    } catch (error) {
      if (!this.#told) this.#tell(error.message);
      this.#told = true;
    }
  }

  /** Checkpoints in the storage, the newest first. */
  async saved() {
    const found = await Promise.all((await names("run:")).map((name) => kept(name)));
    return found.filter(Boolean).sort((left, right) => right.when - left.when);
  }

  /** A checkpoint with all that it needs. */
  async kept(id) {
    const found = await kept(`checkpoint:${id}`);
    if (!found) throw new Error("That checkpoint is gone from the browser's storage: start again.");
    return found;
  }

  /** Goes on with a checkpoint. */
  async restore(id) {
    this.#refuseSecond();
    const { name, dataset, config, step, steps, bytes } = await this.kept(id);
    const told = await this.#alone(async (tab) =>
      JSON.parse(await tab.restore(JSON.stringify({ dataset, config, name }), bytes)));
    for (const line of told.told ?? []) this.#tell(line);
    this.#begin({ id, name, dataset, config, step, steps });
    return id;
  }

  async forget(id) {
    await forget(`checkpoint:${id}`);
    await forget(`run:${id}`);
  }
}
