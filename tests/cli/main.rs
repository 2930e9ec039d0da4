//! The command line from outside: the built program in folders of its own, on whatever adapter
//! `PIX2PIX_ADAPTER` names.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bad_input;
mod bench;
mod convert;
mod good_use;
mod help;
mod objectives;
mod options;
mod pixels;
mod precision;
mod prepare;
mod preprocess;
mod recipe;
mod tuning;
mod use_of_models;

use image::{Rgb, RgbImage};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_pix2pix");
/// The smallest networks that exist.
const TINY: [&str; 4] = ["--size", "32", "--ngf", "2"];

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("RUST_BACKTRACE")
        .env("PIX2PIX_CACHE", "")
        .stdin(Stdio::null());
    let computes = ["train", "translate", "inspect", "bench"].contains(&arguments[0])
        && !arguments.contains(&"diff");
    let chooses = arguments
        .iter()
        .any(|argument| ["--adapter", "--help"].contains(argument));
    if let (Ok(adapter), true, false) = (std::env::var("PIX2PIX_ADAPTER"), computes, chooses) {
        command.args(["--adapter", &adapter]);
    }
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn succeed(folder: &Path, arguments: &[&str]) -> Output {
    let output = run(folder, arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}: {}",
        output.status,
        stderr(&output)
    );
    output
}

/// Runs what must fail with `code` and returns its one line on stderr.
fn fail(folder: &Path, code: i32, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    assert_eq!(stdout(&output), "", "{arguments:?}: results of a failure");
    assert!(
        text.starts_with("error: ") && text.ends_with('\n'),
        "{arguments:?}: {text:?}"
    );
    assert_eq!(
        text.lines().count(),
        1,
        "{arguments:?}: one line, not {text:?}"
    );
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
fn fail_cleanly(folder: &Path, code: i32, arguments: &[&str]) -> String {
    let before = snapshot(folder);
    let message = fail(folder, code, arguments);
    let mut after = snapshot(folder);
    if !before.contains_key(&folder.join("runs")) {
        after.remove(&folder.join("runs"));
    }
    assert!(
        before == after,
        "{arguments:?} changed {:?}",
        after
            .keys()
            .filter(|key| before.get(*key) != after.get(*key))
            .collect::<Vec<_>>()
    );
    message
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

/// A finished run of four steps, made once: `runs/t` in this folder. Tests copy what they change.
fn finished() -> &'static Path {
    static FINISHED: OnceLock<TempDir> = OnceLock::new();
    let made = FINISHED.get_or_init(|| {
        let folder = temporary();
        succeed(
            folder.path(),
            &[&["train", "--steps", "4", "--name", "t"], &TINY[..]].concat(),
        );
        folder
    });
    made.path()
}

/// The finished run's generator.
fn generator() -> String {
    finished()
        .join("runs/t/generator.safetensors")
        .to_str()
        .unwrap()
        .to_owned()
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
