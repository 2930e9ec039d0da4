//! `pix2pix bench`: one file a subcommand.

mod diff;
mod output;
mod step;

use super::{CliError, DeviceArgs, network, print, tune};
use clap::{Args, Subcommand};

/// Arguments of `bench`.
#[derive(Debug, Args)]
#[command(after_help = "Example: pix2pix bench step --size 64 --ngf 16 --steps 20")]
pub struct BenchArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Time whole training steps, their operations and a translation.
    Step(step::StepArgs),
    /// Compare two files that the other benchmarks wrote with --json.
    Diff(diff::DiffArgs),
}

/// Runs a benchmark.
pub fn run(args: &BenchArgs) -> Result<(), CliError> {
    match &args.what {
        What::Step(args) => step::run(args),
        What::Diff(args) => diff::run(args),
    }
}
