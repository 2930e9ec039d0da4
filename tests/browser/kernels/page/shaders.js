// Gives shaders to the browser's own compiler.

/** The adapter's device with all that its shaders may use, and whether they may use f16. */
const openDevice = async () => {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) throw new Error("this browser has no WebGPU adapter");
  const f16 = adapter.features.has("shader-f16");
  const device = await adapter.requestDevice({ requiredFeatures: f16 ? ["shader-f16"] : [] });
  return { device, f16 };
};

/** What the compiler says against one shader, or null. */
const refusal = async (device, code) => {
  const module = device.createShaderModule({ code });
  const { messages } = await module.getCompilationInfo();
  const words = messages.filter(({ type }) => type === "error")
    .map(({ lineNum, message }) => `line ${lineNum}: ${message}`);
  if (words.length > 0) return words.join("; ");
  const compute = { module };
  return device.createComputePipelineAsync({ layout: "auto", compute })
    .then(() => null, (error) => error.message);
};

/**
 * Compiles the shaders, from name to text. Without f16 on this adapter those that store it are
 * `skipped`.
 */
export const compileAll = async (shaders) => {
  const { device, f16 } = await openDevice();
  const result = { compiled: [], skipped: [], refused: [] };
  const work = async (names) => {
    for (const name of names) {
      if (!f16 && /^enable f16;/m.test(shaders[name])) {
        result.skipped.push(name);
        continue;
      }
      const words = await refusal(device, shaders[name]);
      if (words === null) result.compiled.push(name);
      else result.refused.push(`${name}: ${words}`);
    }
  };
  // Some at a time, so that the browser's processes do not wait for each other.
  const names = Object.keys(shaders).values();
  await Promise.all(Array.from({ length: 8 }, () => work(names)));
  device.destroy();
  return result;
};
