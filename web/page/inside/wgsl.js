// Light highlighting of WGSL: comments, keywords, types, numbers and attributes.

const KEYWORDS = new Set(("alias break case const const_assert continue continuing default " +
  "diagnostic discard else enable false fn for if let loop override requires return struct " +
  "switch true var while").split(" "));
const TYPES = new RegExp("^(?:array|atomic|bool|f16|f32|i32|u32|ptr|sampler|" +
  "mat[234]x[234][fh]?|vec[234][iufh]?)$");
const TOKENS = new RegExp([
  /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)/,
  /(?<attribute>@\w+)/,
  /(?<number>\b(?:0[xX][\da-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?)[iufh]?\b)/,
  /(?<word>[A-Za-z_]\w*)/,
  /(?<other>[^\w@/]+|[\s\S])/,
].map(({ source }) => source).join("|"), "g");

/** The source as parts [{kind, text}]; `kind` is empty for what has no colour. */
export const parts = (source) => {
  const found = [];
  const add = (kind, text) => {
    const last = found.at(-1);
    if (last?.kind === kind) last.text += text;
    else found.push({ kind, text });
  };
  for (const { groups } of source.matchAll(TOKENS)) {
    const { comment, attribute, number, word, other } = groups;
    if (comment) add("comment", comment);
    else if (attribute) add("attribute", attribute);
    else if (number) add("number", number);
    else if (word && KEYWORDS.has(word)) add("keyword", word);
    else if (word && TYPES.test(word)) add("type", word);
    else add("", word ?? other);
  }
  return found;
};
