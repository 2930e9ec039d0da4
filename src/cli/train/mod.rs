//! `pix2pix train`.

mod resume;

use super::network::{NetworkArgs, PreparedArgs, ScheduleArgs};
use super::pixels::PixelArgs;
use super::progress::ProgressPrinter;
use super::stop::Stop;
use super::tune::TuneArgs;
use super::{CliError, DeviceArgs, memory_table, network_file, note, print, recorded};
use crate::data::{DataError, Dataset, Direction, Split};
use crate::gpu::Gpu;
use crate::nn::TestNorm;
use crate::tensor::DType;
use crate::train::checkpoint::NetworkKind;
use crate::train::run::{Commands, RunDir, quote};
use crate::train::{
    Config, Group, Length, LookUpError, Outcome, Preset, Score, Settings, Trainer, check_pretrained,
};
use clap::Args;
use resume::resume;
use std::path::{Path, PathBuf};

/// What the page of a run says to type.
const COMMANDS: Commands = Commands {
    resume: |run| format!("pix2pix train --resume {}", quote(run)),
    translate: |model, images| {
        let folders: String = (2..=images).map(|number| format!(" A{number}")).collect();
        let inputs = if images > 1 {
            format!("A{folders}")
        } else {
            "photo.png".to_owned()
        };
        format!(
            "pix2pix translate {inputs} --model {} --out translated",
            quote(model)
        )
    },
};

/// What a run has decided when it is resumed.
const FIXED_BY_A_RUN: &[&str] = &[
    "tune",
    "direction",
    "input",
    "output",
    "stack",
    "output_stack",
    "palette",
    "size",
    "fit",
    "load_size",
    "preprocess",
    "no_flip",
    "ngf",
    "ndf",
    "batch_size",
    "recompute",
    "precision",
    "epochs",
    "steps",
    "generator",
    "depth",
    "dropout_at",
    "upsample",
    "norm",
    "no_dropout",
    "test_norm",
    "test_dropout",
    "d_layers",
    "patch",
    "objective",
    "lambda_l1",
    "lambda_gan",
    "lambda_gp",
    "distance",
    "gan_mode",
    "order",
    "schedule",
    "lr_step",
    "init",
    "init_gain",
    "optimizer",
    "momentum",
    "beta1",
    "beta2",
    "accumulate",
    "pool",
    "ema",
    "pretrained",
    "pretrained_discriminator",
    "name",
    "sample_every",
    "checkpoint_every",
    "seed",
];

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
    pixels: PixelArgs,
    #[command(flatten)]
    tune: TuneArgs,
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
    /// Go on with a run from its newest checkpoint; needs no other option and takes only --lr,
    /// --adapter and --runs, and DATASET where the data set has moved
    #[arg(long, value_name = "NAME", conflicts_with_all = FIXED_BY_A_RUN)]
    resume: Option<PathBuf>,
    #[arg(long, value_name = "STEPS")]
    sample_every: Option<u64>,
    #[arg(long, value_name = "STEPS")]
    checkpoint_every: Option<u64>,
    #[arg(long, value_enum, value_name = "MODE")]
    test_norm: Option<TestNorm>,
    #[arg(long)]
    test_dropout: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Trains or resumes, and prints the held-out score.
pub fn run(args: &TrainArgs) -> Result<(), CliError> {
    match &args.resume {
        Some(run) => resume(args, run),
        None => start(args),
    }
}

fn start(args: &TrainArgs) -> Result<(), CliError> {
    let (settings, mut config) = configure(args)?;
    // Before the data is read and kernels are tuned.
    check_pretrained(&config)?;
    let name = match (&args.name, &args.dataset) {
        (Some(name), _) => name.clone(),
        (None, Some(dataset)) => RunDir::unused_name(&args.runs, &base_name(dataset))?,
        (None, None) => RunDir::unused_name(&args.runs, "demo")?,
    };
    let run = RunDir::create(&args.runs, &name)?.with_commands(COMMANDS);
    let stop = Stop::listen(Some(&run));
    let prepared = (|| {
        let gpu = args.device.open()?;
        let precision = args
            .device
            .precision(&gpu, args.network.precision, DType::F32)?;
        let dataset = open_dataset(&config)?;
        Ok((gpu, precision, dataset))
    })();
    // A run that never began leaves no folder that would be in the way of the next try.
    let undo = |error: CliError| {
        run.remove_unsaved();
        error
    };
    let (gpu, precision, dataset) = prepared.map_err(undo)?;
    config.precision = precision;
    let sizes = Trainer::sizes_of(&config, &dataset).map_err(|error| undo(error.into()))?;
    let gpu = args.tune.apply(gpu, &config, &sizes).map_err(undo)?;
    let pairs = dataset.get(Split::Train).map_or(0, |set| set.len());
    settings.set_intervals(&mut config, pairs);
    let labels = config.input.labels();
    let trainer =
        Trainer::start(&gpu, config, &dataset, run.clone()).map_err(|error| undo(error.into()))?;
    labels
        .iter()
        .for_each(|labels| note(&format!("{labels} labels in the input images")));
    train(&gpu, trainer, &run, &stop)
}

fn train(gpu: &Gpu, mut trainer: Trainer, run: &RunDir, stop: &Stop) -> Result<(), CliError> {
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
            "{count} sizes from {smallest} to {largest} pixels, a program each, compiled at its first use"
        ));
    }
    note(&memory_table(trainer.session().memory()));
    let mut progress = ProgressPrinter::new(
        trainer.step(),
        trainer.schedule().total_steps,
        trainer.session().discriminator.is_some(),
    );
    let result = trainer.train(stop.begin(), &mut |report| progress.report(report));
    progress.finish();
    if result.is_err() {
        run.remove_unsaved();
    }
    finish(&result?, run)
}

fn finish(outcome: &Outcome, run: &RunDir) -> Result<(), CliError> {
    let share = 100.0 * outcome.data_wait.as_secs_f64() / outcome.training.as_secs_f64().max(1e-9);
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
    if outcome.interrupted {
        note(&format!(
            "stopped and saved at step {}; go on with: pix2pix train --resume {}",
            outcome.step,
            run.path().display()
        ));
    }
    print(&format!("all of the run: {}", run.page_path().display()))?;
    let picture = outcome.picture.display();
    match outcome.score {
        Some(Score {
            l1,
            copy_l1: Some(copy_l1),
            ..
        }) => print(&format!(
            "held-out L1 {l1:.4}, copying the input {copy_l1:.4}: {picture}"
        )),
        Some(Score { l1, .. }) => print(&format!("held-out L1 {l1:.4}: {picture}")),
        None => print(&format!("no held-out pairs; training samples: {picture}")),
    }
}

/// What the arguments ask for, but for what has to be looked up in files.
fn settings(args: &TrainArgs) -> Result<Settings, CliError> {
    let mut settings = args.network.settings();
    args.prepared.add_to(&mut settings);
    args.schedule.add_to(&mut settings);
    let file = |path: &Option<PathBuf>, kind| {
        let recorded = |path: &PathBuf| recorded(&network_file(path, kind)?);
        path.as_ref().map(recorded).transpose()
    };
    let schedule = &args.schedule;
    settings.pretrained = file(&schedule.pretrained, NetworkKind::Generator)?;
    settings.pretrained_discriminator = file(
        &schedule.pretrained_discriminator,
        NetworkKind::Discriminator,
    )?;
    if args.dataset.is_none() {
        settings.preset = Preset::Bundled;
    }
    settings.length = match (args.steps, args.epochs) {
        (Some(steps), _) => Some(Length::Steps(steps)),
        (_, epochs) => epochs.map(Length::Epochs),
    };
    // From any folder: a run is resumed where its data set was.
    settings.dataset = args.dataset.as_deref().map(recorded).transpose()?;
    settings.adapter = args.device.adapter.clone();
    settings.direction = args.direction;
    settings.learning_rate = args.lr;
    settings.test_norm = args.test_norm;
    settings.test_dropout = args.test_dropout.then_some(true);
    settings.seed = Some(args.device.seed);
    settings.sample_every = args.sample_every;
    settings.checkpoint_every = args.checkpoint_every;
    Ok(settings)
}

fn configure(args: &TrainArgs) -> Result<(Settings, Config), CliError> {
    let mut settings = settings(args)?;
    // Every rule first: what has to be looked up may take a look at all images.
    settings.config()?;
    settings.pixels = args.pixels.settings()?;
    settings
        .pixels
        .look_up(
            settings.dataset.as_deref(),
            args.direction.unwrap_or_default(),
        )
        .map_err(|error| match error {
            LookUpError::Config(error) => CliError::Config(error),
            LookUpError::Data(error) => CliError::Data(error),
        })?;
    let config = settings.config()?;
    Ok((settings, config))
}

fn open_dataset(config: &Config) -> Result<Dataset, DataError> {
    match &config.dataset {
        Some(folder) => Dataset::open(folder, &config.data_options()),
        None => Dataset::bundled(&config.data_options()),
    }
}

fn base_name(path: &Path) -> String {
    let name = path.canonicalize().ok().and_then(|full| {
        full.file_name()
            .map(|name| name.to_string_lossy().into_owned())
    });
    name.unwrap_or_else(|| "run".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, Command};
    use std::collections::BTreeSet;

    /// An option that a resumed run would silently ignore is in the list; what is not in it works
    /// with `--resume`.
    #[test]
    fn a_resumed_run_takes_only_what_it_has_not_decided() {
        let command = TrainArgs::augment_args(Command::new("train"));
        let all: BTreeSet<&str> = command
            .get_arguments()
            .map(|argument| argument.get_id().as_str())
            .collect();
        let fixed: BTreeSet<&str> = FIXED_BY_A_RUN.iter().copied().collect();
        let free: Vec<&str> = all.difference(&fixed).copied().collect();
        let expected = [
            "adapter",
            "dataset",
            "lr",
            "no_f16",
            "no_fusion",
            "no_int64",
            "no_matrix",
            "no_subgroups",
            "no_timestamps",
            "resume",
            "runs",
        ];
        assert_eq!(free, expected);
        assert_eq!(fixed.difference(&all).count(), 0, "no option of that name");
    }
}
