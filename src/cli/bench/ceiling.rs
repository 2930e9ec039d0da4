//! `pix2pix bench ceiling`.

use super::output::{ReportArgs, giga, print_head};
use super::{CliError, DeviceArgs, print};
use crate::bench::{BenchError, KernelOptions, Report, ReportEntry, measure_ceiling};
use crate::program::Clock;
use crate::tensor::DType;
use clap::Args;
use pollster::block_on;

/// Arguments of `bench ceiling`.
#[derive(Debug, Args)]
#[command(after_help = "Example: pix2pix bench ceiling --json ceiling.json --svg ceiling.svg")]
pub struct CeilingArgs {
    /// A rough answer in seconds
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    output: ReportArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Measures the ceilings and prints what was tried.
pub fn run(args: &CeilingArgs) -> Result<(), CliError> {
    args.output.check()?;
    let gpu = args.device.open()?;
    let clock = block_on(Clock::of(&gpu)).map_err(BenchError::from)?;
    let dtypes = if gpu.profile().f16 {
        &[DType::F32, DType::F16][..]
    } else {
        &[DType::F32]
    };
    let report = block_on(measure_ceiling(
        &gpu,
        &clock,
        &KernelOptions::new(args.quick),
        dtypes,
    ))?;
    print_head(&report)?;
    report.entries.iter().try_for_each(print_entry)?;
    args.output.write(&report)?;
    print_ceilings(&report)
}

fn print_entry(entry: &ReportEntry) -> Result<(), CliError> {
    let (ms, flops, bytes) = (
        entry.seconds.median * 1e3,
        giga(entry.flop_per_second()),
        giga(entry.bytes_per_second()),
    );
    print(&format!(
        "{ms:>10.3} ms  {flops:>8} GFLOP/s  {bytes:>7} GB/s  {}",
        entry.name
    ))
}

/// One line for each number type.
pub fn print_ceilings(report: &Report) -> Result<(), CliError> {
    for ceiling in &report.ceilings {
        let (flops, bytes) = (
            giga(ceiling.flop_per_second),
            giga(ceiling.bytes_per_second),
        );
        print(&format!(
            "ceiling {}: {flops} GFLOP/s ({}), {bytes} GB/s ({})",
            ceiling.dtype, ceiling.contraction, ceiling.copy
        ))?;
    }
    Ok(())
}
