// Rows of runs: they are read once, and then only what is new.

/** Rows of several runs as one list of {step, NAME: value}, for one chart. */
export const joined = (rowsOf, key) => {
  const steps = new Map();
  for (const [name, rows] of rowsOf) {
    for (const row of rows) {
      if (!Number.isFinite(row[key])) continue;
      if (!steps.has(row.step)) steps.set(row.step, { step: row.step });
      steps.get(row.step)[name] = row[key];
    }
  }
  return [...steps.values()].sort((left, right) => left.step - right.step);
};

/** Old rows with new ones behind them. Rows of a step that is told again are replaced. */
export const extended = (rows, more) => {
  if (more.length === 0) return rows;
  const from = more[0].step;
  return [...rows.filter(({ step }) => step < from), ...more];
};

/** The rows of all runs that somebody looked at. */
export class Curves {
  #known = new Map();

  constructor(engine) {
    this.engine = engine;
  }

  /** The rows that are known now. */
  of(id) {
    return this.#known.get(id)?.rows ?? [];
  }

  /** Reads what is new of a run. Returns whether there was something. */
  async read({ id, step, stage }) {
    let known = this.#known.get(id);
    // A run that goes on from a checkpoint drops the rows behind it.
    const isAnew = known && (step < known.step || (stage === "training") !== known.trains);
    if (!known || isAnew) known = { rows: [], step: 0 };
    else if (known.step === step) return false;
    const last = known.rows.at(-1)?.step ?? 0;
    const more = await this.engine.metrics(id, last);
    this.#known.set(id, { rows: extended(known.rows, more), step,
      trains: stage === "training" });
    return true;
  }

  forget(id) {
    this.#known.delete(id);
  }
}
