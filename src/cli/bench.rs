//! `pix2pix bench`.

use super::network::NetworkArgs;
use super::{CliError, DeviceArgs, print};
use crate::bench::time_step;
use crate::train::Length;
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
    /// Time whole training steps.
    Step(StepArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Example: pix2pix bench step --size 64 --ngf 16 --steps 20")]
struct StepArgs {
    #[command(flatten)]
    network: NetworkArgs,
    /// Timed steps
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    steps: u64,
    /// Also time every operation alone, launched so many times in a row
    #[arg(long, value_name = "REPEATS", num_args = 0..=1, default_missing_value = "10", default_value_t = 0, hide_default_value = true, value_parser = clap::value_parser!(u32).range(..=1000))]
    per_op: u32,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Runs a benchmark.
pub fn run(args: &BenchArgs) -> Result<(), CliError> {
    let What::Step(args) = &args.what;
    let config = args.network.config(false, Length::Steps(args.steps), args.device.seed)?;
    let gpu = args.device.open()?;
    let timing = time_step(&gpu, &config, args.steps, args.per_op as usize)?;
    let info = gpu.info();
    print(&format!("device: {}, {} {}, {}", info.name, info.driver, info.driver_info, info.backend))?;
    print(&format!(
        "network: {0}x{0}, ngf {1}, ndf {2}, {3} downs, batch {4}; {5} launches and {6:.3} GFLOP a step; {7} steps timed",
        config.size,
        config.ngf,
        config.ndf,
        config.num_downs,
        config.batch_size,
        timing.launches,
        timing.flop * 1e-9,
        args.steps
    ))?;
    for (row, seconds) in &timing.operations {
        let rate = row.macs as f64 * 2e-9 / seconds;
        let kernels = row.kernels.join(" + ");
        print(&format!("{:9.1} us  {rate:6.1} GFLOP/s  {:44} {}  {kernels}", seconds * 1e6, row.op, row.shape))?;
    }
    let [median, min, max] = timing.spread();
    let rate = timing.flop / median * 1e-9;
    let memory = timing.peak_bytes >> 20;
    // Milliseconds suffice for a CPU; a fast GPU needs more digits.
    let digits = if median < 0.02 { 6 } else { 3 };
    print(&format!(
        "step: median {median:.digits$} s (min {min:.digits$}, max {max:.digits$}), {rate:.1} GFLOP/s, peak device memory {memory} MiB"
    ))
}
