// Calls to a worker: a message goes there, its answer settles a promise. What the worker tells
// without being asked goes to `told`.

/** Calls over a port or worker. */
export class Caller {
  #port;
  #waiting = new Map();
  #next = 1;

  constructor(port, told) {
    this.#port = port;
    port.addEventListener("message", ({ data }) => {
      if (!("call" in data)) {
        told(data);
        return;
      }
      const waiting = this.#waiting.get(data.call);
      this.#waiting.delete(data.call);
      if (!waiting) return;
      if ("error" in data) waiting.reject(new Error(data.error));
      else waiting.resolve(data.result);
    });
  }

  /** Calls a method of the worker. `transfer` names buffers that move there. */
  call(method, args, transfer = []) {
    const call = this.#next;
    this.#next += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, { resolve, reject });
      this.#port.postMessage({ call, method, args }, transfer);
    });
  }

  /** Rejects what waits: nobody answers any more. */
  fail(message) {
    for (const { reject } of this.#waiting.values()) reject(new Error(message));
    this.#waiting.clear();
  }
}
