//! `pix2pix eval`.

use super::pixels::read_named_palette;
use super::pth::{PthArgs, say};
use super::reading::tell_of_dataset_without;
use super::scoring::{HeldOutPairs, held_out};
use super::stop::Stop;
use super::test_time::TestTimeArgs;
use super::weights::open_weights;
use super::{CliError, DeviceArgs, note, note_as_it_is, print};
use crate::data::remark::RemarkKind;
use crate::data::{DataOptions, Dataset, Direction, NamedPalette, PairSet, Preprocess, Split};
use crate::eval::{EvalError, Evaluation, EvaluationFolder, Evaluator, PairGrid};
use crate::models::{self, BundledModel};
use crate::nn::Fit;
use crate::tensor::DType;
use crate::train::checkpoint::{self, NetworkKind};
use crate::train::run::RunDir;
use crate::train::{Config, ModelConfig, TrainError};
use clap::Args;
use clap::builder::RangedU64ValueParser;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of an evaluation, in that of its run.
const FOLDER: &str = "eval";

/// Arguments of `eval`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: pix2pix eval runs/facades           (its own data, test/ or else val/)\n         \
                        pix2pix eval latest_net_G.pth facades --direction BtoA --out scores"
)]
pub struct EvalArgs {
    /// A run folder, a checkpoint, generator.safetensors, a .pth file of the PyTorch code, or the
    /// name of a bundled model
    #[arg(value_name = "RUN|MODEL")]
    model: PathBuf,
    /// Folder of pairs, as for `train` [default: the run's own]
    #[arg(value_name = "DATASET")]
    dataset: Option<PathBuf>,
    /// Which part of the data set [default: test, else val]
    #[arg(long, value_enum, value_name = "SPLIT")]
    split: Option<Split>,
    /// Folder for the page, the pictures and the numbers [default: eval in the run's folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write over an evaluation that is there
    #[arg(long)]
    force: bool,
    /// Write grid.png too: this many pairs, evenly spaced by their index, each with input, output
    /// and target
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    grid: Option<usize>,
    /// Score the pictures as label maps too: a text file with a colour #rrggbb a line, one for each
    /// label. A pixel counts as the label whose colour is nearest
    #[arg(long, value_name = "FILE")]
    palette: Option<PathBuf>,
    /// Which half of a pair is the input [default: as the model was trained]
    #[arg(long, value_enum, value_name = "DIRECTION")]
    direction: Option<Direction>,
    /// How pairs are brought to --size, which is their load size as well. Without this it is as in
    /// the model's run, if it lies in one [default: resize-and-crop]
    #[arg(long, value_enum, value_name = "MODE")]
    preprocess: Option<Preprocess>,
    /// Side that pairs are resized to, or of their crops, in pixels; the width with --preprocess
    /// scale-width [default: as the model was trained]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..))]
    size: Option<u32>,
    /// What to do with images whose size does not suit the generator [default: as the model says,
    /// else pad]
    #[arg(long, value_enum, value_name = "FIT")]
    fit: Option<Fit>,
    /// How weights and activations are stored [default: as when the model was trained]
    #[arg(long, value_enum, value_name = "TYPE")]
    precision: Option<DType>,
    #[command(flatten)]
    pth: PthArgs,
    #[command(flatten)]
    test_time: TestTimeArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Translates and scores all pairs of a split, and writes the folder.
pub fn run(args: &EvalArgs) -> Result<(), CliError> {
    let file = open_weights(&args.model, NetworkKind::Generator)?;
    let (file, model, notes) =
        checkpoint::find_generator(&file, &args.pth.network, args.pth.upsample)?;
    notes.iter().for_each(|note| say(file.path(), note));
    let palette = args.palette.as_deref().map(palette_of).transpose()?;
    let run = run_of(&args.model);
    let config = run.as_deref().map(RunDir::config_of).transpose()?;
    let out = args.folder(run.as_deref())?;
    let mut folder = EvaluationFolder::create(&out, args.force, "--force, or name another --out")?;

    let options = args.data_options(&model, config.as_ref())?;
    let dataset = args.open(config.as_ref(), &options)?;
    let set = args.pairs_of(&dataset)?;
    // Copies of training pairs are told beside the scores.
    tell_of_dataset_without(&dataset, |kind| {
        matches!(kind, RemarkKind::UnusedSplit | RemarkKind::HeldOutCopies(_))
    });
    let trained = config
        .as_ref()
        .map(|config| config.data_options().direction);
    if let Some(line) = other_direction_line(trained.or(model.direction), options.direction) {
        note(&line);
    }
    if config.is_none() {
        args.tell_assumed(&model, &options);
    }
    let mut held_out = HeldOutPairs::of(&dataset, set)?;
    held_out
        .remarks
        .extend(of_training(set, args.dataset.is_some()));

    let in_grid = args.grid.unwrap_or(0);
    if in_grid > set.len() {
        note(&format!(
            "note: --grid {in_grid}: grid.png has all pairs, and there are {}",
            set.len()
        ));
    }
    folder = folder.with_grid(PairGrid::new(in_grid, set.len()));

    let stop = Stop::listen(None);
    let gpu = args.device.open()?;
    let precision = args
        .device
        .precision(&gpu, args.precision, model.precision)?;
    let usage = (args.test_time.over(&model, false)?, model.fit_as(args.fit)?);
    let batch = config.as_ref().map_or(1, Config::test_batch);
    let evaluator = Evaluator::load(&gpu, (&file, &model), precision, usage, batch)?;
    let named = (args.model.display().to_string(), palette);
    // Written first: whoever reads stdout may stop reading.
    let scored = held_out.score(&evaluator, folder, named, &stop);
    let (evaluation, page) = scored.map_err(|error| match error {
        CliError::Train(TrainError::Interrupted)
        | CliError::Eval(EvalError::Train(TrainError::Interrupted)) => CliError::EvaluationStopped,
        error => error,
    })?;
    tell(&evaluation)?;
    print(&format!("all pictures and numbers: {}", page.display()))
}

impl EvalArgs {
    /// Where the evaluation goes.
    fn folder(&self, run: Option<&Path>) -> Result<PathBuf, CliError> {
        let own = run.map(|run| run.join(FOLDER));
        self.out.clone().or(own).ok_or_else(|| {
            CliError::Usage(format!(
                "{} lies in no run's folder; name a folder for the evaluation with --out",
                self.model.display()
            ))
        })
    }

    /// How pairs are prepared: as in the run, or else as the model's file says.
    fn data_options(
        &self,
        model: &ModelConfig,
        config: Option<&Config>,
    ) -> Result<DataOptions, CliError> {
        let mut options = match config {
            Some(config) => config.data_options(),
            None => {
                let mut options = DataOptions::new(model.size);
                options.direction = model.direction.unwrap_or_default();
                options.reading.value_range = model.value_range;
                options.reading.output_value_range = model.output_value_range;
                options.reading.nodata = model.nodata;
                let card = models::named(&self.model).map(BundledModel::card);
                options.reading.background = card.transpose()?.and_then(|card| card.background);
                options.input = model.input.clone();
                options.target = model.output.clone();
                options
            }
        };
        options.direction = self.direction.unwrap_or(options.direction);
        self.prepare(&mut options)?;
        Ok(options)
    }

    /// Tells what is taken for granted of a model without a run.
    fn tell_assumed(&self, model: &ModelConfig, options: &DataOptions) {
        if model.direction.or(self.direction).is_none() {
            note(
                "note: the model does not say its direction; pairs are read as AtoB, or name \
                 --direction BtoA",
            );
        }
        if self.preprocess.is_none() && models::named(&self.model).is_none() {
            note(&format!(
                "note: the model lies in no run's folder, so nobody knows how its pairs were \
                 prepared; they are resized to {0}x{0}, or name --preprocess",
                options.size
            ));
        }
    }

    /// How pairs are resized and cropped, where that was asked for.
    fn prepare(&self, options: &mut DataOptions) -> Result<(), CliError> {
        options.preprocess = self.preprocess.unwrap_or(options.preprocess);
        if self.size.is_some() && options.preprocess == Preprocess::None {
            return Err(CliError::Usage(
                "--size does nothing where pairs are not resized (--preprocess none); leave it out"
                    .to_owned(),
            ));
        }
        if self.preprocess.is_some() || self.size.is_some() {
            let size = self.size.unwrap_or(options.size);
            (options.size, options.load_size) = (size, size);
        }
        Ok(())
    }

    /// The data set that was named, or else the run's own.
    fn open(&self, config: Option<&Config>, options: &DataOptions) -> Result<Dataset, CliError> {
        let own = config.map(|config| config.dataset.as_deref());
        if let (None, Some(Some(folder))) = (&self.dataset, own)
            && !folder.exists()
        {
            return Err(CliError::Usage(format!(
                "{}: the pairs of this run are not there any more; name the DATASET where they lie \
                 now",
                folder.display()
            )));
        }
        let dataset = match (self.dataset.as_deref(), own) {
            (Some(folder), _) | (None, Some(Some(folder))) => Dataset::open(folder, options)?,
            (None, Some(None)) => Dataset::bundled(options)?,
            (None, None) => {
                return Err(CliError::Usage(format!(
                    "{} lies in no run's folder, so nobody knows its pairs; name a DATASET",
                    self.model.display()
                )));
            }
        };
        Ok(dataset)
    }

    /// The pairs that are scored. Training pairs are taken only where somebody names them, or names
    /// a data set that has no others.
    fn pairs_of<'a>(&self, dataset: &'a Dataset) -> Result<&'a Arc<PairSet>, CliError> {
        let chosen = held_out(dataset, self.split)?;
        let training = dataset.get(Split::Train).filter(|_| self.dataset.is_some());
        match chosen.or(training) {
            Some(set) => Ok(set),
            None => Err(CliError::Usage(
                "the data set has no pairs for test or validation; name one that has, or score \
                 the training pairs with --split train"
                    .to_owned(),
            )),
        }
    }
}

/// Tells of a direction that is not that of the model.
fn other_direction_line(trained: Option<Direction>, read: Direction) -> Option<String> {
    let trained = trained.filter(|&trained| trained != read)?;
    Some(format!(
        "note: --direction {read} gives the targets to the model as inputs: this model was trained \
         {trained}"
    ))
}

/// The palette of a file, for scores of label maps.
fn palette_of(path: &Path) -> Result<NamedPalette, CliError> {
    let named = read_named_palette(path)?;
    match named.palette.len() {
        0 | 1 => Err(CliError::Usage(format!(
            "{} has one colour, so every pixel would be right; name a palette of all labels",
            path.display()
        ))),
        _ => Ok(named),
    }
}

/// The run that a file belongs to: its folder, or one of the two above it.
fn run_of(model: &Path) -> Option<PathBuf> {
    if models::named(model).is_some() {
        return None;
    }
    let folders = model.ancestors().take(3);
    let mut runs = folders.filter(|folder| RunDir::is_run(folder));
    runs.next().map(Path::to_owned)
}

/// What scores of training pairs say.
fn of_training(set: &PairSet, was_named: bool) -> Option<String> {
    (set.split() == Split::Train).then(|| match was_named {
        true => "these pairs are no test or val split: if the model was trained on them, the \
                 scores say little"
            .to_owned(),
        false => "these are the pairs that the model was trained on".to_owned(),
    })
}

/// Prints the table, and what the reader has to know.
fn tell(evaluation: &Evaluation) -> Result<(), CliError> {
    let notes = evaluation.all_notes();
    notes
        .iter()
        .for_each(|text| note_as_it_is(&format!("note: {text}")));
    print(&evaluation.to_string())
}
