//! A family of kernels has one stem everywhere: `shaders/STEM/`, `src/ops/STEM.rs`,
//! `kernels-tests/STEM.rs`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Files of `src/ops/` that are no family.
const SHARED_OPS: [(&str, &str); 14] = [
    ("mod", "declares the families and the trait"),
    ("error", "the shape errors of all families"),
    ("lower", "what every family lowers to"),
    ("form", "kernels that take four or eight numbers at a time"),
    (
        "choice/",
        "named kernels of the three contractions and the table that picks one",
    ),
    ("optimizer", "what Adam and gradient descent share"),
    ("step", "the uniform that all families may bind"),
    (
        "assemble",
        "batches of batches, lowered to elementwise copies",
    ),
    (
        "view",
        "looks at memory, and is lowered to elementwise copies where that fails",
    ),
    ("contraction", "what the three contractions share"),
    ("winograd", "the launches of one rung of the contractions"),
    ("winograd/", "its parts"),
    ("adam/", "a part of adam.rs"),
    (
        "batch_norm/",
        "a folder of its own parts beside batch_norm.rs",
    ),
];

/// Files of `kernels-tests/` that test no single family.
const SHARED_TESTS: [(&str, &str); 3] = [
    ("main", "declares the test target"),
    ("lib/", "the twins, the harness and the shape tables"),
    ("batch_norm/", "a part of batch_norm.rs"),
];

/// The stems in a folder, a folder's with a slash at its end.
fn stems(folder: &str, keep: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    let stem = |path: &Path| {
        path.file_stem().unwrap().to_str().unwrap().to_owned()
            + if path.is_dir() { "/" } else { "" }
    };
    entries
        .map(|entry| stem(&entry.unwrap().path()))
        .filter(|stem| keep(stem))
        .collect()
}

fn is_none_of(exceptions: &[(&str, &str)]) -> impl Fn(&str) -> bool {
    let names: Vec<String> = exceptions
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    move |stem| !names.iter().any(|name| name == stem)
}

#[test]
fn every_family_has_shaders_an_operation_and_tests() {
    // shaders/parts/ holds what families share.
    let shaders: BTreeSet<String> = stems("shaders", |stem| stem != "parts/")
        .iter()
        .map(|folder| folder.trim_end_matches('/').to_owned())
        .collect();
    let ops = stems("src/ops", is_none_of(&SHARED_OPS));
    let tests = stems("kernels-tests", is_none_of(&SHARED_TESTS));
    assert_eq!(shaders, ops, "shaders/ and src/ops/");
    assert_eq!(shaders, tests, "shaders/ and kernels-tests/");
}

#[test]
fn no_exception_is_out_of_date() {
    let absent = |folder, exceptions: &[(&str, &str)]| -> Vec<String> {
        let there = stems(folder, |_| true);
        exceptions
            .iter()
            .filter(|(name, _)| !there.contains(*name))
            .map(|(name, why)| format!("{name} ({why})"))
            .collect()
    };
    assert_eq!(
        [
            absent("src/ops", &SHARED_OPS),
            absent("kernels-tests", &SHARED_TESTS)
        ]
        .concat(),
        Vec::<String>::new()
    );
}

#[test]
fn every_test_file_is_compiled() {
    let main = include_str!("../../kernels-tests/main.rs");
    let own_targets = ["main", "lib/", "batch_norm/"];
    for stem in stems("kernels-tests", |stem| !own_targets.contains(&stem)) {
        assert!(
            main.lines().any(|line| line == format!("mod {stem};")),
            "kernels-tests/main.rs does not declare {stem}"
        );
    }
}
