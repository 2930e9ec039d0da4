// Picks the engine of the page: the studio, if one serves this page, else this tab.

/** How long a studio has to answer. It is on the same machine. */
const PATIENCE = 1500;

/** Whether a studio serves this page. */
const studioAnswers = async () => {
  try {
    const answer = await fetch(new URL("../api/studio", import.meta.url), {
      cache: "no-store", signal: AbortSignal.timeout(PATIENCE),
    });
    // A static host may answer with a page of its own for addresses that it does not have.
    return answer.ok && (answer.headers.get("content-type") ?? "").includes("json");
  } catch {
    return false;
  }
};

/** The engine. `engine.kind` is "studio" or "tab". */
export const pickEngine = async () => {
  if (await studioAnswers()) {
    const { openStudio } = await import("./studio.js");
    return openStudio();
  }
  const { openTab } = await import("./tab.js");
  return openTab();
};
