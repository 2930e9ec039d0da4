// Whether this browser can compute, and what to do where it cannot.

/** Which browsers have WebGPU, and which switch others need. */
export const BROWSERS = [
  ["Chrome and Edge", "on Windows, macOS and ChromeOS from version 113, on Android 12 from 121",
    "none; on Linux: chrome://flags/#enable-unsafe-webgpu and #enable-vulkan"],
  ["Firefox", "on Windows from 141, on macOS with Apple silicon from 145",
    "none; elsewhere: about:config, dom.webgpu.enabled"],
  ["Safari", "macOS, iOS, iPadOS and visionOS from version 26",
    "none; before: Settings, Feature Flags, WebGPU"],
];

/** The switch of a browser by its user agent. */
export const switchOf = (agent) => {
  if (/firefox/i.test(agent)) return "about:config, dom.webgpu.enabled";
  if (/chrom(e|ium)|edg/i.test(agent)) {
    return "chrome://flags/#enable-unsafe-webgpu (and #enable-vulkan on Linux)";
  }
  if (/safari/i.test(agent)) return "Settings, Feature Flags, WebGPU";
  return "the browser's setting for WebGPU";
};

/** One sentence for a browser that cannot compute, or null. */
export const sentence = ({ secure, api, adapter, agent }) => {
  if (!secure) {
    return "WebGPU needs a secure address: open this page over https:// or as http://localhost.";
  }
  if (api && adapter) return null;
  const what = api ? "This browser has WebGPU but found no graphics device for it"
    : "This browser has no WebGPU";
  return `${what}: use Chrome or Edge 113 (on Android 121), Firefox 141 or Safari 26 or ` +
    `newer, or switch it on (${switchOf(agent)}); the examples, the recorded training and ` +
    "About are here without it.";
};

/** Looks for a device. */
export const withoutDevice = async () => {
  const api = Boolean(navigator.gpu);
  let adapter = null;
  if (api) adapter = await navigator.gpu.requestAdapter().catch(() => null);
  return sentence({ secure: isSecureContext, api, adapter: Boolean(adapter),
    agent: navigator.userAgent });
};
