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
