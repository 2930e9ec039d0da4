//! The page of a study: one file with all its pictures.

use super::Study;
use crate::interop::html::base64;
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
    let mut data = json!({
        "model": study.model,
        "seed": study.plan.seed,
        "milliseconds": study.milliseconds,
        "same_input": study.plan.same_input,
        "trials": trials,
    });
    data["page"] = json!(fingerprint(&data.to_string()));
    // In a script, `<` could end it; in JSON it may be written in this way.
    let data = data.to_string().replace('<', "\\u003c");
    TEMPLATE.replacen("\"DATA\"", &data, 1)
}

/// A number that tells pages apart by all that they show (FNV-1a). Answers carry it, so that those
/// of other pictures are not put together with them.
fn fingerprint(text: &str) -> String {
    let hash = text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    format!("{hash:016x}")
}

/// A picture as an address that holds it.
fn data_url(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", base64(png))
}
