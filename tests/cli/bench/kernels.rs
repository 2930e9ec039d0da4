//! `pix2pix bench ceiling` and `bench kernels`.

use super::{check_report, entries, is_chart};
use crate::{TINY, fail, json, run, snapshot, stderr, stdout, succeed, temporary};
use serde_json::{Value, json};
use std::fs;

/// A ceiling of `dtype` has rates above zero, found by kernels of that type.
fn check_ceiling(ceiling: &Value, dtype: &str) {
    assert_eq!(ceiling["dtype"], dtype);
    for (rate, of) in [
        ("flop_per_second", "contraction"),
        ("bytes_per_second", "copy"),
    ] {
        assert!(ceiling[rate].as_f64().unwrap() > 0.0, "{ceiling}");
        let is_f16 = ceiling[of].as_str().unwrap().contains(" f16: ");
        assert_eq!(is_f16, dtype == "f16", "{ceiling}");
    }
}

#[test]
#[ignore = "second tier: what bounds a device, measured"]
fn the_ceilings_are_found_written_and_drawn() {
    find_ceilings("--no-f16");
}

#[test]
#[ignore = "second tier: every candidate in f16"]
fn the_ceilings_of_every_type_are_found() {
    find_ceilings("");
}

fn find_ceilings(options: &str) {
    let folder = temporary();
    let root = folder.path();
    let text = stdout(&succeed(
        root,
        &format!("bench ceiling --quick --json a.json --svg a.svg {options}"),
    ));
    let report = json(&root.join("a.json"));
    check_report(&report, "ceiling");
    let dtypes = if report["device"]["f16"] == json!(true) {
        &["f32", "f16"][..]
    } else {
        &["f32"]
    };
    let ceilings = report["ceilings"].as_array().unwrap();
    assert_eq!(ceilings.len(), dtypes.len());
    let chart = fs::read_to_string(root.join("a.svg")).unwrap();
    for (ceiling, dtype) in ceilings.iter().zip(dtypes) {
        check_ceiling(ceiling, dtype);
        let mut last = text.lines().rev().take(dtypes.len());
        let line = last.find(|line| line.starts_with(&format!("ceiling {dtype}: ")));
        assert!(line.is_some_and(|line| line.contains("copy of")), "{text}");
        assert!(chart.contains(&format!("best copy, {dtype}: ")), "{dtype}");
    }
    assert!(is_chart(&root.join("a.svg")));
    assert_eq!(snapshot(root).len(), 2);
    let same = stdout(&succeed(root, "bench diff a.json a.json"));
    let compared = |dtype: &str| {
        same.lines()
            .filter(|line| line.contains(dtype) && line.contains(" 1.000"))
            .count()
    };
    if dtypes.len() == 1 {
        assert_eq!(compared(": "), entries(&report).len(), "{same}");
    } else {
        // The rung that reads words of two numbers is for f32 alone.
        let in_f32 = compared(": ") - compared(" f16: ") - compared("5_wide");
        assert_eq!(in_f32, compared(" f16: "), "{same}");
    }
}

/// The same contraction stored as f16, asked for by either name of it; and where there are no
/// 16-bit floats.
#[test]
#[ignore = "second tier: every candidate in f16"]
fn kernels_and_steps_in_f16_are_set_against_the_ceiling_of_f16() {
    let folder = temporary();
    let root = folder.path();
    let shape = "conv2d k4s2p1 1x8x8x8 4x4x8 bias";
    let key = format!("{shape} f16");
    let kernels = |shape: &str, flags: &str| {
        let line = format!("bench kernels --quick --shape '{shape}' --json a.json {flags}");
        let output = run(root, &line);
        (output.status.code() == Some(0)).then(|| (stdout(&output), json(&root.join("a.json"))))
    };
    let Some((_, report)) = kernels(shape, "--precision f16") else {
        let message = fail(root, 1, &format!("bench kernels --quick --shape '{key}'"));
        assert!(message.contains("16-bit floats"), "{message}");
        return;
    };
    let (text, again) = kernels(&key, "").unwrap();
    for report in [&report, &again] {
        assert_eq!(report["contests"][0]["key"], key.as_str());
        assert_eq!(report["contests"][0]["disagreeing"], json!([]));
        assert_eq!(
            (
                report["ceilings"].as_array().unwrap().len(),
                &report["ceilings"][0]["dtype"]
            ),
            (1, &json!("f16"))
        );
    }
    assert!(
        text.contains("ceiling f16: ") && !text.contains("ceiling f32: "),
        "{text}"
    );
    let (text, without) = kernels(&key, "--no-f16").unwrap();
    assert_eq!(
        (
            &without["contests"][0]["key"],
            &without["ceilings"][0]["dtype"]
        ),
        (&json!(shape), &json!("f32")),
        "{text}"
    );

    let step = "bench step --quick --ceiling --precision f16";
    let text = stdout(&succeed(root, &format!("{step} {TINY}")));
    assert!(
        text.contains("ceiling f16: ") && text.contains(" % of the ceiling"),
        "{text}"
    );
}

#[test]
#[ignore = "second tier: every candidate of a contraction"]
fn the_candidates_of_one_contraction_are_compared() {
    let folder = temporary();
    let root = folder.path();
    let shape = "conv2d k4s2p1 1x8x8x8 4x4x8 bias";
    let text = stdout(&succeed(
        root,
        &format!("bench kernels --quick --shape '{shape}' --json a.json --svg a.svg"),
    ));
    for part in [
        shape,
        "1_naive",
        "2_register",
        "3_workgroup",
        "best",
        "default",
        "ceiling f32: ",
        "default table: ",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let report = json(&root.join("a.json"));
    check_report(&report, "kernels");
    let contest = &report["contests"][0];
    assert_eq!(
        (&contest["key"], &contest["uses"], &contest["disagreeing"]),
        (&json!(shape), &json!(1), &json!([]))
    );
    for kernel in ["best", "default"] {
        let name = format!("{shape}: {}", contest[kernel].as_str().unwrap());
        assert!(
            entries(&report)
                .iter()
                .any(|entry| entry["name"] == name.as_str()),
            "{name}"
        );
    }
    let value = |name: &str| report["values"][name].as_f64().unwrap();
    assert!(value("default_seconds") >= value("best_seconds") && value("best_seconds") > 0.0);
    assert!(is_chart(&root.join("a.svg")));
}

#[test]
#[ignore = "second tier: every candidate of a family on every shape of a step"]
fn a_family_is_measured_on_the_shapes_of_the_step() {
    let folder = temporary();
    let root = folder.path();
    for (family, contests) in [("conv_transpose2d", true), ("activation", false)] {
        succeed(
            root,
            &format!("bench kernels {family} --quick --json a.json {TINY}"),
        );
        let report = json(&root.join("a.json"));
        check_report(&report, "kernels");
        assert_eq!(
            report["contests"].as_array().unwrap().is_empty(),
            !contests,
            "{family}"
        );
        let belongs = |entry: &Value| {
            [&entry["group"], &entry["kernel"]]
                .iter()
                .any(|text| text.as_str().unwrap().starts_with(family))
        };
        assert!(
            !entries(&report).is_empty() && entries(&report).iter().all(belongs),
            "{family}: {report}"
        );
    }
}

#[test]
fn shapes_that_cannot_be_measured_are_refused() {
    let folder = temporary();
    let root = folder.path();
    let message = fail(root, 2, &format!("bench kernels softmax --quick {TINY}"));
    assert!(
        message.contains("softmax")
            && message.contains("batch_norm, ")
            && message.contains("conv2d"),
        "{message}"
    );
    assert!(fail(root, 2, "bench kernels --shape 'conv2d 3x3'").contains("for example"));
    for made_of in ["--generator resnet9", "--depth 3"] {
        let shape = "bench kernels --shape 'conv2d k4s2p1 1x8x8x8 4x4x8'";
        let output = run(root, &format!("{shape} {made_of}"));
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains("cannot be used with"), "{message}");
    }
    let output = run(
        root,
        "bench kernels --quick --shape 'conv2d k4s2p1 1x8x8x8 5x5x8'",
    );
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    let last = message.lines().last().unwrap();
    assert!(
        last.contains("conv2d k4s2p1 1x8x8x8 5x5x8: conv2d: "),
        "{message}"
    );
}
