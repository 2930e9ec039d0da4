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
    let told = "stopping: the run is saved and ends; Ctrl-C again ends it at once, without saving";
    assert!(text.lines().any(|line| line == told), "{text}");
    let page = fs::read_to_string(root.join("runs/long/index.html")).unwrap();
    let stopped = format!(
        "<p>Stopped and saved at step {step}; go on with:</p>\n\
         <pre>pix2pix train --resume runs/long</pre>"
    );
    assert!(page.contains(&stopped), "{page}");

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

/// Training hangs here, so that the first signal cannot end it.
#[test]
fn a_second_signal_ends_a_training_at_once_and_checkpoints_are_whole() {
    let folder = temporary();
    let root = folder.path();
    dataset(&root.join("pairs"), 2);
    let run = root.join("runs/r");
    let rows =
        || fs::read_to_string(run.join("metrics.csv")).map_or(0, |text| text.lines().count());
    // Each step has a row.
    let line = format!("train pairs --name r --steps 1900 --checkpoint-every 1 {TINY}");
    let child = start(root, &line);
    wait_until(|| rows() > 2);
    let shell = |script: &str| {
        let mut shell = Command::new("sh");
        let status = shell.args(["-c", script]).current_dir(root).status();
        assert!(status.unwrap().success(), "{script}");
    };
    // Whoever appends to a pipe waits for its reader.
    shell("mkfifo pipe && mv -f pipe runs/r/metrics.csv");
    let kill = format!("kill -INT {}", child.id());
    shell(&kill);
    // At once it is no second signal.
    shell(&kill);
    std::thread::sleep(Duration::from_millis(1_500));
    let output = stop(child, "INT");
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(130), "{text}");
    let told = "stopping: the run is saved and ends; Ctrl-C again";
    assert!(text.contains(told), "{text}");
    assert!(!text.contains("stopped and saved"), "{text}");
    let checkpoints = crate::snapshot(&run.join("checkpoints"));
    let is_one = |path: &Path| {
        path.extension()
            .is_some_and(|ending| ending == "safetensors")
    };
    let whole: Vec<_> = checkpoints
        .iter()
        .filter(|(path, _)| is_one(path))
        .collect();
    assert!(!whole.is_empty());
    for (path, bytes) in whole {
        let read = safetensors::SafeTensors::deserialize(bytes);
        assert!(read.is_ok(), "{}", path.display());
    }
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
    picture(&folder.path().join("in/a.png"), 32, 32);
    fs::write(folder.path().join("in/damaged.png"), "no picture").unwrap();
    let model = generator();
    let child = start(
        folder.path(),
        &format!("translate in --model '{model}' --out out --tile 160"),
    );
    let results = folder.path().join("out");
    let files = || fs::read_dir(&results).map_or(0, Iterator::count);
    // One result, and another one's file under its temporary name, for which hundreds of tiles are
    // to come.
    wait_until(|| files() > 1);
    let output = stop(child, "TERM");
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(130), "{text}");
    // What went wrong before is told.
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines.len() == 2
            && lines[0].starts_with("error: in/damaged.png: ")
            && lines[1]
                == "error: stopped; results that are complete: 1; run it again with \
                    --skip-existing for the others, or with --force for all",
        "{text}"
    );
    let left: Vec<_> = crate::snapshot(&results).into_keys().collect();
    assert_eq!(left, [results.join("a.png")]);
    // What an earlier page shows would stay beside new results.
    picture(&results.join("images/large-input.png"), 4, 4);
    fs::remove_file(results.join("a.png")).unwrap();
    let again = format!("translate in --model '{model}' --out out --tile 160 --force --page");
    let child = start(folder.path(), &again);
    wait_until(|| files() > 2);
    let text = stderr(&stop(child, "TERM"));
    let told = "results that are complete: 1; run it again for all, since files of an earlier run \
                are still there: 1, such as out/images/large-input.png\n";
    assert!(text.ends_with(told), "{text}");
}
