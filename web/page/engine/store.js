// What the browser keeps for this page: one IndexedDB with a store of values by name. Used by the
// page and by the worker.

const NAME = "pix2pix";
const STORE = "kept";
let opened = null;

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("another tab holds the storage"));
  });

const database = () => {
  opened ??= (async () => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    const open = await settled(request);
    open.onclose = () => { opened = null; };
    return open;
  })();
  // The next call tries again.
  opened.catch(() => { opened = null; });
  return opened;
};

/** The sentence for a write that failed. */
export const storageSentence = (error) => (error?.name === "QuotaExceededError"
  ? "The browser's storage is full: free space on the disk, or delete kept trainings; " +
    "until then nothing survives a reload."
  : "The browser keeps nothing for this page (a private window, perhaps): download what you " +
    "want to keep.");

const run = async (mode, action) => {
  const transaction = (await database()).transaction(STORE, mode);
  const done = new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
  const result = action(transaction.objectStore(STORE));
  await done;
  return result.result;
};

/** The value of that name, or undefined. Storage that cannot be read has nothing. */
export const kept = async (name) => {
  try {
    return await run("readonly", (store) => store.get(name));
  } catch {
    return undefined;
  }
};

/** Keeps a value. Rejects with one sentence. */
export const keep = async (name, value) => {
  try {
    await run("readwrite", (store) => store.put(value, name));
  } catch (error) {
    throw new Error(storageSentence(error), { cause: error });
  }
};

/** Forgets a value. */
export const forget = async (name) => {
  try {
    await run("readwrite", (store) => store.delete(name));
  } catch {
    // What cannot be opened has nothing to forget.
  }
};

/** The names that begin with `prefix`. */
export const names = async (prefix) => {
  try {
    const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
    return await run("readonly", (store) => store.getAllKeys(range));
  } catch {
    return [];
  }
};
