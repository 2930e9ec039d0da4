//! The files of `shaders/`, each as it lies: it validates, it is short, and its parts are used.

use crate::translate::{Versions, translate};
use pix2pix::gpu::{Interface, with_parts};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn shader_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders")
}

/// What lies in a folder.
pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// `shaders/*/*.wgsl` as family and stem, parts not counted.
pub fn shader_files() -> Vec<(String, String, PathBuf)> {
    let text = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut files: Vec<_> = files_in(&shader_folder())
        .iter()
        .flat_map(|family| {
            files_in(family)
                .into_iter()
                .map(|file| (text(family), text(&file), file))
        })
        .collect();
    files.retain(|(family, _, _)| family != PARTS);
    files.sort();
    files
}

/// The folder of what shaders share.
const PARTS: &str = "parts";

#[test]
fn every_shader_file_validates_and_translates_as_it_lies() {
    let files = shader_files();
    assert!(files.len() > 25, "{} files", files.len());
    for (family, stem, path) in files {
        assert_eq!(path.extension().unwrap(), "wgsl", "{}", path.display());
        let text = std::fs::read_to_string(&path).unwrap();
        let name = format!("{family}/{stem}");
        let combined = with_parts(&name, &text, &[]).unwrap();
        translate(&name, &combined, Versions::Every)
            .unwrap()
            .outcome
            .unwrap();
        assert!(
            text.lines().count() <= 250,
            "{} is longer than 250 lines",
            path.display()
        );
        let long = text.lines().find(|line| line.chars().count() > 100);
        assert_eq!(long, None, "more than 100 columns in {}", path.display());
    }
}

/// A kind that no branch names is no kernel: nothing plausible is computed in its place.
#[test]
fn an_unknown_kind_is_refused() {
    let mut tried = BTreeSet::new();
    for (family, stem, path) in shader_files() {
        let name = format!("{family}/{stem}");
        let text = std::fs::read_to_string(&path).unwrap();
        for constant in ["KIND", "RIGHT"] {
            let declaration = format!("const {constant}: u32 = 0u;");
            if text.contains(&declaration) {
                let unknown = text.replace(&declaration, &declaration.replace("0u", "99u"));
                let unknown = with_parts(&name, &unknown, &[]).unwrap();
                assert!(
                    Interface::of(&name, &unknown).is_err(),
                    "{name}: {constant}"
                );
                tried.insert(name.clone());
            }
        }
    }
    let expected = ["activation", "loss", "resample"]
        .iter()
        .flat_map(|family| ["backward", "forward"].map(|stem| format!("{family}/{stem}")))
        .chain(["elementwise/binary".to_owned()])
        .collect();
    assert_eq!(tried, expected);
}

/// The last branch of a switch over kinds is its default as well, as WGSL asks for. So a kind
/// without a branch would compute the formula of another one.
#[test]
fn every_kind_has_a_branch_of_its_own() {
    let mut switches = 0;
    for (family, stem, path) in shader_files() {
        let text = std::fs::read_to_string(&path).unwrap();
        let text = with_parts(&format!("{family}/{stem}"), &text, &[]).unwrap();
        let Some((before, _)) = text.split_once("const_assert KIND ") else {
            continue;
        };
        let kinds: BTreeSet<&str> = before
            .lines()
            .rev()
            .map_while(|line| line.strip_prefix("const ")?.split_once(": u32 = "))
            .map(|(name, _)| name)
            .filter(|&name| name != "KIND")
            .collect();
        for switch in text.split("switch KIND {").skip(1) {
            let body = switch.split("\n    }\n").next().unwrap();
            let branches: Vec<&str> = body
                .split("case ")
                .skip(1)
                .filter_map(|case| case.split([',', ':']).next())
                .collect();
            assert_eq!(kinds, branches.iter().copied().collect(), "{family}/{stem}");
            assert_eq!(kinds.len(), branches.len(), "{family}/{stem}");
            switches += 1;
        }
    }
    assert_eq!(switches, 6);
}

/// `Caller: src/ops/FILE.rs, Item and Item`: the file is there and has the items.
#[test]
fn the_callers_in_headers_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (family, stem, path) in shader_files() {
        let text = std::fs::read_to_string(&path).unwrap();
        let line = text.lines().find(|line| line.contains("Caller"));
        let line = line.unwrap_or_else(|| panic!("{family}/{stem} names no caller"));
        let (_, named) = line.split_once("Caller").unwrap();
        let named = named.split(". Speed").next().unwrap();
        for caller in named.split("src/").skip(1) {
            let (file, items) = caller.split_once(',').unwrap_or((caller, ""));
            let file = root
                .join("src")
                .join(file.trim_end_matches(['.', ' ', '/']));
            if items.is_empty() {
                assert!(file.exists(), "{family}/{stem}: {}", file.display());
                continue;
            }
            let source = std::fs::read_to_string(&file)
                .unwrap_or_else(|error| panic!("{family}/{stem}: {}: {error}", file.display()));
            let words = items.split(|c: char| !c.is_alphanumeric() && c != '_');
            for item in words.filter(|word| !["", "and", "for", "both", "families"].contains(word))
            {
                let is_defined = ["struct ", "fn ", "impl Op for "].iter().any(|before| {
                    source
                        .split(&format!("{before}{item}"))
                        .skip(1)
                        .any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
                });
                assert!(
                    is_defined,
                    "{family}/{stem}: no {item} in {}",
                    file.display()
                );
            }
        }
    }
}

/// The formula is complete as it lies.
#[test]
fn the_first_rung_of_a_ladder_uses_no_parts() {
    let mut naive = 0;
    for (family, stem, path) in shader_files() {
        if stem == "1_naive" {
            let text = std::fs::read_to_string(&path).unwrap();
            let combined = with_parts(&family, &text, &[]).unwrap();
            assert_eq!(combined.trim_end(), text.trim_end(), "{}", path.display());
            naive += 1;
        }
    }
    assert_eq!(naive, 3);
}

#[test]
fn every_part_is_used() {
    let texts: Vec<String> = shader_files()
        .iter()
        .flat_map(|(family, _, path)| {
            let text = std::fs::read_to_string(path).unwrap();
            let wide = with_parts(family, &text, &[("vec4", "vec8")]);
            std::iter::once(with_parts(family, &text, &[]).unwrap()).chain(wide)
        })
        .collect();
    for path in files_in(&shader_folder().join(PARTS)) {
        let body = std::fs::read_to_string(&path).unwrap();
        assert!(
            texts.iter().any(|text| text.contains(body.trim_end())),
            "no shader uses {}",
            path.display()
        );
        let long = body.lines().find(|line| line.chars().count() > 100);
        assert_eq!(long, None, "more than 100 columns in {}", path.display());
        assert!(body.lines().count() <= 250, "{}", path.display());
    }
}
