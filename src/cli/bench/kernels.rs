//! `pix2pix bench kernels`.

use super::ceiling::print_ceilings;
use super::network::{NetworkArgs, configure};
use super::output::{ReportArgs, giga, print_head};
use super::pixels::PixelArgs;
use super::{CliError, DeviceArgs, print};
use crate::bench::{
    BenchError, Contest, KernelOptions, Report, ReportEntry, StepKernels, Workload,
    measure_ceiling, ratio, time_kernels,
};
use crate::cli::note;
use crate::contraction::ContractionKey;
use crate::program::{Clock, Quantiles};
use crate::tensor::DType;
use clap::Args;
use pollster::block_on;

/// Options that say which contractions a step has. They do nothing beside a contraction that is
/// given by its shape.
const OF_A_STEP: &[&str] = &[
    "preset",
    "family",
    "size",
    "fit",
    "ngf",
    "ndf",
    "norm",
    "dropout",
    "no_dropout",
    "d_layers",
    "patch",
    "discriminators",
    "batch_size",
    "recompute",
    "generator",
    "depth",
    "dropout_at",
    "upsample",
    "ObjectiveArgs",
    "OptimizerArgs",
    "PixelArgs",
];

/// Arguments of `bench kernels`.
#[derive(Debug, Args)]
#[command(after_help = "Example: \
        pix2pix bench kernels conv2d --size 128 --ngf 32 --svg roofline.svg\n         \
        pix2pix bench kernels --shape \"conv2d k4s2p1 1x64x64x64 32x32x128 bias\"")]
pub struct KernelsArgs {
    /// One family of kernels, a folder under shaders/ [default: all]
    family: Option<String>,
    /// One contraction, written as the tables write it, instead of those of a training step
    #[arg(long, value_name = "SHAPE", conflicts_with_all = OF_A_STEP)]
    shape: Option<String>,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    pixels: PixelArgs,
    /// Rough numbers in seconds
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    output: ReportArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Measures kernels and prints a table.
pub fn run(args: &KernelsArgs) -> Result<(), CliError> {
    let mut config = configure(&mut args.network.alone(), &args.pixels, None, &args.device)?;
    let mut key = args
        .shape
        .as_deref()
        .map(str::parse::<ContractionKey>)
        .transpose()
        .map_err(|error| CliError::Usage(error.to_string()))?;
    args.output.check()?;
    let gpu = args.device.open()?;
    let asked = if key.is_some_and(|key| key.dtype == DType::F16) {
        Some(DType::F16)
    } else {
        args.network.precision
    };
    config.precision = args.device.precision(&gpu, asked, DType::F32)?;
    if let Some(key) = &mut key {
        key.dtype = config.precision;
    }
    if let Some(family) = &args.family {
        let families = StepKernels::of(gpu.profile(), &config)?.families;
        if !families.contains(family) {
            let families = families.into_iter().collect::<Vec<_>>();
            return Err(CliError::Usage(format!(
                "a training step has no kernels of family \"{family}\"; it has: {}",
                families.join(", ")
            )));
        }
    }
    let workload = match key {
        Some(key) => Workload::Key(key),
        None => Workload::Step(&config, args.family.as_deref()),
    };
    let clock = block_on(Clock::of(&gpu)).map_err(BenchError::from)?;
    let options = KernelOptions::new(args.quick);
    note("measuring the ceilings");
    let ceilings = block_on(measure_ceiling(&gpu, &clock, &options, &[config.precision]))?.ceilings;
    let mut report = block_on(time_kernels(
        &gpu,
        &clock,
        &options,
        &workload,
        &mut |what| note(&format!("measuring {what}")),
    ))?;
    report.ceilings = ceilings;
    print_head(&report)?;
    report
        .contests
        .iter()
        .try_for_each(|contest| print_contest(&report, contest))?;
    let mut others = report.entries.iter().filter(|entry| entry.flop == 0.0);
    others.try_for_each(|entry| print_entry(&report, entry, &entry.name, ""))?;
    args.output.write(&report)?;
    print_ceilings(&report)?;
    print_loss(&report)
}

/// The candidates of a contraction, the fastest first.
fn print_contest(report: &Report, contest: &Contest) -> Result<(), CliError> {
    let times = if contest.uses == 1 {
        String::new()
    } else {
        format!(", {} times a step", contest.uses)
    };
    print(&format!("{}{times}", contest.key))?;
    let mut entries: Vec<&ReportEntry> = report
        .entries
        .iter()
        .filter(|entry| entry.name == contest.entry_name(&entry.kernel))
        .collect();
    entries.sort_by(|a, b| a.seconds.median.total_cmp(&b.seconds.median));
    for entry in entries {
        let mark = match (
            entry.kernel == contest.best,
            entry.kernel == contest.default,
        ) {
            (true, true) => "best, default",
            (true, false) => "best",
            (false, true) => "default",
            (false, false) => "",
        };
        print_entry(report, entry, &entry.kernel, mark)?;
    }
    contest
        .disagreeing
        .iter()
        .try_for_each(|what| print(&format!("  WRONG, not timed: {what}")))
}

fn print_entry(
    report: &Report,
    entry: &ReportEntry,
    name: &str,
    mark: &str,
) -> Result<(), CliError> {
    let Quantiles {
        lower,
        median,
        upper,
        samples,
        ..
    } = entry.seconds;
    let half_range = if samples > 1 {
        format!("+-{:>3.0} %", 50.0 * ratio(upper - lower, median))
    } else {
        "once".to_owned()
    };
    let (flops, bytes) = (
        giga(entry.flop_per_second()),
        giga(entry.bytes_per_second()),
    );
    let share = report
        .share_of_ceiling(entry)
        .map_or(String::new(), |share| format!("{:.0} %", 100.0 * share));
    print(&format!(
        "  {:>10.1} us {half_range:7}  {flops:>8} GFLOP/s  {bytes:>7} GB/s  {share:>5}  {name:40} \
         {mark}",
        median * 1e6
    ))
}

/// How much slower the default table is than the best candidates. A contraction counts as often as
/// it occurs in a step.
fn print_loss(report: &Report) -> Result<(), CliError> {
    let value = |name: &str| report.values.get(name).copied().unwrap_or(0.0);
    let (default, best) = (value("default_seconds"), value("best_seconds"));
    if best == 0.0 {
        return Ok(());
    }
    print(&format!(
        "default table: {:.3} ms for the contractions of a step, {:.1} % more than the best \
         candidates' {:.3} ms",
        default * 1e3,
        100.0 * (default / best - 1.0),
        best * 1e3
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Command;

    /// Beside a shape, no option about networks is accepted without effect.
    #[test]
    fn a_shape_alone_is_measured() {
        let command = KernelsArgs::augment_args(Command::new("kernels"));
        let shape = ["kernels", "--shape", "conv2d k4s2p1 1x64x64x64 32x32x128"];
        let network = NetworkArgs::augment_args(Command::new("network"));
        let made_of = [
            &network,
            &crate::cli::pixels::PixelArgs::augment_args(Command::new("pixels")),
        ];
        for option in made_of
            .into_iter()
            .flat_map(Command::get_arguments)
            .filter(|option| option.get_id() != "precision")
        {
            let flag = format!("--{}", option.get_long().unwrap_or_default());
            let value = option
                .get_possible_values()
                .first()
                .map_or("1".to_owned(), |value| value.get_name().to_owned());
            let value = option.get_action().takes_values().then_some(value);
            let error = command.clone().try_get_matches_from(
                shape
                    .map(str::to_owned)
                    .into_iter()
                    .chain([flag.clone()])
                    .chain(value),
            );
            let kind = error.err().map(|error| error.kind());
            assert_eq!(
                kind,
                Some(clap::error::ErrorKind::ArgumentConflict),
                "{flag}"
            );
        }
        assert!(
            command
                .try_get_matches_from(shape.into_iter().chain(["--precision", "f16", "--quick"]))
                .is_ok()
        );
    }
}
