//! `pix2pix bench`: the tables, the files and their comparison.

mod diff;
mod kernels;
mod step;

use crate::{NARROW, stdout, succeed, temporary};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

fn entries(report: &Value) -> &Vec<Value> {
    report["entries"].as_array().unwrap()
}

/// What every report promises its readers.
fn check_report(report: &Value, kind: &str) {
    assert_eq!(
        (&report["schema"], &report["kind"]),
        (&json!(1), &json!(kind))
    );
    let date = report["date"].as_str().unwrap();
    assert!(
        date.starts_with("20") && date.ends_with('Z') && date.len() == 20,
        "{date}"
    );
    assert!(
        report["command"]
            .as_array()
            .unwrap()
            .contains(&json!("bench")),
        "{}",
        report["command"]
    );
    for key in ["name", "driver", "backend"] {
        assert!(
            report["device"][key]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{key}"
        );
    }
    for entry in entries(report) {
        let seconds = ["min", "lower", "median", "upper", "max"]
            .map(|key| entry["seconds"][key].as_f64().unwrap());
        assert!(
            seconds[0] > 0.0 && seconds.windows(2).all(|pair| pair[0] <= pair[1]),
            "{entry}"
        );
    }
}

fn is_chart(path: &Path) -> bool {
    let text = fs::read_to_string(path).unwrap();
    text.starts_with("<svg")
        && text.trim_end().ends_with("</svg>")
        && text.contains("best contraction")
        && text.contains("<circle")
}

/// A step that was measured once: what the program printed, and the one file in its folder.
fn measured() -> &'static (String, PathBuf) {
    static MEASURED: OnceLock<(TempDir, (String, PathBuf))> = OnceLock::new();
    let made = MEASURED.get_or_init(|| {
        let folder = temporary();
        let line = format!("bench step --steps 3 --per-op 1 --json step.json {NARROW}");
        let output = succeed(folder.path(), &line);
        assert!(output.stderr.is_empty(), "{output:?}");
        let file = folder.path().join("step.json");
        (folder, (stdout(&output), file))
    });
    &made.1
}
