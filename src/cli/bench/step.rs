//! `pix2pix bench step`.

use super::ceiling::print_ceilings;
use super::network::{NetworkArgs, PreparedArgs, configure};
use super::output::{ReportArgs, giga, print_head, seconds};
use super::pixels::PixelArgs;
use super::tune::TuneArgs;
use super::{CliError, DeviceArgs, print};
use crate::bench::{
    BenchError, GroupTotals, KernelOptions, Report, ReportEntry, StepOptions, measure_ceiling,
    ratio, time_step,
};
use crate::program::Clock;
use crate::tensor::DType;
use crate::train::{Config, Length, Sizes};
use clap::Args;
use pollster::block_on;

/// Arguments of `bench step`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: pix2pix bench step --size 64 --ngf 16 --steps 20 --json step.json"
)]
pub struct StepArgs {
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    prepared: PreparedArgs,
    #[command(flatten)]
    pixels: PixelArgs,
    /// Timed steps
    #[arg(long, default_value_t = 20, value_name = "N")]
    steps: u64,
    /// Print every operation, each timed in so many runs
    #[arg(long, value_name = "RUNS", num_args = 0..=1, default_missing_value = "10")]
    per_op: Option<u32>,
    /// Two steps, and one run in which every operation is timed
    #[arg(long, conflicts_with = "steps")]
    quick: bool,
    /// Measure the device's ceilings in the same run, and say what part of them the step reaches
    #[arg(long)]
    ceiling: bool,
    #[command(flatten)]
    tune: TuneArgs,
    #[command(flatten)]
    output: ReportArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// In how many runs every operation is timed, unless a number was asked for.
const RUNS: u32 = 3;

/// Times steps and prints them.
pub fn run(args: &StepArgs) -> Result<(), CliError> {
    if args.output.svg.is_some() && !args.ceiling {
        return Err(CliError::Usage(
            "--svg draws the step below the device's ceilings; add --ceiling".to_owned(),
        ));
    }
    let steps = if args.quick { 2 } else { args.steps };
    let runs = args.per_op.unwrap_or(if args.quick { 1 } else { RUNS });
    let options = StepOptions { steps, runs };
    options.check()?;
    let mut settings = args.network.alone();
    args.prepared.add_to(&mut settings);
    settings.length = Some(Length::Steps(steps));
    let mut config = configure(&mut settings, &args.pixels, None, &args.device)?;
    args.output.check()?;
    let gpu = args.device.open()?;
    config.precision = args
        .device
        .precision(&gpu, args.network.precision, DType::F32)?;
    let gpu = args.tune.apply(gpu, &config, &Sizes::one(&config))?;
    let mut report = block_on(time_step(&gpu, &config, &options))?;
    if args.ceiling {
        let clock = block_on(Clock::of(&gpu)).map_err(BenchError::from)?;
        report.ceilings = block_on(measure_ceiling(
            &gpu,
            &clock,
            &KernelOptions::new(args.quick),
            &[config.precision],
        ))?
        .ceilings;
    }
    print_head(&report)?;
    print_network(&report, &config, steps)?;
    if args.per_op.is_some() {
        report.operations().try_for_each(print_operation)?;
    }
    print_groups(&report)?;
    print_host(&report)?;
    print_shares(&report)?;
    args.output.write(&report)?;
    print_step(&report)
}

fn print_network(report: &Report, config: &Config, steps: u64) -> Result<(), CliError> {
    let (launches, flop) = report
        .entry("step")
        .map_or((0, 0.0), |step| (step.launches, step.flop));
    let Config {
        size,
        ngf,
        ndf,
        num_downs,
        batch_size,
        precision,
        ..
    } = config;
    print(&format!(
        "network: {size}x{size}, ngf {ngf}, ndf {ndf}, {num_downs} downs, batch {batch_size}, \
         {precision}; {launches} launches and {:.3} GFLOP a step; {steps} steps timed",
        flop * 1e-9
    ))
}

fn print_operation(entry: &ReportEntry) -> Result<(), CliError> {
    let (flops, bytes) = (
        giga(entry.flop_per_second()),
        giga(entry.bytes_per_second()),
    );
    print(&format!(
        "{:9.1} us  {flops:>6} GFLOP/s  {bytes:>6} GB/s  {:48} {}",
        entry.seconds.median * 1e6,
        entry.name,
        entry.kernel
    ))
}

/// A row for each kind of operation, one for all contractions and one for everything else.
fn print_groups(report: &Report) -> Result<(), CliError> {
    print(&format!(
        "{:26} {:>8} {:>10} {:>7} {:>8} {:>7}",
        "operation", "launches", "ms", "share", "GFLOP/s", "GB/s"
    ))?;
    let all = GroupTotals::of("all operations", report.operations());
    let row = |group: &GroupTotals| {
        let (flops, bytes) = (
            giga(ratio(group.flop, group.seconds)),
            giga(ratio(group.bytes, group.seconds)),
        );
        let (ms, share) = (
            group.seconds * 1e3,
            ratio(group.seconds, all.seconds) * 100.0,
        );
        print(&format!(
            "{:26} {:>8} {ms:>10.3} {share:>5.1} % {flops:>8} {bytes:>7}",
            group.name, group.launches
        ))
    };
    report.groups().iter().try_for_each(row)?;
    row(&all)?;
    row(&GroupTotals::of(
        "contractions",
        report.operations().filter(|entry| entry.flop > 0.0),
    ))?;
    row(&GroupTotals::of(
        "everything else",
        report.operations().filter(|entry| entry.flop == 0.0),
    ))
}

fn print_host(report: &Report) -> Result<(), CliError> {
    let value = |name: &str| report.values.get(name).copied();
    if let Some(host) = value("host_seconds") {
        let note = if report.device.cpu {
            ", which runs part of the kernels on a software rasteriser"
        } else {
            ""
        };
        print(&format!(
            "host: {:.3} ms a step to encode and submit{note}",
            host * 1e3
        ))?;
    }
    if let (Some(step), Some(wait)) = (value("loop_step_seconds"), value("loop_data_wait_seconds"))
    {
        let share = 100.0 * ratio(wait, step);
        print(&format!(
            "training loop: {} s a step, {:.3} ms of it ({share:.2} %) waiting for data",
            seconds(step, step),
            wait * 1e3
        ))?;
    }
    let Some(ReportEntry {
        seconds: time,
        launches,
        ..
    }) = report.entry("translation")
    else {
        return Ok(());
    };
    let [median, min, max] =
        [time.median, time.min, time.max].map(|value| seconds(value, time.median));
    print(&format!(
        "translation: median {median} s (min {min}, max {max}) an image with upload and download, \
         {launches} launches"
    ))
}

/// How near the step's contractions are to the best contraction of the device. Also the part of the
/// time that everything else takes.
fn print_shares(report: &Report) -> Result<(), CliError> {
    let Some(ceiling) = report.ceilings.first() else {
        return Ok(());
    };
    print_ceilings(report)?;
    let all = GroupTotals::of("", report.operations());
    let contractions = GroupTotals::of("", report.operations().filter(|entry| entry.flop > 0.0));
    let rate = ratio(contractions.flop, contractions.seconds);
    print(&format!(
        "contractions, weighted by their share of the step: {} GFLOP/s, {:.1} % of the ceiling",
        giga(rate),
        100.0 * ratio(rate, ceiling.flop_per_second)
    ))?;
    print(&format!(
        "everything that is not a contraction: {:.1} % of the step",
        100.0 * (1.0 - ratio(contractions.seconds, all.seconds))
    ))
}

fn print_step(report: &Report) -> Result<(), CliError> {
    let Some(step) = report.entry("step") else {
        return Ok(());
    };
    let [median, min, max] = [step.seconds.median, step.seconds.min, step.seconds.max]
        .map(|value| seconds(value, step.seconds.median));
    let rate = step.flop_per_second() * 1e-9;
    let memory = report
        .values
        .get("peak_memory_bytes")
        .map_or(0, |&bytes| bytes as u64 >> 20);
    print(&format!(
        "step: median {median} s (min {min}, max {max}), {rate:.1} GFLOP/s, peak device memory \
         {memory} MiB"
    ))
}
