// Reads ZIP files of pictures: the list at their end, and each entry when it is asked for.

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
/** A comment behind the end may have so many bytes. */
const MOST_COMMENT = 0xffff;
/** The most bytes of one unpacked entry: no picture has more, and a bomb has. */
export const MOST_BYTES = 512 * 2 ** 20;

const damaged = (name) => new Error(`${name} is no whole ZIP file: make it again, or drop the ` +
  "folder itself.");

/** Where the record at the end begins. */
const findEnd = (view, name) => {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= 0 && at >= last - MOST_COMMENT; at -= 1) {
    if (view.getUint32(at, true) === END) return at;
  }
  throw damaged(name);
};

/**
 * The entries of a ZIP file in memory, without folders: [{path, method, packed, size, at}].
 * `at` is where the entry's own head lies.
 */
export const listZip = (buffer, name) => {
  const view = new DataView(buffer);
  const end = findEnd(view, name);
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (count === 0xffff || at === 0xffffffff) {
    throw new Error(`${name} is a ZIP64 file, which is not read here: drop the folder itself.`);
  }
  const entries = [];
  for (let index = 0; index < count; index += 1) {
    if (at + 46 > view.byteLength || view.getUint32(at, true) !== ENTRY) throw damaged(name);
    const [nameBytes, extra, comment] = [28, 30, 32].map((from) => view.getUint16(at + from, true));
    if (at + 46 + nameBytes > view.byteLength) throw damaged(name);
    const path = new TextDecoder().decode(new Uint8Array(buffer, at + 46, nameBytes));
    const entry = { path, method: view.getUint16(at + 10, true),
      packed: view.getUint32(at + 20, true), size: view.getUint32(at + 24, true),
      at: view.getUint32(at + 42, true) };
    if (view.getUint16(at + 8, true) & 1) {
      throw new Error(`${name} is encrypted: make it again without a password.`);
    }
    if (!path.endsWith("/")) entries.push(entry);
    at += 46 + nameBytes + extra + comment;
  }
  return entries;
};

/** The bytes of an entry. */
export const readEntry = async (buffer, entry, name) => {
  const view = new DataView(buffer);
  if (entry.at + 30 > view.byteLength || view.getUint32(entry.at, true) !== LOCAL) {
    throw damaged(name);
  }
  if (entry.size > MOST_BYTES) {
    throw new Error(`${entry.path} in ${name} is larger than any picture: leave it out.`);
  }
  const from = entry.at + 30 + view.getUint16(entry.at + 26, true) +
    view.getUint16(entry.at + 28, true);
  if (from + entry.packed > view.byteLength) throw damaged(name);
  const packed = new Uint8Array(buffer, from, entry.packed);
  if (entry.method === 0) return packed.slice();
  if (entry.method !== 8) {
    throw new Error(`${entry.path} in ${name} is packed in a rare way (${entry.method}): make ` +
      "the ZIP file again with deflate.");
  }
  return inflate(packed, entry, name);
};

/** Unpacks, and stops where more comes than the entry says. */
const inflate = async (packed, entry, name) => {
  const bytes = new Uint8Array(entry.size);
  let filled = 0;
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (filled + value.length > bytes.length) throw damaged(name);
      bytes.set(value, filled);
      filled += value.length;
    }
  } catch {
    throw damaged(name);
  }
  if (filled !== bytes.length) throw damaged(name);
  return bytes;
};

/** Folders that have a meaning in a data set. */
const MEANT = /^(A|B|train|val|test)$/i;

/** Paths without the folder that all of them lie in, unless it has a meaning. */
export const withoutTop = (paths) => {
  const top = paths[0]?.split("/")[0];
  const shared = paths.length > 0 && paths.every((path) => path.startsWith(`${top}/`));
  return shared && !MEANT.test(top) ? withoutTop(paths.map((path) => path.slice(top.length + 1)))
    : paths;
};

/** Hidden files and what systems put beside pictures are no pictures. */
export const isPicture = (path) =>
  /\.(png|jpe?g|webp|bmp|tiff?|p[bgpn]m|gif)$/i.test(path) &&
  !path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX");
