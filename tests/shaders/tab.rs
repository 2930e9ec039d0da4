//! The shaders that an adapter of WebGPU can be given, for the browser's own compiler.

use crate::variants::{VARIANTS, Variant};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// What no adapter of WebGPU has through wgpu 30, by the words that a shader needs it with:
/// subgroups, words of 64 bits, matrix units.
const NOT_IN_A_TAB: [&str; 3] = ["subgroup", "u64", "coop"];

/// The rungs that are built on these. Of all others a tab has at least one version.
const RUNGS_NOT_IN_A_TAB: [&str; 7] = [
    "4_broadcast",
    "5_wide",
    "dot",
    "matrix",
    "thin",
    "winograd",
    "winograd_transform",
];

fn runs_in_a_tab(text: &str) -> bool {
    let mut code = text.lines().map(|line| line.split("//").next().unwrap());
    !code.any(|line| NOT_IN_A_TAB.iter().any(|word| line.contains(word)))
}

/// `PIX2PIX_WEB_SHADERS` names a file for them: from the name to the text, as JSON.
/// `tests/browser/kernels/` gives them to the browser.
#[test]
fn a_tab_has_every_shader_that_needs_no_more() {
    let with_text = |variant: &Variant| {
        (
            variant.label.clone(),
            variant.dispatch.kernel.text().unwrap(),
        )
    };
    let texts: BTreeMap<String, String> = VARIANTS
        .iter()
        .map(with_text)
        .filter(|(_, text)| runs_in_a_tab(text))
        .collect();
    let file = |label: &String| label.split(' ').next().unwrap().to_owned();
    let here: BTreeSet<String> = texts.keys().map(file).collect();
    let missing: BTreeSet<String> = VARIANTS
        .iter()
        .map(|variant| file(&variant.label))
        .filter(|name| !here.contains(name))
        .map(|name| name.split_once('/').unwrap().1.to_owned())
        .collect();
    assert_eq!(missing, RUNGS_NOT_IN_A_TAB.map(str::to_owned).into());
    if let Ok(path) = std::env::var("PIX2PIX_WEB_SHADERS") {
        let json = serde_json::to_string(&texts).unwrap();
        fs::write(&path, json).unwrap_or_else(|e| panic!("{path}: {e}"));
    }
}
