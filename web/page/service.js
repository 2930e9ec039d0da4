// The service worker: all files of the folder, kept by version, so that the page works without a
// connection. `files.json` ({version, files}) is made with the folder. Where there is none, what
// was asked for is kept, and the network is asked first.
"use strict";

const PREFIX = "pix2pix-";
const ASKED = `${PREFIX}asked`;
const STATE = `${PREFIX}state`;
const root = new URL("./", self.location.href);
/** Files that are fetched at one time. */
const AT_ONCE = 6;

/** The version that is served, and it alone; null where files.json is not there. */
let current;
const version = async () => {
  if (current === undefined) {
    const answer = await (await caches.open(STATE)).match(new URL("version", root).href);
    current = answer ? await answer.text() : null;
  }
  return current;
};

const list = async () => {
  try {
    const answer = await fetch(new URL("files.json", root), { cache: "no-store" });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
};

/** Keeps all files of a version. It is served only when it is whole. */
const fill = async ({ version: name, files }) => {
  const cache = await caches.open(PREFIX + name);
  const addresses = ["./", ...files].map((file) => new URL(file, root).href);
  for (let at = 0; at < addresses.length; at += AT_ONCE) {
    await Promise.all(addresses.slice(at, at + AT_ONCE).map(async (address) => {
      if (await cache.match(address)) return;
      const answer = await fetch(address, { cache: "no-cache" });
      if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
      await cache.put(address, answer);
    }));
  }
};

/** Looks for another version. Returns whether there was one. */
const look = async () => {
  const found = await list();
  if (!found || found.version === (await version())) return false;
  const first = (await version()) === null;
  await fill(found);
  await (await caches.open(STATE)).put(new URL("version", root).href, new Response(found.version));
  current = found.version;
  const stays = [PREFIX + found.version, STATE];
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  await Promise.all(names.filter((name) => !stays.includes(name)).map((name) =>
    caches.delete(name)));
  return !first;
};

/** Whether the browser asks for something that this folder has. */
const ours = (request) => {
  const url = new URL(request.url);
  return request.method === "GET" && url.origin === root.origin &&
    url.pathname.startsWith(root.pathname) &&
    !url.pathname.startsWith(`${root.pathname}api/`) && !request.headers.has("range");
};

const bare = (request) => {
  const url = new URL(request.url);
  [url.hash, url.search] = ["", ""];
  return url.href;
};

/** From the version that is kept, else from the network, which is kept beside it. */
const answer = async (request) => {
  const name = await version();
  if (name !== null) {
    const found = await (await caches.open(PREFIX + name)).match(bare(request));
    if (found) return found;
  }
  try {
    const fresh = await fetch(request);
    if (fresh.ok && name === null && fresh.type === "basic") {
      await (await caches.open(ASKED)).put(bare(request), fresh.clone());
    }
    return fresh;
  } catch (error) {
    const found = await caches.match(bare(request), { cacheName: ASKED });
    if (found) return found;
    throw error;
  }
};

self.addEventListener("install", (event) => {
  // A download that fails is tried again the next time the page is open.
  event.waitUntil(look().catch(() => false).then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  if (ours(event.request)) event.respondWith(answer(event.request));
});
self.addEventListener("message", (event) => {
  if (event.data?.kind !== "look") return;
  event.waitUntil(look().catch(() => false).then((newer) => {
    if (newer) event.source.postMessage({ kind: "version" });
  }));
});
