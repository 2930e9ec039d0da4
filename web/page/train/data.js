// The data of a training: what is there, and a folder or ZIP file of pairs that is added.
import { icon, make } from "../parts/dom.js";
import { failed } from "../parts/toast.js";

/** All files below a dropped entry, with their paths. */
const walk = async (entry, path = "") => {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    // As files of a chosen folder have it.
    Object.defineProperty(file, "webkitRelativePath", { value: path + entry.name });
    return [file];
  }
  const reader = entry.createReader();
  const files = [];
  for (;;) {
    // A reader gives its entries in portions.
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return files;
    for (const one of part) files.push(...(await walk(one, `${path}${entry.name}/`)));
  }
};

/** What a drop has: the files, and the name of the folder or ZIP file. */
const dropped = async (transfer) => {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = (await Promise.all(entries.map((entry) => walk(entry)))).flat();
  return { name: entries[0]?.name ?? "", files };
};

/** A name that may stand in an address and a file name. */
export const plainName = (name) =>
  name.replace(/\.zip$/i, "").replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|-+$/g, "") ||
  "pairs";

/** The chooser of data. Returns {element, chosen, read}. */
export const dataChooser = (app) => {
  const select = make("select", { id: "dataset" },
    make("option", { value: "" }, "Reading the pairs …"));
  const told = make("p", { class: "muted small", role: "status" });
  const read = async (id) => {
    const sets = await app.engine.datasets();
    select.replaceChildren(...sets.map((set) =>
      make("option", { value: set.id },
        Number.isFinite(set.pairs) ? `${set.title} (${set.pairs} pairs)` : set.title)));
    if (id) select.value = id;
  };
  const add = async (name, files) => {
    if (files.length === 0) return;
    told.textContent = `Reading ${name} …`;
    try {
      const { id, pairs, told: lines } = await app.engine.addDataset(plainName(name), files);
      await read(id);
      told.textContent = [`${pairs} pairs.`, ...lines].join(" ");
    } catch (error) {
      told.textContent = error.message;
      failed(error);
    }
  };
  const input = (attributes, named) => {
    const field = make("input", { type: "file", class: "unseen", tabindex: -1,
      "aria-hidden": "true", ...attributes, on: { change: () => {
        const files = [...field.files];
        add(named(files), files);
        field.value = "";
      } } });
    return field;
  };
  const folder = input({ webkitdirectory: true, multiple: true },
    (files) => files[0]?.webkitRelativePath.split("/")[0] ?? "pairs");
  const zip = input({ accept: ".zip" }, (files) => files[0]?.name ?? "pairs");
  const button = (label, field) => make("button", { type: "button",
    on: { click: () => field.click() } }, icon("open"), label);
  const chooser = [make("label", { for: "dataset" }, "Pairs"), select];
  if (!app.can("addDataset")) {
    const more = make("p", { class: "muted small" }, "Start the studio with --data FOLDER for " +
      "pairs of your own.");
    return { element: make("div", { class: "data" }, chooser, more), read,
      chosen: () => select.value };
  }
  const element = make("div", { class: "data" }, chooser,
    make("div", { class: "row" }, button("Folder", folder), button("ZIP", zip), folder, zip),
    make("p", { class: "muted small" }, "Or drop a folder or ZIP file here: combined A|B images, " +
      "or folders A/ and B/ with the same file names. Nothing leaves this machine."), told);
  drops(element, add);
  return { element, read, chosen: () => select.value };
};

const drops = (element, add) => {
  element.addEventListener("dragover", (event) => {
    event.preventDefault();
    element.classList.add("over");
  });
  element.addEventListener("dragleave", (event) => {
    if (!element.contains(event.relatedTarget)) element.classList.remove("over");
  });
  element.addEventListener("drop", async (event) => {
    event.preventDefault();
    element.classList.remove("over");
    try {
      const { name, files } = await dropped(event.dataTransfer);
      await add(name, files);
    } catch {
      failed(new Error("The dropped folder could not be read: choose it with the button."));
    }
  });
};
