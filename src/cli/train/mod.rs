//! `pix2pix train`.

mod going_on;
mod resume;

use super::network::{NetworkArgs, PreparedArgs, ScheduleArgs, configure};
use super::options::field_of;
use super::pixels::PixelArgs;
use super::progress::ProgressPrinter;
use super::reading::{ValueArgs, tell_of_dataset};
use super::stop::Stop;
use super::tune::TuneArgs;
use super::weights::recorded_weights;
use super::{CliError, DeviceArgs, memory_table, note, print, recorded};
use crate::data::{Direction, Split};
use crate::gpu::Gpu;
use crate::nn::TestNorm;
use crate::tensor::DType;
use crate::train::checkpoint::NetworkKind;
use crate::train::run::{RunDir, Stage, Standing};
use crate::train::{
    CHANGED_ON_RESUME, Changes, EvalMetric, Field, Group, RunSummary, Score, Settings, StepReport,
    Trainer, check_fits, check_pretrained,
};
use clap::{Args, Command, Id};
pub use going_on::COMMANDS;
use pollster::block_on;
use resume::resume;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time for scores and sample grids that a line tells of.
const WORTH_A_LINE: Duration = Duration::from_secs(10);

/// Options that are no fields of a configuration, and that a resumed run cannot change.
const DECIDED: &[&str] = &["name", "tune", "dropout"];

/// Adds to `train` that `--resume` conflicts with all options that a resumed run cannot change.
pub fn describe(command: Command) -> Command {
    let decided: Vec<Id> = command
        .get_arguments()
        .filter(|arg| {
            let is_fixed = |field: &Field| !CHANGED_ON_RESUME.contains(&field.name);
            DECIDED.contains(&arg.get_id().as_str()) || field_of(arg).is_some_and(is_fixed)
        })
        .map(|arg| arg.get_id().clone())
        .collect();
    // Not `mut_arg`, which would move the option behind all others.
    command.mut_args(|arg| match arg.get_id().as_str() {
        "resume" => arg.conflicts_with_all(&decided),
        _ => arg,
    })
}

/// Arguments of `train`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: pix2pix train facades --direction BtoA --name facades\n         \
        pix2pix train                      (the bundled pairs, a few minutes on a CPU)\n         \
        pix2pix train --resume facades"
)]
pub struct TrainArgs {
    /// Folder with train/ (and val/, test/) of combined A|B images, or of A/ and B/ folders paired
    /// by file name
    /// [default: the bundled pairs]
    #[arg(value_name = "DATASET")]
    dataset: Option<PathBuf>,
    #[arg(long, value_enum)]
    direction: Option<Direction>,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    prepared: PreparedArgs,
    #[command(flatten)]
    pub pixels: PixelArgs,
    #[command(flatten)]
    pub values: ValueArgs,
    #[command(flatten)]
    pub tune: TuneArgs,
    #[command(flatten)]
    schedule: ScheduleArgs,
    #[arg(long, value_name = "N", conflicts_with = "steps")]
    epochs: Option<u64>,
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    lr: Option<f64>,
    /// Name of the run [default: the data set's; demo for the bundled pairs]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Folder of all runs
    #[arg(long, default_value = "runs", value_name = "DIR", help_heading = Group::Run.title())]
    runs: PathBuf,
    /// Go on with a run from its newest checkpoint. This takes only --lr, --patience,
    /// --tensorboard, --adapter and --runs, DATASET if the data set has moved, and --epochs or
    /// --steps for another length in all
    #[arg(long, value_name = "NAME")]
    resume: Option<PathBuf>,
    #[arg(long, value_name = "STEPS")]
    sample_every: Option<u64>,
    #[arg(long, value_name = "STEPS")]
    checkpoint_every: Option<u64>,
    #[arg(long, value_enum, value_name = "METRIC")]
    eval_metric: Option<EvalMetric>,
    #[arg(long, value_name = "SCORES")]
    patience: Option<u64>,
    #[arg(long)]
    tensorboard: bool,
    #[arg(long, value_enum, value_name = "MODE")]
    test_norm: Option<TestNorm>,
    #[arg(long)]
    test_dropout: bool,
    #[command(flatten)]
    pub device: DeviceArgs,
}

impl TrainArgs {
    /// What a run that goes on is told anew.
    fn changes(&self) -> Changes {
        Changes {
            epochs: self.epochs,
            steps: self.steps,
            learning_rate: self.lr,
            patience: self.patience,
            tensorboard: self.tensorboard,
        }
    }
}

/// Trains or resumes, and prints the held-out score.
pub fn run(args: &TrainArgs) -> Result<(), CliError> {
    match &args.resume {
        Some(run) => resume(args, run),
        None => start(args),
    }
}

fn start(args: &TrainArgs) -> Result<(), CliError> {
    let mut settings = settings(args)?;
    let values = Some(&args.values);
    let mut config = configure(&mut settings, &args.pixels, values, &args.device)?;
    // Before the data is read and kernels are tuned.
    for (path, note) in check_pretrained(&config)? {
        super::pth::say(&path, &note);
    }
    let name = match (&args.name, &args.dataset) {
        (Some(name), _) => name.clone(),
        (None, Some(dataset)) => RunDir::unused_name(&args.runs, &base_name(dataset))?,
        (None, None) => RunDir::unused_name(&args.runs, "demo")?,
    };
    let run = RunDir::create(&args.runs, &name)?.with_commands(COMMANDS);
    let stop = Stop::listen(Some(&run));
    let prepared = (|| {
        let gpu = args.device.open()?;
        config.precision = args
            .device
            .precision(&gpu, args.network.precision, DType::F32)?;
        // Before the data is read: at a large size its images alone take gigabytes.
        check_fits(&config, gpu.profile())?;
        let dataset = config.open_dataset()?;
        Ok((gpu, dataset))
    })();
    // If the run never begins, its folder is removed: it would be in the way of the next try.
    let undo = |error: CliError| {
        run.remove_unsaved();
        error
    };
    let (gpu, dataset) = prepared.map_err(undo)?;
    let sizes = Trainer::sizes_of(&config, &dataset).map_err(|error| undo(error.into()))?;
    let gpu = args.tune.apply(gpu, &config, &sizes).map_err(undo)?;
    let pairs = dataset.get(Split::Train).map_or(0, |set| set.len());
    settings.set_intervals(&mut config, pairs);
    let labels = config.input.labels();
    let trainer = block_on(Trainer::start(&gpu, config, &dataset, run.clone()))
        .map_err(|error| undo(error.into()))?;
    labels
        .iter()
        .for_each(|labels| note(&format!("{labels} labels in the input images")));
    tell_of_dataset(&dataset);
    train(&gpu, trainer, &run, &stop)
}

fn train(gpu: &Gpu, mut trainer: Trainer, run: &RunDir, stop: &Stop) -> Result<(), CliError> {
    if !run.is_locked() {
        note(&format!(
            "note: this file system has no locks, so nothing keeps a second process out of {}",
            run.path().display()
        ));
    }
    let plan = trainer.session().program().plan();
    let (training, shown) = trainer.pairs();
    note(&format!(
        "{}: {training} training pairs, {shown} to show; {} launches a step; run folder {}",
        gpu.info().name,
        plan.dispatches(),
        run.path().display()
    ));
    if let [largest, .., smallest] = &trainer.sizes().training[..] {
        let count = trainer.sizes().training.len();
        let [largest, smallest] =
            [largest, smallest].map(|size| format!("{}x{}", size.sides.0, size.sides.1));
        note(&format!(
            "{count} sizes from {smallest} to {largest} pixels, a program each, compiled at its \
             first use"
        ));
    }
    note(&memory_table(&trainer.session().memory().rows()));
    let mut progress = ProgressPrinter::new(
        trainer.step(),
        trainer.schedule().total_steps,
        trainer.session().discriminator.is_some(),
    );
    let mut report = |report: &StepReport| progress.report(report);
    let result = block_on(trainer.train(stop.begin_training(), &mut report));
    stop.end_training();
    progress.finish();
    if result.is_err() {
        run.remove_unsaved();
    }
    finish(&result?, run)
}

/// Tells of the time that scores and sample grids took, where it is long.
fn showing_line(showing: Duration) -> Option<String> {
    let seconds = showing.as_secs_f64();
    (showing >= WORTH_A_LINE).then(|| format!("scores and sample grids took {seconds:.1} s"))
}

fn finish(outcome: &RunSummary, run: &RunDir) -> Result<(), CliError> {
    let share = 100.0 * outcome.data_wait.as_secs_f64() / outcome.training.as_secs_f64().max(1e-9);
    if let Some(line) = showing_line(outcome.showing) {
        note(&line);
    }
    note(&format!(
        "waited {share:.1} % of {:.1} s for data",
        outcome.training.as_secs_f64()
    ));
    for (network, scaling) in ["generator", "discriminator"].iter().zip(&outcome.scaling) {
        note(&format!(
            "loss scale of the {network}: {}; {} steps skipped",
            scaling.scale, scaling.skipped_steps
        ));
    }
    let standing = &outcome.standing;
    if matches!(standing.stage, Stage::Stopped | Stage::OutOfPatience { .. }) {
        note(&going_on::line(run.path(), standing));
    }
    tell_of_best(standing, run);
    print(&format!("all of the run: {}", run.page_path().display()))?;
    let Some((step, picture)) = &outcome.picture else {
        return Ok(());
    };
    let mut words = match &outcome.score {
        Some(score) => held_out_words(score, standing.metric),
        None => "no held-out pairs; training samples".to_owned(),
    };
    if *step != outcome.step {
        words += &format!(", at step {step}");
    }
    print(&format!("{words}: {}", picture.display()))
}

/// The scores of held-out pairs. The one that counts is among them.
fn held_out_words(score: &Score, counts: EvalMetric) -> String {
    let shown = [EvalMetric::L1, EvalMetric::Ssim, EvalMetric::Psnr];
    let mut words: Vec<String> = shown
        .into_iter()
        .filter(|metric| *metric != EvalMetric::Psnr || *metric == counts)
        .filter_map(|metric| {
            let value = metric.of(score)?;
            Some(format!("{} {}", metric.title(), metric.words(value)))
        })
        .collect();
    let copied = score.copy_l1.map(|l1| EvalMetric::L1.words(l1));
    words.extend(copied.map(|l1| format!("copying the input L1 {l1}")));
    format!("held-out {}", words.join(", "))
}

/// Tells which checkpoint is the best, if it is not the last one.
fn tell_of_best(standing: &Standing, run: &RunDir) {
    if let Some(best) = standing.best.filter(|best| best.step != standing.step) {
        note(&format!(
            "the best held-out {} was {}, at step {}: {}",
            standing.metric.title(),
            standing.metric.words(best.value),
            best.step,
            run.best_path().display()
        ));
    }
}

/// The settings that the arguments ask for. What has to be looked up in images is not among them.
///
/// # Errors
/// A path that is no text, and files to start from that are not there.
pub fn settings(args: &TrainArgs) -> Result<Settings, CliError> {
    let mut settings = args.network.settings();
    args.prepared.add_to(&mut settings);
    args.schedule.add_to(&mut settings);
    let file = |path: &Option<PathBuf>, kind| {
        let recorded = |path: &PathBuf| recorded_weights(path, kind);
        path.as_ref().map(recorded).transpose()
    };
    let schedule = &args.schedule;
    settings.pretrained = file(&schedule.pretrained, NetworkKind::Generator)?;
    settings.pretrained_discriminator = file(
        &schedule.pretrained_discriminator,
        NetworkKind::Discriminator,
    )?;
    settings.length = args.changes().length();
    // The full path: a run may be resumed from any folder.
    settings.dataset = args.dataset.as_deref().map(recorded).transpose()?;
    settings.adapter = args.device.adapter.clone();
    settings.direction = args.direction;
    settings.learning_rate = args.lr;
    settings.test_norm = args.test_norm;
    settings.test_dropout = args.test_dropout.then_some(true);
    settings.sample_every = args.sample_every;
    settings.checkpoint_every = args.checkpoint_every;
    settings.eval_metric = args.eval_metric;
    settings.patience = args.patience;
    settings.tensorboard = args.tensorboard.then_some(true);
    Ok(settings)
}

/// The last part of a path, in full.
pub fn base_name(path: &Path) -> String {
    let name = path.canonicalize().ok().and_then(|full| {
        full.file_name()
            .map(|name| name.to_string_lossy().into_owned())
    });
    name.unwrap_or_else(|| "run".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_score_that_counts_is_among_those_that_are_told() {
        let score = Score {
            l1: 0.125,
            copy_l1: Some(0.25),
            ssim: Some(0.5),
            psnr: 20.125,
            pairs: 4,
        };
        let always = "held-out L1 0.1250, SSIM 0.5000";
        for (counts, psnr) in [
            (EvalMetric::L1, ""),
            (EvalMetric::Ssim, ""),
            (EvalMetric::Psnr, ", PSNR 20.12 dB"),
        ] {
            let expected = format!("{always}{psnr}, copying the input L1 0.2500");
            assert_eq!(held_out_words(&score, counts), expected);
        }
        let small = Score {
            ssim: None,
            copy_l1: None,
            ..score
        };
        assert_eq!(held_out_words(&small, EvalMetric::L1), "held-out L1 0.1250");
    }

    #[test]
    fn a_long_time_for_scores_and_grids_is_told() {
        let line = |millis| showing_line(Duration::from_millis(millis));
        assert_eq!(line(9_999), None);
        let told = "scores and sample grids took 12.3 s";
        assert_eq!(line(12_340).as_deref(), Some(told));
    }

    /// An option that a resumed run would ignore conflicts with `--resume`. All others work with
    /// it.
    #[test]
    fn a_resumed_run_takes_only_what_it_has_not_decided() {
        let mut program = crate::cli::command();
        program.build();
        let train = program.find_subcommand("train").unwrap();
        let resume = train
            .get_arguments()
            .find(|arg| arg.get_id() == "resume")
            .unwrap();
        let ids = |args: Vec<&clap::Arg>| -> BTreeSet<String> {
            args.iter().map(|arg| arg.get_id().to_string()).collect()
        };
        let fixed = ids(train.get_arg_conflicts_with(resume));
        let all = ids(train.get_arguments().collect());
        let free: Vec<&str> = all.difference(&fixed).map(String::as_str).collect();
        let expected = [
            "adapter",
            "dataset",
            "epochs",
            "help",
            "lr",
            "no_f16",
            "no_fusion",
            "no_int64",
            "no_matrix",
            "no_subgroups",
            "no_timestamps",
            "patience",
            "resume",
            "runs",
            "steps",
            "tensorboard",
        ];
        assert_eq!(free, expected);
    }
}
