//! The studio from outside: the built program, asked over real sockets, on whatever adapter
//! `PIX2PIX_ADAPTER` names.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod client;
mod drawing;
mod inside;
mod many_clients;
mod refusals;
mod runs;
mod trainings;
mod uploads;

use client::{PATIENCE, Studio};
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_pix2pix");
/// Networks of few layers, and so of few kernels that a driver has to compile.
const TINY: &str = "--size 32 --ngf 2 --ndf 2 --depth 2 --d-layers 1";

/// The program with the arguments of a line, in a folder, on the adapter that tests use.
fn command(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(BINARY);
    command
        .current_dir(folder)
        .args(line.split_whitespace())
        .stdin(Stdio::null())
        .env("NODEVICE_SELECT", "1");
    if let Some(adapter) = std::env::var_os("PIX2PIX_ADAPTER") {
        command.arg("--adapter").arg(adapter);
    }
    command
}

/// Runs a line to its end. One that takes too long is ended.
fn output(folder: &Path, line: &str) -> Output {
    let mut child = command(folder, line)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

/// Runs a line to its end.
fn succeed(folder: &Path, line: &str) {
    let output = output(folder, line);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {said}");
}

/// The head of every metrics.csv.
const HEADER: &str =
    "step,epoch,g_gan,g_l1,d_real,d_fake,learning_rate,seconds,val_l1,val_ssim,val_psnr\n";

/// A run of so many rows that nobody trained.
fn made_run(runs: &Path, name: &str, rows: u64) {
    let run = runs.join(name);
    fs::create_dir_all(run.join("samples")).unwrap();
    let config = pix2pix::train::Config::default();
    fs::write(
        run.join("config.json"),
        serde_json::to_string(&config).unwrap(),
    )
    .unwrap();
    let rows: String = (1..=rows).map(row).collect();
    fs::write(run.join("metrics.csv"), format!("{HEADER}{rows}")).unwrap();
}

/// A row of metrics.csv.
fn row(step: u64) -> String {
    format!("{step},1,0.5,0.25,0.5,0.5,0.0002,{step}.0,,,\n")
}
