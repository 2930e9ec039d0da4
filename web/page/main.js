// The page: picks the engine, shows the view of the address, and keeps the frame around it.
import { App } from "./app.js";
import { pickEngine } from "./engine/index.js";
import { icon, make } from "./parts/dom.js";
import { failed, toast } from "./parts/toast.js";
import { offline } from "./offline.js";
import { withoutDevice } from "./support.js";

// Each view is a module with `mount(root, app)`, read when it is first shown. `mount` may return
// {enter, leave, key}.
const VIEWS = [
  { name: "draw", title: "Draw", load: () => import("./draw/view.js") },
  { name: "train", title: "Train", load: () => import("./train/view.js") },
  { name: "inside", title: "Look inside", load: () => import("./inside/view.js") },
  { name: "runs", title: "Runs", load: () => import("./runs/view.js"), studio: true },
  { name: "about", title: "About", load: () => import("./about/view.js") },
];
const THEMES = [["system", "Colours as the system has them"], ["light", "Light colours"],
  ["dark", "Dark colours"]];

const app = new App();
const byId = (id) => document.getElementById(id);
const mounted = new Map();
let shown = null;

const offered = () => VIEWS.filter((view) => !view.studio || app.engine?.kind === "studio");

/** `#/draw` is a view; what follows a second slash is for the view itself. */
const addressed = () => {
  const name = location.hash.split("/")[1];
  return offered().find((view) => view.name === name) ?? offered()[0];
};

const navigation = () => {
  byId("nav").replaceChildren(...offered().map(({ name, title }) =>
    make("a", { href: `#/${name}`, "aria-current": name === shown ? "page" : null }, title)));
};

/** Makes a view the first time. Views stay: a drawing and a training go on behind another view. */
const mount = async (view) => {
  if (!mounted.has(view.name)) {
    const root = make("section", { class: view.name });
    byId("main").append(root);
    mounted.set(view.name, { root, handles: null });
    try {
      const module = await view.load();
      mounted.get(view.name).handles = (await module.mount(root, app)) ?? {};
    } catch (error) {
      root.append(make("p", { class: "card" },
        `${view.title} could not be shown (${error.message}): reload the page.`));
      console.error(error);
    }
  }
  return mounted.get(view.name);
};

const show = async () => {
  const view = addressed();
  const before = shown;
  if (before !== view.name) mounted.get(before)?.handles?.leave?.();
  shown = view.name;
  document.title = `${view.title} · pix2pix`;
  navigation();
  for (const [name, { root }] of mounted) root.hidden = name !== view.name;
  const { root, handles } = await mount(view);
  root.hidden = shown !== view.name;
  if (shown !== view.name) return;
  handles?.enter?.();
  // A change of view is told to screen readers; the first one is not.
  if (before !== null && before !== view.name) byId("main").focus({ preventScroll: true });
};

const theme = () => {
  const button = byId("theme");
  const now = document.documentElement.dataset.theme ?? "system";
  const at = THEMES.findIndex(([name]) => name === now);
  const [next] = THEMES[(at + 1) % THEMES.length];
  const icons = { system: "system", light: "sun", dark: "moon" };
  button.classList.add("icon");
  button.replaceChildren(icon(icons[now]));
  button.title = `${THEMES[at][1]}; next: ${next}`;
  button.setAttribute("aria-label", button.title);
  button.onclick = () => {
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // It holds until the page is closed.
    }
    theme();
  };
};

/** Keys of the view that is shown, unless something is being typed. */
const keys = (event) => {
  if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]")) return;
  const { tagName, type } = event.target;
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(tagName) && !["range", "checkbox"].includes(type)) return;
  if (mounted.get(shown)?.handles?.key?.(event)) event.preventDefault();
};

const device = async () => {
  try {
    const { adapter, driver, backend, version } = await app.engine.about();
    byId("device").textContent = adapter;
    byId("device").title = [adapter, driver, backend, version && `pix2pix ${version}`]
      .filter(Boolean).join(" · ");
  } catch (error) {
    app.without = error.message;
    notice();
  }
};

const notice = () => {
  byId("notice").hidden = app.without === null;
  byId("notice").textContent = app.without ?? "";
};

const start = async () => {
  theme();
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId("main").focus();
  });
  document.addEventListener("keydown", keys);
  // A file that is dropped beside its place does not take the page's.
  for (const event of ["dragover", "drop"]) {
    addEventListener(event, (detail) => detail.preventDefault());
  }
  const [engine, without] = await Promise.all([pickEngine(), withoutDevice()]);
  // The studio has the machine's own device.
  [app.engine, app.without] = [engine, engine.kind === "tab" ? without : null];
  // What the notice says is not said twice: it is set after this event.
  app.engine.addEventListener?.("lost", ({ detail }) => setTimeout(() => {
    if (detail !== app.without) failed(new Error(detail));
  }));
  app.engine.addEventListener?.("told", ({ detail }) => toast(detail, { stays: true }));
  notice();
  await app.readModels();
  addEventListener("hashchange", show);
  await show();
  if (app.without === null) device();
  offline(app.engine.kind);
};

start().catch((error) => {
  console.error(error);
  byId("main").append(make("p", { class: "card" },
    `The page could not start (${error.message}): reload it.`));
});
