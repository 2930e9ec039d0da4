//! What two shaders share is a part: in `shaders/` no function or struct body of four lines or more
//! stands twice, nor do seven constants and aliases. The first rung of a ladder is left out,
//! because it is complete as it lies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Lines from which a body counts.
const LEAST_LINES: usize = 4;
/// Equal constants and aliases from which two files count.
const LEAST_DECLARATIONS: usize = 7;

/// A function or struct: its place, and its body without comments and white space.
struct Body {
    place: String,
    lines: usize,
    text: String,
}

/// The functions and structs of a file. An item begins at the left edge and ends with a brace
/// there.
fn bodies(file: &str, text: &str) -> Vec<Body> {
    let mut found = Vec::new();
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line.split("//").next().unwrap().trim_end()));
    while let Some((number, first)) = lines.next() {
        if !first.starts_with("fn ") && !first.starts_with("struct ") {
            continue;
        }
        let name = first.split(['(', '{']).next().unwrap().trim();
        let mut opened = first.ends_with('{');
        let mut body: Vec<String> = Vec::new();
        for (_, line) in lines.by_ref() {
            if line == "}" {
                break;
            }
            let folded: String = line.split_whitespace().collect();
            if opened && !folded.is_empty() {
                body.push(folded);
            }
            opened |= line.ends_with('{');
        }
        found.push(Body {
            place: format!("{name} ({file}:{number})"),
            lines: body.len(),
            text: body.concat(),
        });
    }
    found
}

/// Pairs of places where the same body stands.
fn doubled(bodies: &[Body]) -> Vec<String> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let long = bodies.iter().filter(|body| body.lines >= LEAST_LINES);
    long.filter_map(|body| {
        let first = seen.insert(&body.text, &body.place)?;
        Some(format!("{first} and {}", body.place))
    })
    .collect()
}

/// Every shader and part but first rungs: its name and its text.
fn texts() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut texts = Vec::new();
    for folder in crate::files::files_in(&root) {
        let family = folder.file_name().unwrap().to_str().unwrap().to_owned();
        for path in crate::files::files_in(&folder) {
            let stem = path.file_stem().unwrap().to_str().unwrap();
            if stem != "1_naive" {
                let text = std::fs::read_to_string(&path).unwrap();
                texts.push((format!("{family}/{stem}.wgsl"), text));
            }
        }
    }
    texts.sort();
    texts
}

/// The lines of a text that declare a constant or an alias.
fn declarations(text: &str) -> BTreeSet<&str> {
    text.lines()
        .filter(|line| line.starts_with("const ") || line.starts_with("alias "))
        .collect()
}

#[test]
fn few_declarations_stand_twice() {
    let texts = texts();
    let mut twice = Vec::new();
    for (number, (first, text)) in texts.iter().enumerate() {
        let of_first = declarations(text);
        for (second, text) in &texts[number + 1..] {
            let both = declarations(text).intersection(&of_first).count();
            if both >= LEAST_DECLARATIONS {
                twice.push(format!("{first} and {second}: {both}"));
            }
        }
    }
    assert!(
        twice.is_empty(),
        "move them into a part (shaders/parts/):\n{}",
        twice.join("\n")
    );
}

#[test]
fn no_body_stands_twice() {
    let texts = texts();
    let mut all: Vec<Body> = texts
        .iter()
        .flat_map(|(file, text)| bodies(file, text))
        .collect();
    assert!(all.len() > 40, "{} functions and structs", all.len());
    all.sort_by(|a, b| a.place.cmp(&b.place));
    let twice = doubled(&all);
    assert!(
        twice.is_empty(),
        "make it a part (shaders/parts/):\n{}",
        twice.join("\n")
    );
}

#[test]
fn the_same_body_with_other_line_breaks_is_found() {
    let one = "fn load(at: u32) -> f32 {\n    let x = a[at]; // a comment\n    \
               let y = 2.0 * x;\n\n    \
               let z = y;\n    return z;\n}\n";
    let other = "struct S {\n    x: f32,\n}\n// again\nfn fetch(\n    at: u32,\n) -> f32 {\n    \
                 let x = \
                 a[at];\n    let y =\n        2.0 * x;\n    let z = y;\n    return z;\n}\n";
    let found: Vec<Body> = [bodies("one", one), bodies("other", other)]
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(doubled(&found), ["fn load (one:1) and fn fetch (other:5)"]);
    let short = "fn a() -> u32 {\n    let x = 1u;\n    return x;\n}\n";
    let found: Vec<Body> = [bodies("one", short), bodies("other", short)]
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(doubled(&found), [""; 0]);
}
