//! The page of a study: one file with all its pictures.

use super::Study;
use crate::data::fnv1a;
use crate::interop::html::{base64, script};
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
    TEMPLATE.replacen("\"DATA\"", &script(&data), 1)
}

/// A number that tells pages apart by all that they show (FNV-1a). Answers carry it, so that those
/// of other pictures are not put together with them.
fn fingerprint(text: &str) -> String {
    format!("{:016x}", fnv1a(text.as_bytes()))
}

/// A picture as an address that holds it.
fn data_url(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", base64(png))
}
