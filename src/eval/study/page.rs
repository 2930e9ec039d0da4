//! The page of a study: one file with all its pictures.

use super::Study;
use serde_json::{Value, json};

const TEMPLATE: &str = include_str!("page.html");

/// The page. What it shows is in it as JSON.
pub fn render(study: &Study) -> String {
    let trials: Vec<Value> = study
        .shown
        .iter()
        .map(|shown| {
            let [real, fake] = &shown.names;
            let pictures = shown.pictures.each_ref().map(|png| data_url(png));
            json!({
                "practice": shown.trial.is_practice,
                "real": real,
                "fake": fake,
                "fake_side": if shown.trial.fake_is_left { "left" } else { "right" },
                "pictures": pictures,
            })
        })
        .collect();
    let data = json!({
        "model": study.model,
        "seed": study.plan.seed,
        "milliseconds": study.milliseconds,
        "trials": trials,
    });
    // In a script, `<` could end it; in JSON it may be written in this way.
    let data = data.to_string().replace('<', "\\u003c");
    TEMPLATE.replacen("\"DATA\"", &data, 1)
}

/// A picture as an address that holds it.
fn data_url(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", base64(png))
}

/// Base64 (RFC 4648).
fn base64(bytes: &[u8]) -> String {
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
