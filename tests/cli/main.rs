//! The command line from outside: the built program in folders of its own, on whatever adapter
//! `PIX2PIX_ADAPTER` names.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod background;
mod bad_input;
mod bench;
mod choices;
mod compare;
mod compare_refused;
mod compare_scores;
mod convert;
mod edited;
mod evaluation;
mod event_files;
mod everything;
mod export;
mod far_sizes;
mod formats;
mod generators;
mod good_use;
mod half_weights;
mod help;
mod inspect;
mod models;
mod objectives;
mod options;
mod outputs;
mod pages;
mod pixels;
mod precision;
mod prepare;
mod preprocess;
mod recipe;
mod results_page;
mod resuming;
mod scores;
#[cfg(unix)]
mod stopping;
mod streams;
mod study;
#[cfg(unix)]
mod terminal;
mod tiles;
mod train_cases;
mod trained;
mod tuning;
mod use_of_models;
mod weights;

use image::{DynamicImage, Rgb, RgbImage};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;
use trained::{finished, generator, with_dropout};

const BINARY: &str = env!("CARGO_BIN_EXE_pix2pix");
/// Networks of the usual depth, with few channels.
const NARROW: &str = "--size 32 --ngf 2";
/// Networks of few layers, and so of few kernels that a driver has to compile.
const TINY: &str = "--size 32 --ngf 2 --depth 2 --d-layers 1";

/// The arguments of a line: what spaces separate. What stands in single quotes is one.
fn arguments(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        match index % 2 {
            0 => found.extend(part.split_whitespace()),
            _ => found.push(part),
        }
    }
    found
}

/// The program with the arguments of `line`, in `folder`.
fn command(folder: &Path, line: &str) -> Command {
    let arguments = arguments(line);
    let mut command = Command::new(BINARY);
    command
        .args(&arguments)
        .current_dir(folder)
        .env_remove("RUST_BACKTRACE")
        .env("PIX2PIX_CACHE", "")
        .stdin(Stdio::null());
    let computes = ["train", "translate", "eval", "compare", "inspect", "bench"]
        .contains(&arguments[0])
        && !arguments.contains(&"diff");
    let chooses = arguments
        .iter()
        .any(|argument| ["--adapter", "--help"].contains(argument));
    if let (Ok(adapter), true, false) = (std::env::var("PIX2PIX_ADAPTER"), computes, chooses) {
        command.args(["--adapter", &adapter]);
    }
    command
}

fn run(folder: &Path, line: &str) -> Output {
    command(folder, line).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn succeed(folder: &Path, line: &str) -> Output {
    let output = run(folder, line);
    assert!(
        output.status.success(),
        "{line}: {}: {}",
        output.status,
        stderr(&output)
    );
    output
}

/// Runs what must fail with `code` and returns its one line on stderr.
fn fail(folder: &Path, code: i32, line: &str) -> String {
    let output = run(folder, line);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{line}: {text}");
    assert_eq!(stdout(&output), "", "{line}: results of a failure");
    assert!(
        text.starts_with("error: ") && text.ends_with('\n'),
        "{line}: {text:?}"
    );
    assert_eq!(text.lines().count(), 1, "{line}: one line, not {text:?}");
    text
}

/// Every file under `folder` with its content, and every folder.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(snapshot(&path));
            found.insert(path, Vec::new());
        } else {
            let content = fs::read(&path).unwrap_or_default();
            found.insert(path, content);
        }
    }
    found
}

/// Fails as [`fail`] does, and leaves everything under `folder` as it was; `runs/` may stay behind,
/// but empty.
fn fail_cleanly(folder: &Path, code: i32, line: &str) -> String {
    let before = snapshot(folder);
    let message = fail(folder, code, line);
    let mut after = snapshot(folder);
    if !before.contains_key(&folder.join("runs")) {
        after.remove(&folder.join("runs"));
    }
    assert!(
        before == after,
        "{line} changed {:?}",
        after
            .keys()
            .filter(|key| before.get(*key) != after.get(*key))
            .collect::<Vec<_>>()
    );
    message
}

/// Each of these lines fails cleanly with `code`, and its message holds what stands beside it.
fn refuse(folder: &Path, code: i32, cases: &[(&str, &str)]) {
    for (line, expected) in cases {
        let message = fail_cleanly(folder, code, line);
        assert!(message.contains(expected), "{line}: {message}");
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The configuration of the run `name` in `root`.
fn config(root: &Path, name: &str) -> Value {
    json(&root.join("runs").join(name).join("config.json"))
}

/// The image at `path`, in whatever kind of pixels it has.
fn open(path: &Path) -> DynamicImage {
    image::open(path).unwrap()
}

fn temporary() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn picture(path: &Path, width: u32, height: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 5) as u8, (y * 7) as u8, 90])
    })
    .save(path)
    .unwrap();
}

/// A data set of combined pictures.
fn dataset(root: &Path, pairs: usize) {
    (0..pairs).for_each(|i| picture(&root.join(format!("train/{i}.png")), 80, 40));
}

fn copy_folder(from: &Path, to: &Path) {
    for (path, content) in snapshot(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        if path.is_dir() {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, content).unwrap();
        }
    }
}
