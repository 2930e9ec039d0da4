//! What every command prints and leaves behind when all is well.

use crate::{
    TINY, command, copy_folder, dataset, finished, generator, picture, snapshot, stderr, stdout,
    succeed, temporary,
};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn a_good_run_leaves_everything_and_a_finished_one_can_be_resumed() {
    let run_folder = finished().join("runs/t");
    for file in [
        "config.json",
        "metrics.csv",
        "held_out.json",
        "losses.svg",
        "index.html",
        "generator.safetensors",
        "discriminator.safetensors",
    ] {
        assert!(
            fs::metadata(run_folder.join(file)).is_ok_and(|metadata| metadata.len() > 0),
            "{file}"
        );
    }
    for file in [
        "samples/step-000004.png",
        "checkpoints/step-000004.safetensors",
    ] {
        assert!(run_folder.join(file).is_file(), "{file}");
    }
    // Eight rows of input, output and target, with or without a gap between them.
    let samples = image::open(run_folder.join("samples/step-000004.png")).unwrap();
    assert!(
        samples.width() >= 3 * 32 && samples.height() >= 8 * 32,
        "{}x{}",
        samples.width(),
        samples.height()
    );
    let config: serde_json::Value =
        serde_json::from_slice(&fs::read(run_folder.join("config.json")).unwrap()).unwrap();
    assert_eq!(
        (&config["size"], &config["ngf"], &config["length"]["steps"]),
        (&32.into(), &2.into(), &4.into())
    );
    let metrics = fs::read_to_string(run_folder.join("metrics.csv")).unwrap();
    assert_eq!(metrics.lines().count(), 1 + 4, "{metrics}");

    let folder = temporary();
    copy_folder(finished(), folder.path());
    let output = succeed(folder.path(), &["train", "--resume", "t"]);
    let last = stdout(&output).lines().last().unwrap().to_owned();
    let words: Vec<&str> = last.split(' ').collect();
    let [
        "held-out",
        "L1",
        score,
        "copying",
        "the",
        "input",
        copy,
        picture,
    ] = words[..]
    else {
        panic!("{last:?}")
    };
    let is_score = |text: &str, end: char| {
        text.ends_with(end) && text.len() == 7 && text[..6].parse::<f32>().is_ok_and(|v| v > 0.0)
    };
    assert!(is_score(score, ',') && is_score(copy, ':'), "{last:?}");
    assert!(folder.path().join(picture).is_file(), "{last:?}");
    let kept = |root: &Path| fs::read(root.join("runs/t/generator.safetensors")).unwrap();
    assert!(
        kept(folder.path()) == kept(finished()),
        "a finished run has nothing left to learn"
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("runs/t/metrics.csv"))
            .unwrap()
            .lines()
            .count(),
        5
    );
}

#[test]
fn a_name_finds_the_run_even_where_a_data_set_has_the_same() {
    let folder = temporary();
    let root = folder.path();
    copy_folder(finished(), root);
    dataset(&root.join("t"), 1);
    let data = snapshot(&root.join("t"));
    succeed(root, &["train", "--resume", "t"]);
    assert!(
        snapshot(&root.join("t")) == data,
        "the data set was touched"
    );
    succeed(root, &["train", "--resume", "runs/t"]);
    succeed(
        root,
        &["train", "--resume", root.join("runs/t").to_str().unwrap()],
    );
    succeed(&root.join("runs"), &["train", "--resume", "t"]);
    succeed(&root.join("runs/t"), &["train", "--resume", "."]);
}

#[test]
fn a_run_goes_on_where_its_data_set_has_moved_and_its_configuration_is_the_newest() {
    let folder = temporary();
    let root = folder.path();
    dataset(&root.join("set"), 3);
    succeed(
        root,
        &[&["train", "set", "--steps", "2", "--name", "r"], &TINY[..]].concat(),
    );
    fs::rename(root.join("set"), root.join("moved")).unwrap();
    let message = crate::fail_cleanly(root, 1, &["train", "--resume", "r"]);
    assert!(
        message.contains("/set is no longer there")
            && message.contains("pix2pix train DATASET --resume r"),
        "{message}"
    );
    dataset(&root.join("other"), 2);
    let message = crate::fail_cleanly(root, 2, &["train", "other", "--resume", "r"]);
    assert!(
        message.contains("2 training pairs") && message.contains("began with 3"),
        "{message}"
    );
    succeed(root, &["train", "moved", "--resume", "r", "--lr", "0.001"]);
    let config: serde_json::Value =
        serde_json::from_slice(&fs::read(root.join("runs/r/config.json")).unwrap()).unwrap();
    assert!(
        config["dataset"].as_str().unwrap().ends_with("/moved") && config["learning_rate"] == 0.001,
        "{config}"
    );
    succeed(root, &["train", "--resume", "r"]);
}

#[cfg(unix)]
#[test]
fn a_run_that_is_stopped_before_it_begins_leaves_nothing() {
    let folder = temporary();
    let arguments = ["train", "--size", "256", "--ngf", "64", "--name", "early"];
    let child = command(folder.path(), &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let run = folder.path().join("runs/early");
    while !run.exists() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert!(
        Command::new("sh")
            .args(["-c", &format!("sleep 0.05; kill -INT {}", child.id())])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(!run.exists());
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_saves_and_goes_on() {
    let folder = temporary();
    let arguments = [
        &[
            "train",
            "--steps",
            "100000",
            "--name",
            "long",
            "--sample-every",
            "100000",
        ],
        &TINY[..],
    ]
    .concat();
    let child = command(folder.path(), &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The first row of the metrics means that training is under way: the handler is in place then.
    // A thousand rows make a run.
    let metrics = folder.path().join("runs/long/metrics.csv");
    for _ in 0..1200 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        if fs::read_to_string(&metrics).is_ok_and(|text| text.lines().count() > 1) {
            break;
        }
    }
    assert!(
        Command::new("sh")
            .args(["-c", &format!("kill -INT {}", child.id())])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}: {}",
        output.status,
        stderr(&output)
    );
    let text = stderr(&output);
    let words: Vec<&str> = text.lines().last().unwrap().split(' ').collect();
    let ["stopped", "and", "saved", "at", "step", step, ..] = words[..] else {
        panic!("{text}")
    };
    let step: u64 = step.trim_end_matches(';').parse().unwrap();
    assert!(
        folder
            .path()
            .join(format!("runs/long/checkpoints/step-{step:06}.safetensors"))
            .is_file()
    );
    assert!(text.contains("--resume runs/long"), "{text}");

    // As its user would: end it sooner now, by the configuration that the checkpoint carries.
    let again = command(folder.path(), &["train", "--resume", "runs/long"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let rows = fs::read_to_string(&metrics).unwrap().lines().count();
    for _ in 0..1200 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        if fs::read_to_string(&metrics).is_ok_and(|text| text.lines().count() > rows) {
            break;
        }
    }
    assert!(
        Command::new("sh")
            .args(["-c", &format!("kill -INT {}", again.id())])
            .status()
            .unwrap()
            .success()
    );
    let output = again.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let steps: Vec<u64> = fs::read_to_string(&metrics)
        .unwrap()
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap().parse().unwrap())
        .collect();
    assert!(
        steps.windows(2).all(|pair| pair[0] < pair[1]),
        "steps are logged once and in order: {steps:?}"
    );
    assert!(*steps.last().unwrap() > step, "it went on");
}

#[cfg(unix)]
#[test]
fn a_translation_that_is_stopped_leaves_no_half_written_file() {
    let folder = temporary();
    picture(&folder.path().join("large.png"), 1600, 1600);
    let arguments = [
        "translate",
        "large.png",
        "--model",
        &generator(),
        "--out",
        "out",
        "--tile",
        "160",
    ];
    let child = command(folder.path(), &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let files = || fs::read_dir(folder.path().join("out")).map_or(0, Iterator::count);
    // The result's file under its temporary name, for which thousands of tiles are to come.
    for _ in 0..1200 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        if files() > 0 {
            break;
        }
    }
    assert!(
        Command::new("sh")
            .args(["-c", &format!("kill -TERM {}", child.id())])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(
        stderr(&output).starts_with("error: stopped"),
        "{}",
        stderr(&output)
    );
    assert_eq!(
        files(),
        0,
        "{:?}",
        fs::read_dir(folder.path().join("out"))
            .unwrap()
            .collect::<Vec<_>>()
    );
}

#[test]
fn translate_keeps_every_size_and_is_the_same_every_time() {
    let folder = temporary();
    let root = folder.path();
    let sizes = [
        ("a.png", 33, 47),
        ("b.jpg", 32, 32),
        ("c.png", 1, 1),
        ("d.png", 70, 31),
    ];
    sizes
        .iter()
        .for_each(|&(name, width, height)| picture(&root.join("in").join(name), width, height));
    for out in ["one", "two"] {
        let output = succeed(
            root,
            &["translate", "in", "--model", &generator(), "--out", out],
        );
        let expected: Vec<String> = sizes
            .iter()
            .map(|(name, ..)| format!("{out}/{}.png", &name[..1]))
            .collect();
        assert_eq!(stdout(&output).lines().collect::<Vec<_>>(), expected);
        assert_eq!(stderr(&output), "");
    }
    for (name, width, height) in sizes {
        let read = |out: &str| {
            image::open(root.join(out).join(name).with_extension("png"))
                .unwrap()
                .to_rgb8()
        };
        assert_eq!(read("one").dimensions(), (width, height), "{name}");
        assert_eq!(read("one"), read("two"), "{name}");
    }
    // A run folder and a checkpoint are models as well, and the same one.
    let run_folder = finished().join("runs/t");
    let checkpoint = run_folder.join("checkpoints/step-000004.safetensors");
    for (model, out) in [(run_folder, "three"), (checkpoint, "four")] {
        succeed(
            root,
            &[
                "translate",
                "in/a.png",
                "--model",
                model.to_str().unwrap(),
                "--out",
                out,
            ],
        );
        assert_eq!(
            fs::read(root.join(out).join("a.png")).unwrap(),
            fs::read(root.join("one/a.png")).unwrap()
        );
    }
}

#[test]
fn inspect_and_adapters_print_results_on_stdout() {
    let folder = temporary();
    let output = succeed(folder.path(), &["inspect", "--size", "64", "--ngf", "4"]);
    let text = stdout(&output);
    for part in [
        "operation",
        "shape",
        "MFLOP",
        "kernel",
        "generator.down1: conv2d",
        "generator: adam",
        "memory plan",
        "optimiser moments",
        "activations",
        "in all",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert_eq!(stderr(&output), "");
    let output = succeed(folder.path(), &["adapters"]);
    assert_eq!(
        stdout(&output)
            .lines()
            .filter(|line| line.starts_with("* "))
            .count(),
        1,
        "{}",
        stdout(&output)
    );
    assert!(stdout(&output).contains("subgroups") && stderr(&output).lines().count() == 1);
    assert!(snapshot(folder.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_seen_enough_is_no_error_and_a_full_disk_is() {
    let folder = temporary();
    let mut child = command(folder.path(), &["inspect", "--size", "256"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}: {}",
        output.status,
        stderr(&output)
    );
    let full = Path::new("/dev/full");
    if full.exists() {
        let file = fs::OpenOptions::new().write(true).open(full).unwrap();
        let output = command(folder.path(), &["adapters"])
            .stdout(file)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(
            stderr(&output).starts_with("error: cannot write to stdout"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn bench_step_ends_with_its_one_line() {
    let folder = temporary();
    let output = succeed(
        folder.path(),
        &[&["bench", "step", "--steps", "2"], &TINY[..]].concat(),
    );
    let text = stdout(&output);
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
    assert_eq!(stderr(&output), "");
    assert!(snapshot(folder.path()).is_empty());
}

#[test]
fn output_that_is_no_terminal_is_plain() {
    let folder = temporary();
    for (key, value) in [("NO_COLOR", "1"), ("TERM", "xterm-256color")] {
        let arguments = [&["train", "--steps", "1", "--name", key], &TINY[..]].concat();
        let output = command(folder.path(), &arguments)
            .env(key, value)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let help = command(folder.path(), &["train", "--help"])
            .env(key, value)
            .output()
            .unwrap();
        for bytes in [&output.stdout, &output.stderr, &help.stdout] {
            assert!(
                !bytes.contains(&0x1b) && !bytes.contains(&b'\r'),
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
        let text = stderr(&output);
        // Beside the memory plan, one line a purpose: what it trains on, how far it is, how long it
        // waited for data.
        let plan = text
            .lines()
            .filter(|line| line.starts_with("memory plan") || line.ends_with(" MiB"))
            .count();
        assert!(
            (6..=10).contains(&plan) && text.lines().count() <= plan + 3 && !text.contains("error"),
            "{text}"
        );
        let waited = text
            .lines()
            .last()
            .unwrap()
            .strip_prefix("waited ")
            .and_then(|rest| rest.split_once(" % of "))
            .unwrap();
        assert!(
            waited
                .0
                .parse::<f64>()
                .is_ok_and(|share| (0.0..=100.0).contains(&share))
                && waited.1.ends_with(" s for data"),
            "{text}"
        );
        assert_eq!(stdout(&output).lines().count(), 2, "{}", stdout(&output));
    }
}
