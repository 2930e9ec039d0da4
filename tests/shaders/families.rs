//! A family of kernels has one stem everywhere: `shaders/STEM/`, `src/ops/STEM.rs` (or `STEM/`),
//! `kernels-tests/STEM.rs`, and `STEM` as what `pix2pix bench kernels` takes.

use crate::networks::configs;
use pix2pix::bench::StepKernels;
use pix2pix::gpu::Profile;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What lies beside the families and is none; no longer than the fingers of a hand.
const EXCEPTIONS: [(&str, &str); 5] = [
    (
        "shaders/parts",
        "what the shaders of several families share",
    ),
    ("src/ops/mod", "declares the families"),
    ("src/ops/optimizer", "what Adam and gradient descent share"),
    ("kernels-tests/main", "declares the test target"),
    (
        "kernels-tests/lib",
        "the twins, the shape tables and the harness",
    ),
];

/// The stems in a folder. `STEM.rs` and the folder `STEM/` of its parts are one stem.
fn stems(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

/// The stems in a folder that are families.
fn families(folder: &str) -> BTreeSet<String> {
    let is_exception = |stem: &String| {
        EXCEPTIONS
            .iter()
            .any(|(path, _)| *path == format!("{folder}/{stem}"))
    };
    stems(folder)
        .into_iter()
        .filter(|stem| !is_exception(stem))
        .collect()
}

#[test]
fn every_family_has_shaders_an_operation_and_tests() {
    let shaders = families("shaders");
    assert_eq!(shaders, families("src/ops"), "shaders/ and src/ops/");
    assert_eq!(
        shaders,
        families("kernels-tests"),
        "shaders/ and kernels-tests/"
    );
}

/// `pix2pix bench kernels FAMILY` takes what [`StepKernels`] finds in a step; over the steps of
/// these configurations that is every family.
#[test]
fn the_benchmarks_offer_every_family() {
    let device = Profile {
        f16: true,
        ..Profile::portable()
    };
    let offered: BTreeSet<String> = configs((32, 2, 1))
        .iter()
        .flat_map(|config| StepKernels::of(&device, config).unwrap().families)
        .collect();
    assert_eq!(
        families("shaders"),
        offered,
        "shaders/ and what `pix2pix bench kernels` offers"
    );
}

#[test]
fn no_exception_is_out_of_date() {
    for (path, why) in EXCEPTIONS {
        let (folder, stem) = path.rsplit_once('/').unwrap();
        assert!(stems(folder).contains(stem), "{path} ({why}) is not there");
    }
}

#[test]
fn every_test_file_is_compiled() {
    let main = include_str!("../../kernels-tests/main.rs");
    for stem in families("kernels-tests") {
        assert!(
            main.lines().any(|line| line == format!("mod {stem};")),
            "kernels-tests/main.rs does not declare {stem}"
        );
    }
}
