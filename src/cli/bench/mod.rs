//! `pix2pix bench`: one file a subcommand.

mod ceiling;
mod diff;
mod kernels;
mod output;
mod step;

use super::{CliError, DeviceArgs, network, pixels, print, tune};
use clap::{Args, Subcommand};

/// Arguments of `bench`.
#[derive(Debug, Args)]
#[command(after_help = "Example: pix2pix bench step --size 64 --ngf 16 --steps 20")]
pub struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Find the best contraction and the best copy of this device
    Ceiling(ceiling::CeilingArgs),
    /// Time every candidate of every kernel on the shapes of the real networks
    Kernels(kernels::KernelsArgs),
    /// Time whole training steps, their operations and a translation.
    Step(step::StepArgs),
    /// Compare two files that the other benchmarks wrote with --json.
    Diff(diff::DiffArgs),
}

/// Runs a benchmark.
pub fn run(args: &BenchArgs) -> Result<(), CliError> {
    match &args.command {
        BenchCommand::Ceiling(args) => ceiling::run(args),
        BenchCommand::Kernels(args) => kernels::run(args),
        BenchCommand::Step(args) => step::run(args),
        BenchCommand::Diff(args) => diff::run(args),
    }
}
