// A kernel's source in a dialog.
import { make } from "../parts/dom.js";
import { dialog } from "../parts/dialog.js";
import { failed, toast } from "../parts/toast.js";
import { parts } from "./wgsl.js";

/** Opens the source of a kernel. */
export const showShader = async (app, kernel) => {
  let source;
  try {
    source = await app.engine.shader(kernel);
  } catch (error) {
    failed(error);
    return;
  }
  const code = make("code", {}, parts(source).map(({ kind, text }) =>
    (kind ? make("span", { class: `wgsl-${kind}` }, text) : text)));
  const copy = make("button", { type: "button", on: { click: async () => {
    try {
      await navigator.clipboard.writeText(source);
      toast("Copied.");
    } catch {
      failed(new Error("The browser did not let the page copy: select the text and copy it."));
    }
  } } }, "Copy");
  const lines = source.split("\n").length;
  dialog(kernel, make("div", { class: "row" }, make("p", { class: "muted small grow" },
    `WGSL, ${lines} lines`), copy), make("pre", { class: "source", tabindex: 0 }, code));
};
