//! `pix2pix studio`.

use super::stop::Stop;
use super::train::COMMANDS;
use super::{CliError, DeviceArgs, note, note_as_it_is, print};
use crate::studio::{Studio, StudioOptions};
use clap::Args;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Arguments of `studio`.
#[derive(Debug, Args)]
#[command(after_help = "Example: pix2pix studio --open\n         \
        pix2pix studio --runs runs --data datasets/facades")]
pub struct StudioArgs {
    /// Folder of all runs
    #[arg(long, default_value = "runs", value_name = "DIR")]
    runs: PathBuf,
    /// Folder of pairs that a training may be started on. Give it several times for several. The
    /// bundled pairs and the data sets of runs are there in any case
    #[arg(long, value_name = "DIR")]
    data: Vec<PathBuf>,
    /// Port; 0 for any that is free
    #[arg(long, default_value_t = 8686, value_name = "N")]
    port: u16,
    /// Open the page in the browser
    #[arg(long)]
    open: bool,
    /// Let other machines in, at this address of this machine, or 0.0.0.0 for all of its addresses.
    /// Who knows the token that is printed can then use the studio; what is sent is not encrypted
    /// [default: this machine alone]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Serves until Ctrl-C.
pub fn run(args: &StudioArgs) -> Result<(), CliError> {
    let studio = Studio::bind(StudioOptions {
        runs: args.runs.clone(),
        data: args.data.clone(),
        port: args.port,
        listen: args.listen.clone(),
        device: args.device.options(None),
        commands: COMMANDS,
    })?;
    let ender = studio.ender();
    Stop::listen(None).begin_serving(move || ender.end());
    let url = studio.url();
    print(&format!("studio: {url}"))?;
    note(&format!(
        "runs in {}; Ctrl-C ends it, and saves a training that it started",
        args.runs.display()
    ));
    if args.open {
        open(&url);
    }
    let told = studio.serve()?;
    told.iter().for_each(|line| note_as_it_is(line));
    note("the studio has ended");
    Ok(())
}

/// Opens the page in the browser, as the system does it.
fn open(url: &str) {
    let (program, before): (&str, &[&str]) = match std::env::consts::OS {
        "windows" => ("cmd", &["/C", "start", ""]),
        "macos" => ("open", &[]),
        _ => ("xdg-open", &[]),
    };
    let started = Command::new(program)
        .args(before)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if started.is_err() {
        note("note: no browser could be opened here; open the address by hand");
    }
}
