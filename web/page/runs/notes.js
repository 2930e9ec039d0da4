// Tags and the note of a run. What is typed stays until it is saved, also where somebody else was
// faster.
import { make } from "../parts/dom.js";
import { tagsFrom } from "./order.js";

/** The form of one run. */
export class Notes {
  #version = null;
  #dirty = false;
  #busy = false;
  #tags = make("input", { type: "text", id: "run-tags", autocomplete: "off",
    "aria-describedby": "run-tags-help" });
  #note = make("textarea", { id: "run-note", rows: 4 });
  #save = make("button", { type: "submit", disabled: true }, "Save");
  #told = make("p", { class: "small", role: "status" });
  #theirs = make("div", { class: "theirs", hidden: true });

  constructor(app, id) {
    [this.app, this.id] = [app, id];
    this.element = make("form", { class: "card stack notes" }, make("h2", {}, "Tags and note"),
      make("div", { class: "field" }, make("label", { for: "run-tags" }, "Tags"), this.#tags,
        make("small", { id: "run-tags-help", class: "muted" }, "With commas between them.")),
      make("div", { class: "field" }, make("label", { for: "run-note" }, "Note"), this.#note),
      this.#theirs, make("div", { class: "row" }, this.#save, this.#told));
    this.element.addEventListener("input", () => this.#typed());
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#write();
    });
  }

  #typed() {
    this.#dirty = true;
    this.#save.disabled = false;
    this.#told.textContent = "Not saved yet.";
  }

  /** What the studio has now. It does not take the place of what is being typed. */
  show({ version, tags, note }) {
    if (this.#dirty || this.#busy || version === this.#version) return;
    this.#take({ version, tags, note });
  }

  #take({ version, tags, note }) {
    this.#version = version;
    [this.#tags.value, this.#note.value] = [tags.join(", "), note];
    this.#dirty = false;
    this.#save.disabled = true;
    this.#theirs.hidden = true;
  }

  async #write() {
    if (this.#busy) return;
    this.#busy = true;
    this.#save.disabled = true;
    const sent = { tags: this.#tags.value, note: this.#note.value };
    try {
      const now = await this.app.engine.writeNotes(this.id,
        { version: this.#version ?? 0, tags: tagsFrom(sent.tags), note: sent.note });
      this.#version = now.version;
      this.#theirs.hidden = true;
      // What was typed meanwhile is not saved yet.
      const typed = this.#tags.value !== sent.tags || this.#note.value !== sent.note;
      if (!typed) this.#take(now);
      this.#save.disabled = !typed;
      this.#told.textContent = typed ? "Not saved yet." : "Saved.";
    } catch (error) {
      this.#save.disabled = false;
      this.#told.textContent = error.now ? "" : error.message;
      if (error.now) this.#conflict(error);
    } finally {
      this.#busy = false;
    }
  }

  /** Somebody else was faster: both are shown, and one is chosen. */
  #conflict({ now }) {
    const button = (label, click) => make("button", { type: "button", on: { click } }, label);
    this.#theirs.replaceChildren(
      make("p", { role: "alert" }, "Somebody else has changed them since you read them: keep " +
        "yours, or take theirs."),
      make("p", { class: "small" }, make("strong", {}, "Their tags: "),
        now.tags.join(", ") || "none"),
      make("p", { class: "small their-note" }, make("strong", {}, "Their note: "),
        now.note || "none"),
      make("div", { class: "row" }, button("Keep mine", () => {
        this.#version = now.version;
        this.#write();
      }), button("Take theirs", () => {
        this.#take(now);
        this.#told.textContent = "Taken from the studio.";
      })));
    this.#theirs.hidden = false;
  }
}
