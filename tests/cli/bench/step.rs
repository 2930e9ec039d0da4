//! `pix2pix bench step`.

use super::{check_report, entries, is_chart, measured};
use crate::{NARROW, fail, json, snapshot, stdout, succeed, temporary};
use serde_json::Value;

fn find<'r>(report: &'r Value, name: &str) -> &'r Value {
    let mut entries = entries(report).iter();
    entries.find(|entry| entry["name"] == name).unwrap()
}

/// The work of the operations one by one; some of it is Adam's when fused, which is listed without.
fn operations(report: &Value) -> f64 {
    let entries = entries(report).iter();
    let operations = entries.filter(|entry| entry["group"] != "whole");
    operations
        .map(|entry| entry["flop"].as_f64().unwrap())
        .sum()
}

#[test]
fn a_step_is_measured_in_every_part() {
    let (text, _) = measured();
    for part in [
        "device: ",
        "clock: ",
        "network: 32x32",
        "generator.down1: conv2d",
        "adam",
        "contractions",
        "everything else",
        "host: ",
        "waiting for data",
        "translation: median",
        "launches",
        "step: median",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn the_file_of_a_step_holds_every_operation() {
    let (_, file) = measured();
    let report = json(file);
    check_report(&report, "step");
    let named = |name: &str| find(&report, name);
    let folder = temporary();
    succeed(
        folder.path(),
        &format!("bench step --quick --no-fusion --json plain.json {NARROW}"),
    );
    let plain = json(&folder.path().join("plain.json"));
    let work = named("step")["flop"].as_f64().unwrap();
    assert_eq!(work, operations(&plain));
    assert!(operations(&report) < work && operations(&report) > 0.9 * work);
    assert!(named("translation")["launches"].as_u64().unwrap() > 10);
    // The discriminator runs twice, and no two entries have one name.
    let second = named("discriminator.layer1: conv2d #2");
    assert!(second["flop"].as_f64().unwrap() > 0.0);
    let mut names: Vec<&str> = entries(&report)
        .iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    for value in ["peak_memory_bytes", "host_seconds", "loop_step_seconds"] {
        assert!(report["values"][value].as_f64().unwrap() > 0.0, "{value}");
    }
    // Adam reads gradients, and reads and writes values and moments: seven floats each parameter.
    let gradients = named("generator: adam")["bytes"].as_f64().unwrap() / 7.0;
    assert!((gradients - gradients.round()).abs() < 4096.0 / 7.0 && gradients > 4.0 * 1000.0);
    assert_eq!(snapshot(file.parent().unwrap()).len(), 1);
}

#[test]
fn bench_step_ends_with_its_one_line() {
    let (text, _) = measured();
    let line = text.lines().last().unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    let [
        "step:",
        "median",
        median,
        "s",
        "(min",
        min,
        "max",
        max,
        rate,
        "GFLOP/s,",
        "peak",
        "device",
        "memory",
        memory,
        "MiB",
    ] = words[..]
    else {
        panic!("{line:?}")
    };
    let seconds = [
        median,
        min.trim_end_matches(','),
        max.trim_end_matches("),"),
    ];
    // "s" stands behind the median only.
    assert!(
        seconds
            .iter()
            .all(|text| text.parse::<f64>().is_ok_and(|value| value > 0.0)),
        "{line:?}"
    );
    assert!(
        rate.parse::<f64>().is_ok() && memory.parse::<u64>().is_ok(),
        "{line:?}"
    );
}

#[test]
#[ignore = "second tier: a step measured by another clock"]
fn without_timestamps_the_hosts_clock_serves_and_it_says_so() {
    let folder = temporary();
    let text = stdout(&succeed(
        folder.path(),
        &format!("bench step --quick --no-timestamps --json a.json {NARROW}"),
    ));
    assert!(text.contains("clock: the host's"), "{text}");
    let report = json(&folder.path().join("a.json"));
    check_report(&report, "step");
    assert!(
        report["clock"].as_str().unwrap().contains("switched off"),
        "{}",
        report["clock"]
    );
}

#[test]
#[ignore = "second tier: ceilings and a step"]
fn a_step_is_set_against_the_ceilings_of_the_same_run() {
    let folder = temporary();
    let root = folder.path();
    let files = "--ceiling --json a.json --svg a.svg";
    let text = stdout(&succeed(
        root,
        &format!("bench step --quick {files} {NARROW}"),
    ));
    let percent = |start: &str, end: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with(start))
            .unwrap_or_else(|| panic!("{start} in {text}"));
        let number = line.trim_end_matches(end).rsplit(' ').next().unwrap();
        number.parse::<f64>().unwrap_or_else(|_| panic!("{line}"))
    };
    assert!(
        percent(
            "contractions, weighted by their share of the step: ",
            " % of the ceiling"
        ) > 0.0
    );
    assert!((1.0..100.0).contains(&percent(
        "everything that is not a contraction: ",
        " % of the step"
    )));
    assert!(
        text.lines().last().unwrap().starts_with("step: median "),
        "{text}"
    );
    let report = json(&root.join("a.json"));
    assert_eq!(report["ceilings"].as_array().unwrap().len(), 1);
    assert!(is_chart(&root.join("a.svg")));
    assert!(
        fail(root, 2, &format!("bench step --quick --svg b.svg {NARROW}")).contains("--ceiling")
    );
}
