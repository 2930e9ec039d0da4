// Elements, made in one call. Text is always text: nothing is parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** What the attributes of `make` are: `on` listeners, `data`, properties, and attributes. */
const give = (element, attributes) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) {
        element.addEventListener(event, listener);
      }
    } else if (name === "data") {
      Object.assign(element.dataset, value);
    } else if (name === "value" || name === "checked") {
      element[name] = value;
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
};

/** An element of HTML with attributes and children (elements or text; `null` is left out). */
export const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  give(element, attributes);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
};

/** An element of SVG. */
export const draw = (tag, attributes = {}, ...children) => {
  const element = document.createElementNS(SVG, tag);
  give(element, attributes);
  element.append(...children);
  return element;
};

const ICONS = {
  brush: "M4 20c3 1 6 0 6-3a2.5 2.5 0 0 0-4-2c-1 1 0 3-2 5M9.5 14 19 4.5l1 1L11 15.5",
  fill: "M4 12 11 5l7 7-6.5 6.5a2 2 0 0 1-2.800 0L4.5 14a1.5 1.5 0 0 1-.5-2M9 3l2 2M4.5" +
    " 12.5H17M20.5 16.5c1.5 2 1 3.5 0 3.5s-1.5-1.5 0-3.5",
  eraser: "M9 19h11M5 14l8.5-8.5a1.5 1.5 0 0 1 2 0l3 3a1.5 1.5 0 0 1 0 2L10 19H8l-3-3a1.5" +
    " 1.5 0 0 1 0-2M9.5 9.5l5 5",
  line: "M5 19 19 5",
  hand: "M8 12V6.5a1.3 1.3 0 0 1 2.6 0V11V5a1.3 1.3 0 0 1 2.6 0v6V6.5a1.3 1.3 0 0 1 2.6" +
    " 0V15c0 4-2 6-5 6-2.5 0-4-1-5.5-3.5L3.5 14c.8-1.3 2.3-1 3 0L8 15.5z",
  undo: "M9 6 4 11l5 5M4 11h10a5 5 0 0 1 0 10h-3",
  redo: "M15 6l5 5-5 5M20 11H10a5 5 0 0 0 0 10h3",
  clear: "M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13M10.5 11v5.5M13.5 11v5.5",
  closer: "M11 5a6 6 0 1 0 .01 0M15.5 15.5 20 20M11 8.5v5M8.5 11h5",
  farther: "M11 5a6 6 0 1 0 .01 0M15.5 15.5 20 20M8.5 11h5",
  whole: "M5 9V5h4M19 9V5h-4M5 15v4h4M19 15v4h-4",
  open: "M4 18V6h5l2 2h9v10zM4 11h16",
  camera: "M4 8h3.5L9 5.5h6L16.5 8H20v11H4zM12 10.3a3 3 0 1 0 .01 0",
  dice: "M5 5h14v14H5zM9 9v.01M15 9v.01M12 12v.01M9 15v.01M15 15v.01",
  save: "M12 4v11M7.5 11 12 15.5 16.5 11M5 20h14",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-2.5 4 3.5M15.5 8.5v.01",
  sun: "M12 8a4 4 0 1 0 .01 0M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3" +
    " 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  moon: "M19.5 14.5A8 8 0 1 1 10 4.5a6.5 6.5 0 0 0 9.5 10z",
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  play: "M7 5l12 7-12 7z",
  pause: "M8 5v14M16 5v14",
  stop: "M6 6h12v12H6z",
  close: "M6 6l12 12M18 6 6 18",
};

/** An icon by its name. It is hidden from screen readers: its button has a label. */
export const icon = (name) =>
  draw("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, draw("path", { d: ICONS[name] }));

/** A button with an icon, whose name is read aloud and shown as a tip. */
export const iconButton = (name, label, click, attributes = {}) =>
  make("button", { type: "button", class: "icon quiet", "aria-label": label, title: label,
    ...attributes, on: { click } }, icon(name));

/** Pixels on a canvas. */
export const paint = (canvas, { width, height, data }) => {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const bytes = data instanceof Uint8ClampedArray ? data : new Uint8ClampedArray(data);
  canvas.getContext("2d").putImageData(new ImageData(bytes, width, height), 0, 0);
};

/** A canvas as a PNG. */
export const png = (canvas) =>
  new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob)
      : reject(new Error("The picture could not be written as PNG: free some memory."))));
  });

/** Saves bytes under a name, as a download. */
export const download = (blob, name) => {
  const url = URL.createObjectURL(blob);
  const link = make("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser has taken the address by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
};
