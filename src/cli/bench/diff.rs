//! `pix2pix bench diff`.

use super::{CliError, print};
use crate::bench::{BenchError, Change, Comparison, Difference, Report, ratio};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `bench diff`.
#[derive(Debug, Args)]
#[command(after_help = "Example: pix2pix bench diff before.json after.json\n\n\
        Times differ when the middle halves of their samples do not overlap. Exit code 0: nothing \
        is slower; 3: something is.")]
pub struct DiffArgs {
    /// The earlier measurement
    before: PathBuf,
    /// The later one
    after: PathBuf,
}

/// Prints the ratio of each time to the one before.
pub fn run(args: &DiffArgs) -> Result<(), CliError> {
    let (before, after) = (Report::read(&args.before)?, Report::read(&args.after)?);
    if before.kind != after.kind {
        let paths = (args.before.clone(), args.after.clone());
        return Err(BenchError::Kinds {
            paths,
            before: before.kind,
            after: after.kind,
        }
        .into());
    }
    print_head("before", &before)?;
    print_head("after", &after)?;
    if before.device != after.device {
        print("note: the devices are not the same")?;
    }
    let difference = Difference::of(&before, &after);
    let width = difference
        .changes
        .iter()
        .map(|change| change.name.chars().count())
        .max()
        .unwrap_or(0)
        .max(24);
    print(&format!(
        "{:width$} {:>12} {:>12} {:>7}",
        "", "before, us", "after, us", "ratio"
    ))?;
    difference
        .changes
        .iter()
        .try_for_each(|change| print_change(change, width))?;
    for (name, before, after) in &difference.values {
        print(&format!(
            "{name:width$} {before:>12.4} {after:>12.4} {:>7.3}",
            ratio(*after, *before)
        ))?;
    }
    for (what, names) in [
        ("before", &difference.only_before),
        ("after", &difference.only_after),
    ] {
        names
            .iter()
            .try_for_each(|name| print(&format!("only {what}: {name}")))?;
    }
    match difference.slower() {
        0 => Ok(()),
        slower => Err(CliError::Slower {
            slower,
            of: difference.changes.len(),
        }),
    }
}

fn print_head(name: &str, report: &Report) -> Result<(), CliError> {
    let device = &report.device;
    print(&format!(
        "{name}: {}, {}, {}; pix2pix {}",
        report.date,
        device.name,
        device.driver,
        report.command.join(" ")
    ))
}

fn print_change(change: &Change, width: usize) -> Result<(), CliError> {
    let [before, after] = [change.before.median * 1e6, change.after.median * 1e6];
    let comparison = match change.comparison {
        Comparison::Same => "",
        Comparison::Faster => "  faster",
        Comparison::Slower => "  slower",
        Comparison::Unknown => "  too few samples to tell",
    };
    print(&format!(
        "{:width$} {before:>12.1} {after:>12.1} {:>7.3}{comparison}",
        change.name,
        ratio(after, before)
    ))
}
