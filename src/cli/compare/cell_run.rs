//! One run of a comparison: it begins or goes on, and is scored then.

use super::super::progress::ProgressPrinter;
use super::super::stop::Stop;
use super::super::train::COMMANDS;
use super::super::{CliError, note};
use super::scores::{Keep, Scores, is_interrupted, is_of_the_run};
use super::telling;
use crate::cli::options::render;
use crate::compare::{Cell, ComparisonFolder, Record};
use crate::data::Dataset;
use crate::gpu::{Gpu, Profile};
use crate::interop::TensorFile;
use crate::train::checkpoint::{self, TrainingProgress};
use crate::train::run::RunDir;
use crate::train::{Config, StepReport, TrainError, Trainer};
use pollster::block_on;
use std::path::Path;

/// A run that is about to begin or to go on.
pub struct CellRun {
    run: RunDir,
    /// Its configuration. A run that goes on has that of its checkpoint.
    pub config: Config,
    /// The newest checkpoint, and how far it is.
    newest: Option<(TensorFile, TrainingProgress)>,
}

/// How a run ended.
pub enum CellRunEnd {
    /// It was stopped, and can go on.
    Stopped,
    /// It is trained and scored, after so many steps in this process. None if training failed.
    Ended(Option<u64>),
}

impl CellRun {
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
            Some((_, progress)) => progress.with_choices(own),
            None => own.clone(),
        }
    }

    /// Trains to the end, and scores where scores are missing. What becomes of it is kept at once.
    ///
    /// # Errors
    /// Those that the other runs would meet as well: disk, device, data. What only this run meets
    /// is in the record.
    pub fn run(
        self,
        gpu: &Gpu,
        dataset: &Dataset,
        scores: &Scores<'_>,
        stop: &Stop,
        keep: &mut Keep<'_>,
    ) -> Result<CellRunEnd, CliError> {
        let path = self.run.path().to_owned();
        let mut record = Record {
            device: telling::device(gpu),
            seconds: self.seconds(),
            early: None,
            failure: None,
            scored: scores.noted.clone(),
        };
        let ran = match self.train(gpu, dataset, stop) {
            Ok(Some(ran)) => ran,
            Ok(None) => return Ok(CellRunEnd::Stopped),
            Err(error) if is_interrupted(&error) => return Ok(CellRunEnd::Stopped),
            Err(error) if is_of_the_run(&error) => {
                let reason = render(&error.to_string());
                note(&format!("this run failed, and the others go on: {reason}"));
                record.failure = Some(reason);
                keep(&record)?;
                return Ok(CellRunEnd::Ended(None));
            }
            Err(error) => return Err(error),
        };
        (record.seconds, record.early) = (ran.seconds, ran.early);
        keep(&record)?;
        Ok(
            match scores.complete(gpu, &path, &mut record, stop, keep)? {
                true => CellRunEnd::Ended(Some(ran.steps)),
                false => CellRunEnd::Stopped,
            },
        )
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
            None => block_on(Trainer::start(gpu, config, dataset, run.clone()))?,
            Some((_, progress)) if has_ended(&progress, dataset)? => {
                return Ok(Some(Ran::of(&progress, dataset, progress.step)?));
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
        let (began, total) = (trainer.step(), trainer.schedule().total_steps);
        let mut report = |report: &StepReport| progress.report(report);
        let summary = block_on(trainer.train(stop.begin_training(), &mut report));
        progress.finish();
        stop.end_training();
        let summary = summary?;
        if summary.interrupted {
            return Ok(None);
        }
        let newest = run.checkpoints()?.pop();
        let Some(newest) = newest else {
            return Ok(Some(Ran::default()));
        };
        let ran = Ran::of(&read(&newest.path)?.1, dataset, began)?;
        if let Some(step) = ran.early {
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

/// How long a run was that has ended.
#[derive(Default)]
struct Ran {
    /// Seconds in all.
    seconds: f64,
    /// The step at which `patience` ended it, if it did.
    early: Option<u64>,
    /// Steps in this process.
    steps: u64,
}

impl Ran {
    /// Of a run that `began` at this step in this process.
    fn of(progress: &TrainingProgress, dataset: &Dataset, began: u64) -> Result<Self, TrainError> {
        let total = Trainer::schedule_of(&progress.config, dataset)?.total_steps;
        Ok(Self {
            seconds: progress.seconds,
            early: (progress.step < total).then_some(progress.step),
            steps: progress.step.saturating_sub(began),
        })
    }
}

/// Whether there is nothing left to train.
fn has_ended(progress: &TrainingProgress, dataset: &Dataset) -> Result<bool, TrainError> {
    let schedule = Trainer::schedule_of(&progress.config, dataset)?;
    let waited = progress.best.map_or(0, |best| best.waited);
    let patience = progress.config.patience;
    let is_out_of_patience = patience.is_some_and(|patience| waited >= patience);
    let has_all_steps = progress.step >= schedule.total_steps && progress.unscored.is_none();
    Ok(has_all_steps || is_out_of_patience)
}
