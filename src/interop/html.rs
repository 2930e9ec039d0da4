//! What stands in a page of HTML: text and links to files. A page is read by a browser straight
//! from the disk.

use serde_json::Value;
use std::path::{Component, Path};

/// The style that all pages begin with: colours, light and dark, and type.
pub const STYLE: &str = include_str!("page.css");

/// JSON as it may stand in a script: `<` could end the script, and may be written in another way.
pub fn script(json: &Value) -> String {
    json.to_string().replace('<', "\\u003c")
}

/// Text between tags and in attributes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            character => escaped.push(character),
        }
    }
    escaped
}

/// A link to the file `below` the folder of the page. It stands in an attribute as it is. What has
/// a meaning in links, such as `#` and `%`, is encoded, and so is all that is not ASCII.
pub fn link(below: &Path) -> String {
    let names = below.components().filter_map(|component| match component {
        Component::Normal(name) => Some(encoded(name.as_encoded_bytes())),
        _ => None,
    });
    names.collect::<Vec<_>>().join("/")
}

fn encoded(name: &[u8]) -> String {
    let of_byte = |&byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    name.iter().map(of_byte).collect()
}

/// Bytes as Base64 (RFC 4648), as addresses of the form `data:` hold them.
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            match digit <= group.len() {
                true => text.push(char::from(DIGITS[(word >> (18 - 6 * digit) & 63) as usize])),
                false => text.push('='),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_escaped() {
        assert_eq!(
            escape("<a b=\"c\">&'"),
            "&lt;a b=&quot;c&quot;&gt;&amp;&#39;"
        );
    }

    #[test]
    fn links_survive_any_name() {
        for (path, expected) in [
            ("samples/step-000250.png", "samples/step-000250.png"),
            ("a b/c#1?.png", "a%20b/c%231%3F.png"),
            ("100%\"'<&.png", "100%25%22%27%3C%26.png"),
            ("./é.png", "%C3%A9.png"),
            ("http:x", "http%3Ax"),
        ] {
            assert_eq!(link(Path::new(path)), expected);
        }
    }

    /// Section 10 of RFC 4648.
    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xFB, 0xFF, 0xBF]), "+/+/");
    }
}
