//! What a signal leaves behind.

use crate::{TINY, command, dataset, generator, picture, stderr, temporary};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// Starts the program, and does not wait for it.
pub fn start(folder: &Path, line: &str) -> Child {
    command(folder, line)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Sends the program a signal, and waits until it has ended.
pub fn stop(child: Child, signal: &str) -> Output {
    let kill = format!("kill -{signal} {}", child.id());
    let sent = Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(sent.success());
    child.wait_with_output().unwrap()
}

/// Waits for two minutes at most.
pub fn wait_until(is_so: impl Fn() -> bool) {
    for _ in 0..24_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("what should happen did not happen in two minutes");
}

#[test]
fn a_run_that_is_stopped_before_it_begins_leaves_nothing() {
    let folder = temporary();
    let line = "train --size 128 --ngf 32 --name early";
    let child = start(folder.path(), line);
    let run = folder.path().join("runs/early");
    wait_until(|| run.exists());
    std::thread::sleep(Duration::from_millis(50));
    let output = stop(child, "INT");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(!run.exists());
}

#[test]
fn an_interrupted_run_saves_and_goes_on() {
    let folder = temporary();
    let root = folder.path();
    dataset(&root.join("pairs"), 2);
    // The first row of the metrics means that training is under way: the handler is in place then.
    // A thousand rows make a run.
    let metrics = root.join("runs/long/metrics.csv");
    let rows = || fs::read_to_string(&metrics).map_or(0, |text| text.lines().count());
    let length = "--steps 100000 --sample-every 100000";
    let child = start(root, &format!("train pairs --name long {length} {TINY}"));
    wait_until(|| rows() > 1);
    let output = stop(child, "INT");
    let text = stderr(&output);
    assert!(output.status.success(), "{}: {text}", output.status);
    let words: Vec<&str> = text.lines().last().unwrap().split(' ').collect();
    let ["stopped", "and", "saved", "at", "step", step, ..] = words[..] else {
        panic!("{text}")
    };
    let step: u64 = step.trim_end_matches(';').parse().unwrap();
    let checkpoint = format!("runs/long/checkpoints/step-{step:06}.safetensors");
    assert!(root.join(checkpoint).is_file());
    assert!(text.contains("--resume runs/long"), "{text}");

    // As its user would: end it sooner now, by the configuration that the checkpoint carries.
    let before = rows();
    let again = start(root, "train --resume runs/long");
    wait_until(|| rows() > before);
    let output = stop(again, "INT");
    assert!(output.status.success(), "{}", stderr(&output));
    let text = fs::read_to_string(&metrics).unwrap();
    let first_cell = |line: &str| line.split(',').next().unwrap().parse().unwrap();
    let steps: Vec<u64> = text.lines().skip(1).map(first_cell).collect();
    assert!(
        steps.windows(2).all(|pair| pair[0] < pair[1]),
        "steps are logged once and in order: {steps:?}"
    );
    assert!(*steps.last().unwrap() > step, "it went on");
}

#[test]
fn a_data_set_that_is_stopped_has_no_half_written_file() {
    let folder = temporary();
    let root = folder.path();
    for (half, side) in [("a", 8), ("b", 9)] {
        let file = |number: usize| root.join(format!("{half}/{number:02}.png"));
        (1..60).for_each(|number| picture(&file(number), side, side));
        fs::write(file(0), "no picture").unwrap();
    }
    let child = start(root, "prepare combine a b --size 700 --threads 2 --out out");
    let results = root.join("out");
    let files = || fs::read_dir(&results).map_or(0, Iterator::count);
    wait_until(|| files() > 2);
    let output = stop(child, "TERM");
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(130), "{text}");
    let found = crate::snapshot(&results);
    let is_whole = |path: &std::path::PathBuf| image::open(path).is_ok();
    assert!(found.keys().all(is_whole), "{:?}", found.keys());
    // What was found before is told.
    let made = format!(
        "error: stopped; files that are made: {} of 60; run it",
        found.len()
    );
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines.len() == 3
            && lines[0].starts_with("error: a/00.png: ")
            && lines[1].contains("paired by name")
            && lines[2].starts_with(&made),
        "{text}"
    );
}

#[test]
fn a_translation_that_is_stopped_leaves_no_half_written_file() {
    let folder = temporary();
    picture(&folder.path().join("in/large.png"), 1600, 1600);
    fs::write(folder.path().join("in/damaged.png"), "no picture").unwrap();
    let model = generator();
    let child = start(
        folder.path(),
        &format!("translate in --model '{model}' --out out --tile 160"),
    );
    let results = folder.path().join("out");
    let files = || fs::read_dir(&results).map_or(0, Iterator::count);
    // The result's file under its temporary name, for which hundreds of tiles are to come.
    wait_until(|| files() > 0);
    let output = stop(child, "TERM");
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(130), "{text}");
    // What went wrong before is told.
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines.len() == 2
            && lines[0].starts_with("error: in/damaged.png: ")
            && lines[1].starts_with("error: stopped"),
        "{text}"
    );
    assert_eq!(files(), 0, "{:?}", crate::snapshot(&results).keys());
}
