//! `pix2pix bench`: the tables, the files and their comparison.

use crate::{TINY, fail, run, snapshot, stderr, stdout, succeed, temporary};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

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

#[test]
fn a_step_is_measured_in_every_part() {
    let folder = temporary();
    let output = succeed(
        folder.path(),
        &[
            &[
                "bench",
                "step",
                "--quick",
                "--per-op",
                "1",
                "--json",
                "step.json",
            ],
            &TINY[..],
        ]
        .concat(),
    );
    let text = stdout(&output);
    for part in [
        "device: ",
        "clock: ",
        "network: 32x32",
        "generator.down1: conv2d",
        "adam",
        "contractions",
        "everything else",
        "host: ",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    for part in [
        "waiting for data",
        "translation: median",
        "launches",
        "step: median",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let report = read(&folder.path().join("step.json"));
    check_report(&report, "step");
    let named = |name: &str| {
        entries(&report)
            .iter()
            .find(|entry| entry["name"] == name)
            .unwrap()
    };
    // The work is that of the operations one by one; some of it is Adam's when fused, which is
    // listed without.
    let operations = |report: &Value| -> f64 {
        entries(report)
            .iter()
            .filter(|e| e["group"] != "whole")
            .map(|e| e["flop"].as_f64().unwrap())
            .sum()
    };
    succeed(
        folder.path(),
        &[
            &[
                "bench",
                "step",
                "--quick",
                "--no-fusion",
                "--json",
                "plain.json",
            ],
            &TINY[..],
        ]
        .concat(),
    );
    let plain = read(&folder.path().join("plain.json"));
    fs::remove_file(folder.path().join("plain.json")).unwrap();
    let work = named("step")["flop"].as_f64().unwrap();
    assert_eq!(work, operations(&plain));
    assert!(operations(&report) < work && operations(&report) > 0.9 * work);
    assert!(named("translation")["launches"].as_u64().unwrap() > 10);
    // The discriminator runs twice, and no two entries have one name.
    assert!(
        named("discriminator.layer1: conv2d #2")["flop"]
            .as_f64()
            .unwrap()
            > 0.0
    );
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
    let adam = entries(&report)
        .iter()
        .find(|entry| entry["name"] == "generator: adam")
        .unwrap();
    let gradients = adam["bytes"].as_f64().unwrap() / 7.0;
    assert!((gradients - gradients.round()).abs() < 4096.0 / 7.0 && gradients > 4.0 * 1000.0);
    assert_eq!(snapshot(folder.path()).len(), 1);
}

#[test]
fn without_timestamps_the_hosts_clock_serves_and_it_says_so() {
    let folder = temporary();
    let output = succeed(
        folder.path(),
        &[
            &[
                "bench",
                "step",
                "--quick",
                "--no-timestamps",
                "--json",
                "a.json",
            ],
            &TINY[..],
        ]
        .concat(),
    );
    assert!(
        stdout(&output).contains("clock: the host's"),
        "{}",
        stdout(&output)
    );
    let report = read(&folder.path().join("a.json"));
    check_report(&report, "step");
    assert!(
        report["clock"].as_str().unwrap().contains("switched off"),
        "{}",
        report["clock"]
    );
}

#[test]
fn a_comparison_finds_what_became_slower() {
    let folder = temporary();
    let root = folder.path();
    succeed(
        root,
        &[
            &["bench", "step", "--steps", "3", "--json", "before.json"],
            &TINY[..],
        ]
        .concat(),
    );
    let same = succeed(root, &["bench", "diff", "before.json", "before.json"]);
    let text = stdout(&same);
    assert!(
        text.contains("before: 20")
            && text
                .lines()
                .any(|line| line.starts_with("step ") && line.contains(" 1.000")),
        "{text}"
    );

    let mut report = read(&root.join("before.json"));
    for (entry, factor) in [(0, 10.0), (1, 0.1)] {
        for key in ["min", "lower", "median", "upper", "max"] {
            let value = &mut report["entries"][entry]["seconds"][key];
            *value = json!(value.as_f64().unwrap() * factor);
        }
    }
    report["entries"][2]["name"] = json!("something new");
    report["device"]["name"] = json!("another device");
    fs::write(root.join("after.json"), report.to_string()).unwrap();
    let output = run(root, &["bench", "diff", "before.json", "after.json"]);
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
    assert_eq!(
        stdout(&run(root, &["bench", "diff", "after.json", "before.json"]))
            .lines()
            .filter(|l| l.ends_with(" slower"))
            .count(),
        1
    );
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let folder = temporary();
    let root = folder.path();
    succeed(
        root,
        &[&["bench", "step", "--quick", "--json", "a.json"], &TINY[..]].concat(),
    );
    let report = read(&root.join("a.json"));
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
        let output = run(root, &["bench", "diff", "a.json", name]);
        assert_eq!(
            (output.status.code(), stdout(&output).as_str()),
            (Some(1), ""),
            "{name}"
        );
        assert!(
            stderr(&output).contains(expected),
            "{name}: {}",
            stderr(&output)
        );
    }
    assert!(
        fail(root, 1, &["bench", "diff", "a.json", "none.json"])
            .contains("none.json: cannot be read")
    );
    assert!(
        fail(
            root,
            1,
            &[
                &["bench", "step", "--quick", "--json", "no/folder/a.json"],
                &TINY[..]
            ]
            .concat()
        )
        .contains("no/folder")
    );
}

fn is_chart(path: &Path) -> bool {
    let text = fs::read_to_string(path).unwrap();
    text.starts_with("<svg")
        && text.trim_end().ends_with("</svg>")
        && text.contains("best contraction")
        && text.contains("<circle")
}

#[test]
fn the_ceilings_are_found_written_and_drawn() {
    let folder = temporary();
    let root = folder.path();
    let text = stdout(&succeed(
        root,
        &[
            "bench", "ceiling", "--quick", "--json", "a.json", "--svg", "a.svg",
        ],
    ));
    let report = read(&root.join("a.json"));
    check_report(&report, "ceiling");
    let dtypes = if report["device"]["f16"] == json!(true) {
        &["f32", "f16"][..]
    } else {
        &["f32"]
    };
    assert_eq!(report["ceilings"].as_array().unwrap().len(), dtypes.len());
    for (ceiling, &dtype) in report["ceilings"].as_array().unwrap().iter().zip(dtypes) {
        assert_eq!(ceiling["dtype"], dtype);
        for (rate, of) in [
            ("flop_per_second", "contraction"),
            ("bytes_per_second", "copy"),
        ] {
            let what = ceiling[of].as_str().unwrap();
            assert!(
                ceiling[rate].as_f64().unwrap() > 0.0
                    && what.contains(" f16: ") == (dtype == "f16"),
                "{ceiling}"
            );
        }
        let line = text
            .lines()
            .rev()
            .take(dtypes.len())
            .find(|line| line.starts_with(&format!("ceiling {dtype}: ")));
        assert!(line.is_some_and(|line| line.contains("copy of")), "{text}");
        assert!(
            fs::read_to_string(root.join("a.svg"))
                .unwrap()
                .contains(&format!("best copy, {dtype}: "))
        );
    }
    assert!(is_chart(&root.join("a.svg")));
    assert_eq!(snapshot(root).len(), 2);
    let same = stdout(&succeed(root, &["bench", "diff", "a.json", "a.json"]));
    let compared = |dtype: &str| {
        same.lines()
            .filter(|line| line.contains(dtype) && line.ends_with(" 1.000"))
            .count()
    };
    let twice = if dtypes.len() == 2 {
        compared(" f16: ")
    } else {
        0
    };
    // The rung that reads words of two numbers is for f32 alone.
    let words = if dtypes.len() == 2 {
        compared("5_wide")
    } else {
        0
    };
    assert_eq!(
        compared(": ") - twice - words,
        if dtypes.len() == 2 {
            twice
        } else {
            entries(&report).len()
        },
        "{same}"
    );
}

/// The same contraction stored as f16, asked for by either name of it; and where there are no
/// 16-bit floats.
#[test]
fn kernels_and_steps_in_f16_are_set_against_the_ceiling_of_f16() {
    let folder = temporary();
    let root = folder.path();
    let shape = "conv2d k4s2p1 1x8x8x8 4x4x8 bias";
    let key = format!("{shape} f16");
    let kernels = |shape: &str, flags: &[&str]| {
        let arguments = [
            &[
                "bench", "kernels", "--quick", "--shape", shape, "--json", "a.json",
            ],
            flags,
        ]
        .concat();
        let output = run(root, &arguments);
        (output.status.code() == Some(0)).then(|| (stdout(&output), read(&root.join("a.json"))))
    };
    let Some((_, report)) = kernels(shape, &["--precision", "f16"]) else {
        let message = fail(root, 1, &["bench", "kernels", "--quick", "--shape", &key]);
        assert!(message.contains("16-bit floats"), "{message}");
        return;
    };
    let (text, again) = kernels(&key, &[]).unwrap();
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
    let (text, without) = kernels(&key, &["--no-f16"]).unwrap();
    assert_eq!(
        (
            &without["contests"][0]["key"],
            &without["ceilings"][0]["dtype"]
        ),
        (&json!(shape), &json!("f32")),
        "{text}"
    );

    let step = [
        "bench",
        "step",
        "--quick",
        "--ceiling",
        "--precision",
        "f16",
    ];
    let text = stdout(&succeed(root, &[&step[..], &TINY[..]].concat()));
    assert!(
        text.contains("ceiling f16: ") && text.contains(" % of the ceiling"),
        "{text}"
    );
}

#[test]
fn the_candidates_of_one_contraction_are_compared() {
    let folder = temporary();
    let root = folder.path();
    let shape = "conv2d k4s2p1 1x8x8x8 4x4x8 bias";
    let text = stdout(&succeed(
        root,
        &[
            "bench", "kernels", "--quick", "--shape", shape, "--json", "a.json", "--svg", "a.svg",
        ],
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
    let report = read(&root.join("a.json"));
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
fn a_family_is_measured_on_the_shapes_of_the_step() {
    let folder = temporary();
    let root = folder.path();
    for (family, contests) in [("conv_transpose2d", true), ("activation", false)] {
        succeed(
            root,
            &[
                &["bench", "kernels", family, "--quick", "--json", "a.json"],
                &TINY[..],
            ]
            .concat(),
        );
        let report = read(&root.join("a.json"));
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
    let message = fail(
        root,
        2,
        &[&["bench", "kernels", "softmax", "--quick"], &TINY[..]].concat(),
    );
    assert!(
        message.contains("softmax")
            && message.contains("batch_norm, ")
            && message.contains("conv2d"),
        "{message}"
    );
    assert!(fail(root, 2, &["bench", "kernels", "--shape", "conv2d 3x3"]).contains("for example"));
    for made_of in [["--generator", "resnet9"], ["--depth", "3"]] {
        let arguments = ["bench", "kernels", "--shape", "conv2d k4s2p1 1x8x8x8 4x4x8"];
        let output = run(root, &[&arguments[..], &made_of].concat());
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains("cannot be used with"), "{message}");
    }
    let output = run(
        root,
        &[
            "bench",
            "kernels",
            "--quick",
            "--shape",
            "conv2d k4s2p1 1x8x8x8 5x5x8",
        ],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output)
            .lines()
            .last()
            .unwrap()
            .contains("conv2d k4s2p1 1x8x8x8 5x5x8: conv2d: "),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_step_is_set_against_the_ceilings_of_the_same_run() {
    let folder = temporary();
    let root = folder.path();
    let files = ["--ceiling", "--json", "a.json", "--svg", "a.svg"];
    let text = stdout(&succeed(
        root,
        &[&["bench", "step", "--quick"], &files[..], &TINY[..]].concat(),
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
    assert_eq!(
        read(&root.join("a.json"))["ceilings"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert!(is_chart(&root.join("a.svg")));
    assert!(
        fail(
            root,
            2,
            &[&["bench", "step", "--quick", "--svg", "b.svg"], &TINY[..]].concat()
        )
        .contains("--ceiling")
    );
}
