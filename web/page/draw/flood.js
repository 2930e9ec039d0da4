// Flood fill on pixels in memory.

/** The largest difference of a channel between the pixel at `at` and a colour. */
const difference = (data, at, [red, green, blue]) =>
  Math.max(Math.abs(data[at] - red), Math.abs(data[at + 1] - green), Math.abs(data[at + 2] - blue));

/**
 * Fills what is connected with (x, y) and differs from it by at most `tolerance` in each channel.
 * Rows are filled from end to end. Returns the rectangle that changed, or null where nothing did.
 */
export const flood = ({ width, height, data }, x, y, colour, tolerance) => {
  if (x < 0 || y < 0 || x >= width || y >= height) return null;
  const start = 4 * (y * width + x);
  const from = [data[start], data[start + 1], data[start + 2]];
  const seen = new Uint8Array(width * height);
  const like = (index) => !seen[index] && difference(data, 4 * index, from) <= tolerance;
  let [left, right, top, bottom] = [x, x, y, y];
  let changed = false;
  const waiting = [y * width + x];
  while (waiting.length > 0) {
    const index = waiting.pop();
    if (!like(index)) continue;
    const row = Math.floor(index / width);
    let [first, last] = [index, index];
    while (first > row * width && like(first - 1)) first -= 1;
    while (last < (row + 1) * width - 1 && like(last + 1)) last += 1;
    for (let at = first; at <= last; at += 1) {
      seen[at] = 1;
      changed = set(data, 4 * at, colour) || changed;
    }
    left = Math.min(left, first - row * width);
    right = Math.max(right, last - row * width);
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
    for (const next of [row - 1, row + 1]) {
      if (next >= 0 && next < height) seed(waiting, like, first, last, (next - row) * width);
    }
  }
  if (!changed) return null;
  soften({ width, height, data }, seen, from, colour, { left, right, top, bottom });
  [left, top] = [Math.max(0, left - EDGE), Math.max(0, top - EDGE)];
  [right, bottom] = [Math.min(width - 1, right + EDGE), Math.min(height - 1, bottom + EDGE)];
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
};

/** How many pixels the smooth edge of a shape is wide. */
const EDGE = 2;

/**
 * Pixels at the edge of a fill are often a mix of what was filled and what lies behind the edge.
 * Their part of the old colour becomes the new one, or a fringe would stay.
 */
const soften = ({ width, height, data }, seen, from, colour, { left, right, top, bottom }) => {
  const changes = new Map();
  const look = (x, y, dx, dy) => {
    const run = [];
    for (let step = 1; step <= EDGE + 1; step += 1) {
      const [px, py] = [x + step * dx, y + step * dy];
      if (px < 0 || py < 0 || px >= width || py >= height || seen[py * width + px]) break;
      run.push(4 * (py * width + px));
    }
    const behind = run.pop();
    for (const at of run) {
      const share = mixed(data, at, behind, from);
      if (share > (changes.get(at) ?? 0)) changes.set(at, share);
    }
  };
  for (let y = top; y <= bottom; y += 1) {
    for (let x = left; x <= right; x += 1) {
      if (!seen[y * width + x]) continue;
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) look(x, y, dx, dy);
    }
  }
  for (const [at, share] of changes) {
    for (let channel = 0; channel < 3; channel += 1) {
      data[at + channel] += share * (colour[channel] - from[channel]);
    }
  }
};

/** How much of the colour `from` a pixel has, if the rest is that of the pixel `behind`. */
const mixed = (data, at, behind, from) => {
  let [along, length] = [0, 0];
  for (let channel = 0; channel < 3; channel += 1) {
    const span = from[channel] - data[behind + channel];
    along += (data[at + channel] - data[behind + channel]) * span;
    length += span * span;
  }
  return length === 0 ? 0 : Math.min(1, Math.max(0, along / length));
};

/** Puts the first pixel of each run beside a filled row on the list. */
const seed = (waiting, like, first, last, offset) => {
  let inside = false;
  for (let at = first + offset; at <= last + offset; at += 1) {
    const here = like(at);
    if (here && !inside) waiting.push(at);
    inside = here;
  }
};

const set = (data, at, [red, green, blue]) => {
  const same = data[at] === red && data[at + 1] === green && data[at + 2] === blue &&
    data[at + 3] === 255;
  [data[at], data[at + 1], data[at + 2], data[at + 3]] = [red, green, blue, 255];
  return !same;
};

/** `#rrggbb` as three numbers. */
export const rgb = (colour) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
