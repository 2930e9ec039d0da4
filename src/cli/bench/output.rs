//! What the benchmarks' tables and files have in common.

use crate::bench::{BenchError, Report, draw_roofline};
use crate::cli::{CliError, print};
use crate::train::run::{check_writable, folder_of};
use clap::Args;
use std::path::PathBuf;

/// Where results go besides the terminal.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// Write everything that was measured to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the roofline to this file: the device's ceilings, and what was measured below them
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

impl ReportArgs {
    /// Fails if the files cannot be written. It is called before minutes are spent on measuring.
    pub fn check(&self) -> Result<(), CliError> {
        self.json
            .iter()
            .chain(&self.svg)
            .try_for_each(|path| Ok(check_writable(folder_of(path))?))
    }

    /// Writes the files that were asked for.
    pub fn write(&self, report: &Report) -> Result<(), CliError> {
        if let Some(path) = &self.json {
            report.write(path)?;
        }
        if let Some(path) = &self.svg {
            draw_roofline(report, path)?;
        }
        Ok(())
    }
}

impl From<BenchError> for CliError {
    fn from(error: BenchError) -> Self {
        match error {
            // With the options that make things smaller.
            BenchError::Train(error) => Self::Train(error),
            error => Self::Bench(error),
        }
    }
}

/// Prints device and clock, the head of every table.
pub fn print_head(report: &Report) -> Result<(), CliError> {
    let device = &report.device;
    print(&format!(
        "device: {}, {}, {}",
        device.name, device.driver, device.backend
    ))?;
    match report.clock.as_str() {
        "timestamps" => print("clock: the device's timestamps, which passed a trial"),
        reason => print(&format!(
            "clock: the host's, around kernels launched several times in a row: {reason}"
        )),
    }
}

/// Seconds as text. Milliseconds are enough for a CPU, but a fast GPU needs more digits.
pub fn seconds(value: f64, median: f64) -> String {
    let digits = if median < 0.02 { 6 } else { 3 };
    format!("{value:.digits$}")
}

/// Counts a second in billions, or a dash for none.
pub fn giga(per_second: f64) -> String {
    if per_second > 0.0 {
        format!("{:.1}", per_second * 1e-9)
    } else {
        "-".to_owned()
    }
}
