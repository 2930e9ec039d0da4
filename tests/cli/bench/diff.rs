//! `pix2pix bench diff`.

use super::measured;
use crate::{TINY, json, refuse, run, stderr, stdout, succeed, temporary};
use serde_json::{Value, json};
use std::fs;

#[test]
#[ignore = "second tier: two measurements of a step"]
fn a_comparison_finds_what_became_slower() {
    let folder = temporary();
    let root = folder.path();
    let (_, file) = measured();
    fs::copy(file, root.join("before.json")).unwrap();
    let same = succeed(root, "bench diff before.json before.json");
    let text = stdout(&same);
    assert!(
        text.contains("before: 20")
            && text
                .lines()
                .any(|line| line.starts_with("step ") && line.contains(" 1.000")),
        "{text}"
    );

    let mut report = json(file);
    for (entry, factor) in [(0, 10.0), (1, 0.1)] {
        for key in ["min", "lower", "median", "upper", "max"] {
            let value = &mut report["entries"][entry]["seconds"][key];
            *value = json!(value.as_f64().unwrap() * factor);
        }
    }
    report["entries"][2]["name"] = json!("something new");
    report["device"]["name"] = json!("another device");
    fs::write(root.join("after.json"), report.to_string()).unwrap();
    let output = run(root, "bench diff before.json after.json");
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(
        stderr(&output).starts_with("error: 1 of "),
        "{}",
        stderr(&output)
    );
    let text = stdout(&output);
    for (start, end) in [
        ("step ", " slower"),
        ("translation ", " faster"),
        ("only before: ", ""),
        ("only after: something new", ""),
    ] {
        assert!(
            text.lines()
                .any(|line| line.starts_with(start) && line.ends_with(end)),
            "{start} in {text}"
        );
    }
    assert!(text.contains("note: the devices are not the same"));
    let text = stdout(&run(root, "bench diff after.json before.json"));
    let slower = text.lines().filter(|line| line.ends_with(" slower"));
    assert_eq!(slower.count(), 1, "{text}");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let folder = temporary();
    let root = folder.path();
    let (_, file) = measured();
    fs::copy(file, root.join("a.json")).unwrap();
    let report = json(file);
    let with = |key: &str, value: Value| {
        let mut report = report.clone();
        report[key] = value;
        report.to_string()
    };
    let cases = [
        (
            "kind.json",
            with("kind", json!("ceiling")),
            "compare two of one kind",
        ),
        ("schema.json", with("schema", json!(99)), "its schema is 99"),
        (
            "entries.json",
            with("entries", json!(3)),
            "is no benchmark of this version",
        ),
        (
            "text.json",
            "ten steps".to_owned(),
            "is no benchmark of this version",
        ),
        ("array.json", "[]".to_owned(), "it has no schema"),
    ];
    for (name, content, expected) in &cases {
        fs::write(root.join(name), content).unwrap();
        refuse(root, 1, &[(&format!("bench diff a.json {name}"), expected)]);
    }
    let nowhere = format!("bench step --quick --json no/folder/a.json {TINY}");
    refuse(
        root,
        1,
        &[
            ("bench diff a.json none.json", "none.json: cannot be read"),
            (&nowhere, "no/folder"),
        ],
    );
}
