//! Source files and their tokens.

use std::fs;
use std::path::Path;

/// One token: a word, `::`, or any other character. Comments, strings and characters are left out.
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// Every Rust file below `folder`, as its path from the root with slashes.
pub fn files(root: &Path, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The tokens of a Rust source.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let length = match skipped(rest) {
            Some(length) => length,
            None => {
                let word = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
                let length = match word {
                    0 if rest.starts_with("::") => 2,
                    0 => first.len_utf8(),
                    word => word,
                };
                tokens.push(Token {
                    text: rest[..length].to_owned(),
                    line,
                });
                length
            }
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the white space, comment, string or character that `rest` begins with.
fn skipped(rest: &str) -> Option<usize> {
    let space = rest.len() - rest.trim_start().len();
    if space > 0 {
        return Some(space);
    }
    let up_to = |end: &str, from: usize| {
        Some(
            rest[from..]
                .find(end)
                .map_or(rest.len(), |at| from + at + end.len()),
        )
    };
    if rest.starts_with("//") {
        return up_to("\n", 2);
    }
    if rest.starts_with("/*") {
        return up_to("*/", 2);
    }
    let raw = rest
        .strip_prefix("br")
        .or_else(|| rest.strip_prefix('r'))
        .unwrap_or("");
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    if raw[hashes..].starts_with('"') {
        let start = rest.len() - raw.len() + hashes + 1;
        return up_to(&format!("\"{}", "#".repeat(hashes)), start);
    }
    let quoted = rest.strip_prefix('b').unwrap_or(rest);
    let prefix = rest.len() - quoted.len();
    match quoted.chars().next() {
        Some('"') => Some(prefix + closing_quote(quoted, '"')),
        // A character and not a lifetime: an escape, or one character and the closing quote.
        Some('\'') if quoted[1..].starts_with('\\') || quoted.chars().nth(2) == Some('\'') => {
            Some(prefix + closing_quote(quoted, '\''))
        }
        _ => None,
    }
}

/// The length of a literal with its quotes; a backslash keeps the next character inside.
fn closing_quote(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[test]
fn comments_and_literals_are_no_tokens() {
    let source = "use a::b; // crate::c\nlet x: &'a str = \"crate::\\\"d\"; /* e\n */ \
                  r#\"f\"g\"#; '\\''; 'h'; i";
    let found = tokens(source);
    let words: Vec<&str> = found.iter().map(|token| token.text.as_str()).collect();
    let expected = [
        "use", "a", "::", "b", ";", "let", "x", ":", "&", "'", "a", "str", "=", ";", ";", ";", ";",
        "i",
    ];
    assert_eq!(words, expected);
    assert_eq!(found.last().map(|token| token.line), Some(3));
}
