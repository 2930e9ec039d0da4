// Translation follows the pen: at most one under way, and the newest wins.

/**
 * Calls `run` with what `ask` gives, one call at a time. What is asked for while one is under way
 * waits; only the newest waits. `done` gets each result, `failed` each error.
 */
export const follower = ({ run, done, failed }) => {
  let busy = false;
  let waiting = null;
  const next = async (what) => {
    busy = true;
    try {
      done(await run(what()), waiting !== null);
    } catch (error) {
      failed(error);
    } finally {
      busy = false;
    }
    if (waiting) {
      const newest = waiting;
      waiting = null;
      next(newest);
    }
  };
  return {
    /** Asks for a run with what `what()` is when its turn comes. */
    ask: (what) => {
      if (busy) waiting = what;
      else next(what);
    },
    get busy() {
      return busy;
    },
  };
};

/** How many of the last times a running median is of. */
const WINDOW = 21;

/** A running median. */
export const median = () => {
  const last = [];
  return (value) => {
    last.push(value);
    if (last.length > WINDOW) last.shift();
    const sorted = [...last].sort((left, right) => left - right);
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  };
};
