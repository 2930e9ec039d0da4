// Pixels to a studio and back, over a WebSocket.

/** The socket that draws. Requests go one after the other; of those that wait, the newest goes. */
export class Pen {
  #socket = null;
  #sent = null;
  #waiting = null;
  #told = null;
  #url;
  #away;

  /** A pen for an address; `away` is said where it does not answer. */
  constructor(url, away) {
    this.#url = new URL(url);
    this.#url.protocol = this.#url.protocol === "https:" ? "wss:" : "ws:";
    this.#away = away;
  }

  translate(model, { width, height, data }, seed) {
    return new Promise((resolve, reject) => {
      this.#waiting?.reject(Object.assign(new Error("A newer picture took the place of this one."),
        { name: "AbortError" }));
      const pixels = data.slice();
      this.#waiting = { header: { model, seed, width, height }, pixels, resolve, reject };
      this.#next();
    });
  }

  #next() {
    if (this.#sent || !this.#waiting) return;
    if (this.#socket?.readyState === WebSocket.CONNECTING) return;
    if (this.#socket?.readyState !== WebSocket.OPEN) {
      this.#open();
      return;
    }
    [this.#sent, this.#waiting, this.#told] = [this.#waiting, null, null];
    this.#socket.send(JSON.stringify(this.#sent.header));
    this.#socket.send(this.#sent.pixels);
  }

  #open() {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => this.#next());
    socket.addEventListener("message", ({ data }) => this.#take(data));
    socket.addEventListener("close", () => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      const lost = [this.#sent, this.#waiting];
      [this.#sent, this.#waiting] = [null, null];
      for (const one of lost) one?.reject(new Error(this.#away));
    });
  }

  #take(data) {
    if (typeof data !== "string") {
      const { milliseconds, width, height } = this.#told;
      const pixels = { width, height, data: new Uint8ClampedArray(data) };
      this.#end("resolve", { pixels, milliseconds });
      return;
    }
    this.#told = JSON.parse(data);
    if (this.#told.message) this.#end("reject", new Error(this.#told.message));
  }

  #end(how, what) {
    const sent = this.#sent;
    this.#sent = null;
    sent?.[how](what);
    this.#next();
  }
}
