// Zoom and pan: pure arithmetic on {zoom, x, y}. A point p of the picture lies at zoom·p + (x, y)
// of its frame. At zoom 1 the picture fills the frame, whose size is {width, height}.

export const WHOLE = Object.freeze({ zoom: 1, x: 0, y: 0 });
const MOST = 16;

/** Keeps the frame full: no edge of the picture comes inside it. */
export const clamped = ({ zoom, x, y }, size) => {
  const between = (value, length) => Math.min(0, Math.max(length * (1 - zoom), value));
  return { zoom, x: between(x, size.width), y: between(y, size.height) };
};

/** Zooms by a factor, and leaves the point (px, py) of the frame where it is. */
export const zoomed = (view, factor, px, py, size) => {
  const zoom = Math.min(MOST, Math.max(1, view.zoom * factor));
  const ratio = zoom / view.zoom;
  return clamped({ zoom, x: px - (px - view.x) * ratio, y: py - (py - view.y) * ratio }, size);
};

/** Moves the picture. */
export const panned = (view, dx, dy, size) =>
  clamped({ ...view, x: view.x + dx, y: view.y + dy }, size);

/** What two fingers did: {factor, dx, dy, px, py} from their places before and after. */
export const pinch = ([a, b], [c, d]) => {
  const distance = (p, q) => Math.hypot(p.x - q.x, p.y - q.y);
  const middle = (p, q) => ({ x: (p.x + q.x) / 2, y: (p.y + q.y) / 2 });
  const [before, after] = [middle(a, b), middle(c, d)];
  return { factor: distance(c, d) / Math.max(distance(a, b), 1), dx: after.x - before.x,
    dy: after.y - before.y, px: after.x, py: after.y };
};
