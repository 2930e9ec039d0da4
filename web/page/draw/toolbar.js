// The tools of Draw: which one, how large, how tolerant, what colour.
import { icon, iconButton, make } from "../parts/dom.js";

const TOOLS = [
  { id: "brush", label: "Brush", key: "b" }, { id: "line", label: "Straight line", key: "l" },
  { id: "fill", label: "Fill", key: "f" }, { id: "eraser", label: "Eraser", key: "e" },
  { id: "hand", label: "Move the view", key: "h" },
];
const LARGEST = 80;

const toolButtons = (board, chosen) => TOOLS.map(({ id, label, key }) => {
  const button = make("button", { type: "button", class: "icon quiet", "aria-label": label,
    title: `${label} (${key.toUpperCase()})`, "aria-pressed": "false", data: { tool: id },
    on: { click: () => chosen(id) } }, icon(id));
  return button;
});

const slider = (label, id, least, most, value, given) => {
  const number = make("output", { for: id }, String(value));
  const range = make("input", { id, type: "range", min: least, max: most, on: { input: () => {
    number.value = range.value;
    given(Number(range.value));
  } } });
  range.value = value;
  const set = (next) => {
    range.value = next;
    range.dispatchEvent(new Event("input"));
  };
  const box = make("label", { class: "slider" }, make("span", {}, label), range, number);
  return { box, set, get: () => Number(range.value) };
};

/** The bar with tools, sizes and steps. Returns {element, choose, key, size}. */
export const toolbar = (board, pointer) => {
  const size = slider("Size", "brush-size", 1, LARGEST, board.size, (value) => {
    board.size = value;
  });
  const tolerance = slider("Tolerance", "fill-tolerance", 0, 255, board.tolerance, (value) => {
    board.tolerance = value;
  });
  const buttons = toolButtons(board, (id) => choose(id));
  const choose = (id) => {
    board.tool = id;
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === id));
    }
    tolerance.box.hidden = id !== "fill";
    size.box.hidden = id === "fill" || id === "hand";
    board.canvas.parentElement.dataset.tool = id;
  };
  const undo = iconButton("undo", "Undo", () => board.undo(), { title: "Undo (Ctrl+Z)" });
  const redo = iconButton("redo", "Redo", () => board.redo(), { title: "Redo (Ctrl+Shift+Z)" });
  const steps = () => {
    [undo.disabled, redo.disabled] = [!board.history.canUndo, !board.history.canRedo];
  };
  board.addEventListener("history", steps);
  steps();
  const element = make("div", { class: "tools", role: "group", "aria-label": "Drawing tools" },
    make("div", { class: "group" }, buttons), size.box, tolerance.box,
    make("div", { class: "group" }, undo, redo,
      iconButton("clear", "Clear the paper", () => board.clear())),
    make("div", { class: "group zooms" },
      iconButton("farther", "Zoom out", () => pointer.zoom(-1), { title: "Zoom out (-)" }),
      iconButton("closer", "Zoom in", () => pointer.zoom(1), { title: "Zoom in (+)" }),
      iconButton("whole", "Whole picture", () => pointer.zoom(0), { title: "Whole picture (0)" })));
  choose(board.tool);

  /** A key of Draw; true where it was one. */
  const key = (event) => {
    const letter = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (letter === "z" && event.shiftKey) board.redo();
      else if (letter === "z") board.undo();
      else if (letter === "y") board.redo();
      else return false;
      return true;
    }
    const tool = TOOLS.find((one) => one.key === letter);
    if (tool) choose(tool.id);
    else if (letter === "[") size.set(size.get() - 2);
    else if (letter === "]") size.set(size.get() + 2);
    else return false;
    return true;
  };
  return { element, choose, key, size: size.set };
};

/** The colours of the model's inputs, and one of one's own. Returns {element, show}. */
export const palette = (board, picked) => {
  const element = make("div", { class: "palette", role: "group", "aria-label": "Colours" });
  const own = make("input", { type: "color", "aria-label": "A colour of your own",
    title: "A colour of your own", on: { input: () => pick(own.value) } });
  const pick = (colour) => {
    board.colour = colour;
    own.value = colour;
    for (const button of element.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.colour === colour));
    }
    if (board.tool === "eraser" || board.tool === "hand") picked();
  };
  const swatch = ({ name, colour }) => {
    const button = make("button", { type: "button", class: "swatch", "aria-label": name,
      title: name, data: { colour }, on: { click: () => pick(colour) } });
    button.style.background = colour;
    return button;
  };
  /** Shows a palette, or greys and rainbow where the model has none. */
  const show = (colours) => {
    element.replaceChildren(...(colours ?? PLAIN).map(swatch), own);
    const has = (colours ?? PLAIN).some(({ colour }) => colour === board.colour);
    const first = (colours ?? PLAIN).find(({ colour }) => colour !== "#ffffff");
    pick(has ? board.colour : first.colour);
  };
  return { element, show };
};

// For models of which nothing is known.
const PLAIN = [["white", "#ffffff"], ["black", "#000000"], ["grey", "#808080"], ["red", "#e03131"],
  ["orange", "#f08c00"], ["yellow", "#ffd43b"], ["green", "#2f9e44"], ["blue", "#1971c2"],
  ["violet", "#7048e8"], ["brown", "#846358"]].map(([name, colour]) => ({ name, colour }));
