// The arithmetic of a chart: ranges, ticks and places. Pure.

/** The least and the largest finite value, or null. On a log scale only what is above 0 counts. */
export const extent = (values, log) => {
  let [least, largest] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value) || (log && value <= 0)) continue;
    least = Math.min(least, value);
    largest = Math.max(largest, value);
  }
  return least <= largest ? [least, largest] : null;
};

/** A function from values to places between `from` and `to`. */
export const scale = ([low, high], from, to, log = false) => {
  const map = log ? Math.log10 : (value) => value;
  const [a, b] = [map(low), map(high)];
  const span = b - a || 1;
  return (value) => from + ((map(value) - a) / span) * (to - from);
};

/** A round step so that at most `count` of them lie in the span: 1, 2 or 5 times a power of ten. */
export const roundStep = (span, count) => {
  const raw = span / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * ([1, 2, 5, 10].find((factor) => power * factor >= raw * (1 - 1e-9)));
};

/** The range widened to round ends, and its ticks. */
export const linearTicks = ([low, high], count) => {
  const step = roundStep(high - low || Math.abs(high) || 1, count);
  const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
  const ticks = [];
  // Counted in steps: a sum of fractions would drift.
  for (let at = first; at <= Math.max(last, first + 1); at += 1) {
    ticks.push(Number((at * step).toPrecision(12)));
  }
  return { range: [ticks[0], ticks.at(-1)], ticks };
};

/** The same for a log scale: powers of ten, and 2 and 5 times them where there are few. */
export const logTicks = ([low, high]) => {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const factors = last - first <= 2 ? [1, 2, 5] : [1];
  const all = [];
  for (let power = first; power <= last; power += 1) {
    for (const factor of factors) all.push(Number((factor * 10 ** power).toPrecision(12)));
  }
  const below = all.filter((tick) => tick <= low).at(-1) ?? all[0];
  const above = all.find((tick) => tick >= high && tick > below) ?? all.at(-1);
  return { range: [below, above], ticks: all.filter((tick) => tick >= below && tick <= above) };
};

/**
 * Fewer points for a line: for each of `most` ranges the mean of its finite values, at the mean of
 * their places. What is short stays as it is.
 */
export const thinned = (points, most) => {
  const finite = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  if (finite.length <= most) return finite;
  const size = finite.length / most;
  return Array.from({ length: most }, (_, bin) => {
    const part = finite.slice(Math.floor(bin * size), Math.floor((bin + 1) * size));
    const mean = (at) => part.reduce((sum, point) => sum + point[at], 0) / part.length;
    return [mean(0), mean(1)];
  });
};

/** The moving average of points. It starts as the plain mean of what there is. */
export const averaged = (points, share) => {
  let [sum, weight] = [0, 0];
  return points.map(([x, y]) => {
    sum = share * sum + (1 - share) * y;
    weight = share * weight + (1 - share);
    return [x, sum / weight];
  });
};

/** The index of the entry whose `key` is nearest to a value. Entries are sorted. */
export const nearest = (rows, key, value) => {
  let [low, high] = [0, rows.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (rows[middle][key] < value) low = middle;
    else high = middle;
  }
  if (rows.length === 0) return -1;
  return Math.abs(rows[low][key] - value) <= Math.abs(rows[high][key] - value) ? low : high;
};

/** A number with as many digits as say something. */
export const short = (value) => {
  if (!Number.isFinite(value)) return "not finite";
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 100_000)) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
};
