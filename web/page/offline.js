// The page without a connection: registers the service worker, and offers a new version.
import { toast } from "./parts/toast.js";

/** A studio serves its own page, newest always; a worker of an earlier tab page is taken off. */
export const offline = async (kind) => {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  try {
    if (kind !== "tab") {
      const old = await workers.getRegistration("./");
      await old?.unregister();
      return;
    }
    workers.addEventListener("message", ({ data }) => {
      if (data?.kind === "version") {
        toast("A newer version of this page is here.", { action: { label: "Reload",
          run: () => location.reload() } });
      }
    });
    await workers.register(new URL("service.js", import.meta.url));
    const ready = await workers.ready;
    ready.active?.postMessage({ kind: "look" });
  } catch (error) {
    // The page works without it, with a connection.
    console.warn("No service worker:", error);
  }
};
