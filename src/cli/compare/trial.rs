//! One run of a comparison: it begins or goes on, and is scored then.

use super::super::progress::ProgressPrinter;
use super::super::scoring::HeldOut;
use super::super::stop::Stop;
use super::super::train::{COMMANDS, with_choices};
use super::super::weights::open_weights;
use super::super::{CliError, note};
use super::telling;
use crate::cli::options::render;
use crate::compare::{Cell, CompareError, ComparisonFolder, Measures, Record, evaluation_folder};
use crate::data::Dataset;
use crate::eval::{EvalError, EvaluationFolder, Evaluator};
use crate::gpu::{Gpu, Profile};
use crate::interop::TensorFile;
use crate::train::checkpoint::{self, NetworkChoice, NetworkKind, TrainingProgress};
use crate::train::run::RunDir;
use crate::train::{Config, TrainError, Trainer};
use std::path::Path;

/// A run that is about to begin or to go on.
pub struct Trial {
    run: RunDir,
    /// Its configuration. A run that goes on has that of its checkpoint.
    pub config: Config,
    /// The newest checkpoint, and how far it is.
    newest: Option<(TensorFile, TrainingProgress)>,
}

/// How a run ended.
pub enum TrialEnd {
    /// It was stopped, and can go on.
    Stopped,
    /// It is trained and scored, or it failed.
    Ended(Record),
}

impl Trial {
    /// The run of a cell. If it was begun, it goes on from its newest checkpoint.
    ///
    /// # Errors
    /// A folder in use or that cannot be written, and a checkpoint that cannot be read.
    pub fn open(folder: &ComparisonFolder, cell: &Cell, config: Config) -> Result<Self, CliError> {
        let (root, name) = (folder.path(), cell.folder(config.seed));
        let run = match root.join(&name).is_dir() {
            true => RunDir::open_or_again(root, &name)?,
            false => RunDir::create(root, &name)?,
        };
        let run = run.with_commands(COMMANDS);
        let newest = match run.checkpoints()?.pop() {
            Some(newest) => {
                let (file, mut progress) = read(&newest.path)?;
                // It may have moved.
                progress.config.dataset = config.dataset.clone();
                Some((file, progress))
            }
            None => None,
        };
        if newest.is_none() {
            // A run that was killed before it saved has rows, and nothing else to go on from.
            run.rewind(0)?;
        }
        let config = newest
            .as_ref()
            .map_or(config, |(_, progress)| progress.config.clone());
        Ok(Self {
            run,
            config,
            newest,
        })
    }

    /// The name of its folder.
    pub fn name(&self) -> String {
        self.run.name().to_owned()
    }

    /// Whether it begins.
    pub fn is_new(&self) -> bool {
        self.newest.is_none()
    }

    /// The device's kernels, or those that the run began with.
    pub fn profile(&self, own: &Profile) -> Profile {
        match &self.newest {
            Some((_, progress)) => with_choices(own, progress),
            None => own.clone(),
        }
    }

    /// Trains to the end and scores.
    ///
    /// # Errors
    /// Those that the other runs would meet as well: disk, device, data. What only this run meets
    /// is in the record.
    pub fn run(
        self,
        gpu: &Gpu,
        dataset: &Dataset,
        held_out: &[(Option<u32>, HeldOut)],
        size: u32,
        stop: &Stop,
    ) -> Result<TrialEnd, CliError> {
        let (path, seconds) = (self.run.path().to_owned(), self.seconds());
        let ended = self.train(gpu, dataset, stop).and_then(|length| {
            let Some(length) = length else {
                return Ok(None);
            };
            for (at, held_out) in held_out {
                score(gpu, &path, size, *at, held_out, stop)?;
            }
            Ok(Some(length))
        });
        let device = telling::device(gpu);
        match ended {
            Ok(None) => Ok(TrialEnd::Stopped),
            Ok(Some((seconds, early))) => Ok(TrialEnd::Ended(Record {
                device,
                seconds,
                early,
                failure: None,
            })),
            Err(error) if is_interrupted(&error) => Ok(TrialEnd::Stopped),
            Err(error) if is_of_the_run(&error) => Ok(TrialEnd::Ended(Record {
                device,
                seconds,
                early: None,
                failure: Some(render(&error.to_string())),
            })),
            Err(error) => Err(error),
        }
    }

    /// Seconds of training so far.
    fn seconds(&self) -> f64 {
        self.newest
            .as_ref()
            .map_or(0.0, |(_, progress)| progress.seconds)
    }

    /// Trains to the end. Returns how long it was; `None` if it was stopped.
    fn train(self, gpu: &Gpu, dataset: &Dataset, stop: &Stop) -> Result<Option<Ran>, CliError> {
        let Self {
            run,
            config,
            newest,
        } = self;
        let mut trainer = match newest {
            None => Trainer::start(gpu, config, dataset, run.clone())?,
            Some((_, progress)) if has_ended(&progress, dataset)? => {
                return Ok(Some(ran(&progress, dataset)?));
            }
            Some((file, progress)) => {
                note(&format!("goes on from step {}", progress.step));
                Trainer::resume(gpu, progress, &file, dataset, run.clone())?
            }
        };
        let notes = trainer.notes().iter();
        notes.for_each(|text| note(&format!("note: {text}")));
        let mut progress = ProgressPrinter::new(
            trainer.step(),
            trainer.schedule().total_steps,
            trainer.session().discriminator.is_some(),
        );
        let total = trainer.schedule().total_steps;
        let summary = trainer.train(stop.begin(), &mut |report| progress.report(report));
        progress.finish();
        let summary = summary?;
        if summary.interrupted {
            return Ok(None);
        }
        let newest = run.checkpoints()?.pop();
        let Some(newest) = newest else {
            return Ok(Some((0.0, None)));
        };
        let ran = ran(&read(&newest.path)?.1, dataset)?;
        if let Some(step) = ran.1 {
            note(&format!("ended by --patience at step {step} of {total}"));
        }
        Ok(Some(ran))
    }
}

/// A checkpoint, and how far it is.
fn read(path: &Path) -> Result<(TensorFile, TrainingProgress), CliError> {
    let file = TensorFile::open(path).map_err(TrainError::from)?;
    let progress = checkpoint::read_progress(&file)?;
    Ok((file, progress))
}

/// How long a run was in all: its seconds, and the step at which `patience` ended it, if it did.
type Ran = (f64, Option<u64>);

/// How long this run was, which has ended.
fn ran(progress: &TrainingProgress, dataset: &Dataset) -> Result<Ran, TrainError> {
    let total = Trainer::schedule_of(&progress.config, dataset)?.total_steps;
    let early = (progress.step < total).then_some(progress.step);
    Ok((progress.seconds, early))
}

/// Whether there is nothing left to train.
fn has_ended(progress: &TrainingProgress, dataset: &Dataset) -> Result<bool, TrainError> {
    let schedule = Trainer::schedule_of(&progress.config, dataset)?;
    let waited = progress.best.map_or(0, |best| best.waited);
    let patience = progress.config.patience;
    let is_out_of_patience = patience.is_some_and(|patience| waited >= patience);
    Ok(progress.step >= schedule.total_steps || is_out_of_patience)
}

/// The sizes at which a run has no scores of these pairs.
pub fn unscored(
    run: &Path,
    size: u32,
    held_out: &[(Option<u32>, HeldOut)],
) -> Result<Vec<Option<u32>>, CompareError> {
    let mut missing = Vec::new();
    for (at, held_out) in held_out {
        let there = Measures::read(&evaluation_folder(run, size, *at))?;
        if there.is_none_or(|there| there.pairs != held_out.words) {
            missing.push(*at);
        }
    }
    Ok(missing)
}

/// Scores the generator of a run, as `eval` does.
fn score(
    gpu: &Gpu,
    run: &Path,
    size: u32,
    at: Option<u32>,
    held_out: &HeldOut,
    stop: &Stop,
) -> Result<(), CliError> {
    let file = open_weights(run, NetworkKind::Generator)?;
    let choice = NetworkChoice::Kind(NetworkKind::Generator);
    let (file, model, _) = checkpoint::find_generator(&file, &choice, None)?;
    let config = RunDir::config_of(run)?;
    let usage = (model.test_as(None, None, false)?, model.fit_as(None)?);
    let batch = config.test_batch();
    let evaluator = Evaluator::load(gpu, (&file, &model), config.precision, usage, batch)?;
    let place = evaluation_folder(run, size, at);
    let folder = EvaluationFolder::create(&place, true, "")?;
    let name = (run.display().to_string(), None);
    held_out.score(&evaluator, folder, name, stop)?;
    Ok(())
}

fn is_interrupted(error: &CliError) -> bool {
    matches!(
        error,
        CliError::Train(TrainError::Interrupted)
            | CliError::Eval(EvalError::Train(TrainError::Interrupted))
    )
}

/// Whether only this run meets the error, and not the next one too.
fn is_of_the_run(error: &CliError) -> bool {
    let of_training = |error: &TrainError| {
        matches!(
            error,
            TrainError::NotFinite { .. } | TrainError::DoesNotFit { .. }
        ) || error.is_too_large()
    };
    match error {
        CliError::Train(error) | CliError::Eval(EvalError::Train(error)) => of_training(error),
        CliError::Eval(EvalError::NotFinite { .. } | EvalError::Metric { .. }) => true,
        _ => false,
    }
}
