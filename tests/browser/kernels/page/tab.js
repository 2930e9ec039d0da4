// The browser's side of kernels-tests/lib/harness/src/tab.rs: what the module of the kernel tests
// imports. The tests wait as they do elsewhere, because the browser suspends their whole stack
// (JavaScript Promise Integration).
Error.stackTraceLimit = 200;

const { port1, port2 } = new MessageChannel();
/** A turn of the browser. A timer would wait for 4 ms each time. */
const turn = () => new Promise((resolve) => {
  port1.onmessage = resolve;
  port2.postMessage(null);
});

let memory = null;
/** What the tests told: the names in the order in which they began, and lines of text. */
export const told = { tests: [], lines: [] };

export const give_way = new WebAssembly.Suspending(turn);
export const tell = (at, bytes) => {
  const line = new TextDecoder().decode(new Uint8Array(memory.buffer, at, bytes));
  told.lines.push(line.trimEnd());
};
/** The name of the test is that of the outermost function of a module of the tests on the stack. */
export const test_begins = () => {
  // A frame reads "kernels::FAMILY::TEST::h...", or "...::{{closure}}::h...".
  const frames = new Error().stack.matchAll(/\bkernels::((?:\w+::)+\w+?)::(?:\{|h[\da-f]{16}\b)/g);
  const names = [...frames];
  const name = names.at(-1)?.[1] ?? "a test without a name";
  const now = performance.now();
  const last = told.tests.at(-1);
  if (last?.name === name) return;
  if (last) last.milliseconds = now - last.began;
  told.tests.push({ name, began: now, milliseconds: null });
};

/**
 * Runs all tests of the module. wasm-bindgen's JavaScript calls `main` while it starts the module;
 * here that call is made suspendable. Returns what the tests told, and the error that ended them.
 */
export const runTests = async (glue) => {
  const { instantiateStreaming } = WebAssembly;
  let main = null;
  WebAssembly.instantiateStreaming = async (...given) => {
    const { instance, module } = await instantiateStreaming.apply(WebAssembly, given);
    memory = instance.exports.memory;
    const start = WebAssembly.promising(instance.exports.__wbindgen_start);
    const exports = { ...instance.exports, __wbindgen_start: () => { main = start(); } };
    return { instance: { exports }, module };
  };
  let error = null;
  try {
    await glue.default();
    if (!main) throw new Error("the module has no main function");
    await main;
  } catch (thrown) {
    error = thrown.stack ?? String(thrown);
  }
  const last = told.tests.at(-1);
  if (last) last.milliseconds = performance.now() - last.began;
  return { ...told, error };
};
