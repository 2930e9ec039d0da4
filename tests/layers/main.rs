//! Holds the layering of `src/`, from the imports of every file, unit tests included, the length of
//! comments, and the shape of the decisions:
//!
//! - No circle of imports. A file and its own submodules may use one another; nothing else may.
//! - No import upwards. The table in `src/lib.rs` gives the order: a module uses only modules of
//!   lower floors, and on its own floor only those that stand before it.
//!
//! A file imports what its `use` lines name, and what the paths in its code name that begin with
//! `crate`, `super`, `self` or a submodule. The import of a re-exported name counts as an import of
//! the file that defines it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod circles;
mod decisions;
mod imports;
mod lowest;
mod package;
mod source;

use circles::circles;
use imports::imports;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A module that imports nothing else of this crate, but the floor below all.
const ALONE: &str = "data";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The modules of the crate from the lowest to the highest with their floors, from the table in
/// `src/lib.rs`: rows such as ``//! | 2 | [`tensor`], ... |``.
fn floors() -> Vec<(String, usize)> {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let mut modules = Vec::new();
    for row in map.lines().filter_map(|line| line.strip_prefix("//! |")) {
        let mut columns = row.split('|');
        let Some(Ok(floor)) = columns.next().map(|floor| floor.trim().parse()) else {
            continue;
        };
        for name in columns.next().unwrap_or("").split('`').skip(1).step_by(2) {
            modules.push((name.trim_start_matches("mod@").to_owned(), floor));
        }
    }
    modules
}

/// The module at the top of the crate that a file belongs to: `data` for `src/data/tools/mod.rs`.
fn top(file: &str) -> &str {
    let inside = file.strip_prefix("src/").unwrap_or(file);
    inside
        .split('/')
        .next()
        .unwrap_or(inside)
        .trim_end_matches(".rs")
}

#[test]
fn the_map_names_every_module() {
    let named: BTreeSet<String> = floors().into_iter().map(|(name, _)| name).collect();
    let found: BTreeSet<String> = source::files(root(), "src")
        .iter()
        .map(|file| top(file).to_owned())
        .filter(|name| name != "lib" && name != "main")
        .collect();
    assert_eq!(
        named, found,
        "the table in src/lib.rs (left) against the folder (right)"
    );
    assert!(
        floors().is_sorted_by_key(|(_, floor)| *floor),
        "the floors of src/lib.rs rise"
    );
}

#[test]
fn every_module_says_its_floor() {
    for (name, floor) in floors() {
        let files = [format!("src/{name}.rs"), format!("src/{name}/mod.rs")];
        let text = files
            .iter()
            .find_map(|file| fs::read_to_string(root().join(file)).ok())
            .unwrap();
        let expected = format!("//! Floor {floor}: ");
        assert!(
            text.starts_with(&expected),
            "{name} begins with {:?}",
            text.lines().next()
        );
    }
}

/// rustfmt leaves comments as they are.
#[test]
fn comments_keep_to_100_columns() {
    let mut long = Vec::new();
    for folder in ["src", "tests", "kernels-tests", "examples"] {
        for file in source::files(root(), folder) {
            let text = fs::read_to_string(root().join(&file)).unwrap();
            long.extend(
                (text.lines().zip(1..))
                    .filter(|(line, _)| line.trim_start().starts_with("//"))
                    .filter(|(line, _)| line.chars().count() > 100)
                    .map(|(_, number)| format!("{file}:{number}")),
            );
        }
    }
    assert!(long.is_empty(), "longer comments: {}", long.join(", "));
}

/// The comments of scripts, and the prose of pages. Tables, links and commands may be longer.
#[test]
fn scripts_and_pages_keep_to_100_columns() {
    let mut long = Vec::new();
    let mut pages = 0;
    for folder in [
        "",
        ".ci",
        "scripts",
        "docs",
        "docs/benchmarks",
        "docs/decisions",
    ] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let is_page = path.extension().is_some_and(|ending| ending == "md")
                && !path.ends_with("options.md");
            let is_script = folder == ".ci" || folder == "scripts" || path.ends_with("Makefile");
            if !is_page && !is_script {
                continue;
            }
            pages += 1;
            let text = fs::read_to_string(&path).unwrap();
            let mut in_code = false;
            for (line, number) in text.lines().zip(1..) {
                in_code ^= line.starts_with("```");
                let counts = match is_page {
                    true => {
                        !in_code
                            && !line.starts_with('|')
                            && !line.starts_with("    ")
                            && !line.contains("](")
                    }
                    false => line.trim_start().starts_with("# "),
                };
                if counts && line.chars().count() > 100 {
                    long.push(format!("{}:{number}", path.display()));
                }
            }
        }
    }
    assert!(pages > 30, "{pages} files");
    assert!(long.is_empty(), "longer lines: {}", long.join(", "));
}

#[test]
fn nothing_imports_upwards() {
    let floors = floors();
    let lowest = |module: &str| floors.contains(&(module.to_owned(), 0));
    let place = |file: &str| floors.iter().position(|(name, _)| name == top(file));
    let mut upwards = Vec::new();
    for (from, targets) in imports(root()) {
        for (to, line) in targets {
            let (above, below) = (place(&from), place(&to));
            let alone = top(&from) == ALONE && top(&to) != ALONE && !lowest(top(&to));
            if (above < below || alone) && above.is_some() {
                upwards.push(format!("{from}:{line} imports {to}"));
            }
        }
    }
    assert!(
        upwards.is_empty(),
        "imports upwards:\n{}",
        upwards.join("\n")
    );
}

#[test]
fn no_imports_form_a_circle() {
    let graph = imports(root());
    let circles = circles(&graph);
    let mut text = String::new();
    for circle in &circles {
        text += "\na circle:\n";
        for (from, to) in circle.iter().zip(circle.iter().cycle().skip(1)) {
            text += &format!("  {from}:{} imports {to}\n", graph[from][to]);
        }
    }
    assert!(
        circles.is_empty(),
        "{} circles of imports\n{text}",
        circles.len()
    );
}
