//! The training loop. It loads batches, submits steps, and writes the folder of the run.

mod files;
mod pairs;
mod report;
mod showing;

use super::checkpoint::{self, TrainingProgress, UnscoredStep};
use super::config::Config;
use super::error::TrainError;
use super::memory::explain_sizes;
use super::monitor::{LossReader, Losses, Reading};
use super::pretrained::load_pretrained;
use super::run::{RunDir, RunEvents, Stage};
use super::schedule::{Policy, Schedule};
use super::score::{Best, EvalMetric, Score};
use super::session::Session;
use super::sizes::Sizes;
use super::validator::Validator;
use crate::clock::Instant;
use crate::data::{Dataset, Loader, LoaderOptions, PairSet, Split};
use crate::gpu::Gpu;
use crate::interop::TensorFile;
pub(super) use pairs::{other_pairs, shown_pairs};
pub use report::{RunSummary, StepReport};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The longest time between two checkpoints. A crash loses at most so much.
const SAVE_PERIOD: Duration = Duration::from_secs(300);

/// A run: session, data and folder.
#[derive(Debug)]
pub struct Trainer<'a> {
    gpu: &'a Gpu,
    session: Session,
    config: Config,
    schedule: Schedule,
    training: Arc<PairSet>,
    /// Pairs for grids, and whether they are held out from training.
    shown: (Arc<PairSet>, bool),
    validator: Validator,
    sizes: Sizes,
    run: RunDir,
    /// What TensorBoard reads, if it was asked for.
    events: Option<RunEvents>,
    step: u64,
    /// The last step with a row in metrics.csv.
    logged: u64,
    /// When this process saved last.
    saved: Instant,
    /// When training began. If the run was resumed, this is moved back by the time that it took
    /// before.
    began: Instant,
    losses: Option<Losses>,
    score: Option<Score>,
    /// This step, if its score was stopped and is still to come.
    unscored: Option<UnscoredStep>,
    /// The newest sample grid of this process, and its step.
    picture: Option<(u64, PathBuf)>,
    /// The best score, as a run without a stop would have it: patience counts from it.
    best: Option<Best>,
    /// The score of the weights in `checkpoints/best`. The last weights of a run that becomes
    /// longer can be better than `best`, which does not see them.
    kept: Option<Best>,
    notes: Vec<String>,
    /// Time that scores and sample grids took.
    showing: Duration,
}

impl<'a> Trainer<'a> {
    /// Builds a run that starts at step 0 with fresh weights.
    ///
    /// # Errors
    /// Everything that can be wrong before the first step: data, networks, memory.
    pub async fn start(
        gpu: &'a Gpu,
        config: Config,
        dataset: &Dataset,
        run: RunDir,
    ) -> Result<Self, TrainError> {
        let mut trainer = Self::build(gpu, config, dataset, run)?;
        trainer.schedule.check()?;
        trainer
            .session
            .store
            .initialise(gpu, trainer.config.seed)
            .await?;
        load_pretrained(gpu, &trainer.session, &trainer.config.recipe)?;
        trainer.run.write_config(&trainer.config)?;
        trainer.begin_events(0.0)?;
        trainer.resume_clock(0.0);
        Ok(trainer)
    }

    /// Builds a run that goes on from the checkpoint `file`. The caller has read `progress` from
    /// this file.
    ///
    /// # Errors
    /// As [`Trainer::start`], and a checkpoint that does not fit.
    pub fn resume(
        gpu: &'a Gpu,
        progress: TrainingProgress,
        file: &TensorFile,
        dataset: &Dataset,
        run: RunDir,
    ) -> Result<Self, TrainError> {
        let mut trainer = Self::build(gpu, progress.config.clone(), dataset, run)?;
        if progress.step > trainer.schedule.total_steps {
            let reason = format!(
                "step {} of a run of {}",
                progress.step, trainer.schedule.total_steps
            );
            return Err(file.bad_metadata(reason).into());
        }
        let began = (progress.pairs, progress.fingerprint);
        trainer.notes.extend(other_pairs(began, &trainer.training));
        checkpoint::load(gpu, &trainer.session, &trainer.config, file)?;
        // The row of a step whose score was stopped comes with this score.
        let logged = progress
            .step
            .saturating_sub(progress.unscored.is_some().into());
        trainer.run.rewind(logged)?;
        trainer.run.write_config(&trainer.config)?;
        trainer.schedule.plateau = progress.plateau;
        trainer.best = progress.best;
        trainer.step = progress.step;
        trainer.logged = logged;
        trainer.losses = progress.unscored.map(|step| step.losses);
        trainer.unscored = progress.unscored;
        trainer.find_kept();
        let here = trainer.progress();
        if here.adapter != progress.adapter {
            trainer.notes.push(format!(
                "the run began on {} and goes on with {}, so the last bits may differ",
                progress.adapter, here.adapter
            ));
        } else if here.choices != progress.choices {
            trainer.notes.push(
                "the kernels are not those that the run began with, so the last bits may differ"
                    .to_owned(),
            );
        }
        trainer.begin_events(progress.seconds)?;
        trainer.resume_clock(progress.seconds);
        Ok(trainer)
    }

    /// Training pairs and pairs that are shown or scored.
    pub fn pairs(&self) -> (usize, usize) {
        (self.training.len(), self.shown.0.len())
    }

    /// The sizes of the images that a run would see.
    ///
    /// # Errors
    /// Those of [`Sizes::of`], and a data set without training pairs.
    pub fn sizes_of(config: &Config, dataset: &Dataset) -> Result<Sizes, TrainError> {
        Sizes::of(
            config,
            dataset.require(Split::Train)?,
            &shown_pairs(dataset)?.0,
        )
    }

    /// Length and learning rate that a run would have.
    ///
    /// # Errors
    /// [`TrainError::Nothing`], [`TrainError::NoHeldOut`], and a data set without training pairs.
    pub fn schedule_of(config: &Config, dataset: &Dataset) -> Result<Schedule, TrainError> {
        let pairs = dataset.require(Split::Train)?.len();
        let by_scores = match config.recipe.schedule {
            Policy::Plateau => Some("`recipe.schedule` plateau"),
            _ => config.patience.map(|_| "`patience`"),
        };
        let metric = (config.eval_metric != EvalMetric::default()).then_some("`eval_metric`");
        if let (Some(field), (_, false)) = (by_scores.or(metric), shown_pairs(dataset)?) {
            return Err(TrainError::NoHeldOut { field });
        }
        let steps_per_epoch = (pairs / config.pairs_per_step().max(1)) as u64;
        let schedule = config.schedule(steps_per_epoch);
        if schedule.total_steps == 0 || steps_per_epoch == 0 {
            return Err(TrainError::Nothing {
                pairs,
                batch_size: config.pairs_per_step(),
                steps: schedule.total_steps,
            });
        }
        Ok(schedule)
    }

    fn build(
        gpu: &'a Gpu,
        config: Config,
        dataset: &Dataset,
        run: RunDir,
    ) -> Result<Self, TrainError> {
        config.check()?;
        let schedule = Self::schedule_of(&config, dataset)?;
        let training = dataset.require(Split::Train)?.clone();
        let shown = shown_pairs(dataset)?;
        let sizes = Self::sizes_of(&config, dataset)?;
        let session = Session::of_sizes(gpu, &config, &sizes)?;
        let workspace = session.plan().samples.clone();
        let validator = Validator::new(
            gpu,
            &session.store,
            &session.generator,
            &config,
            &sizes,
            workspace,
        )
        .map_err(|error| explain_sizes(&config, &sizes, gpu.profile(), error))?;
        Ok(Self {
            gpu,
            session,
            config,
            schedule,
            training,
            shown,
            validator,
            sizes,
            run,
            events: None,
            step: 0,
            logged: 0,
            saved: Instant::now(),
            began: Instant::now(),
            losses: None,
            score: None,
            unscored: None,
            picture: None,
            best: None,
            kept: None,
            notes: Vec::new(),
            showing: Duration::ZERO,
        })
    }

    /// The compiled step and its store.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The sizes of its images.
    pub fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// Length and learning rate.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Steps done so far.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// What the user of a resumed run should know.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Trains to the end, or until `stop` is set. In both cases there is a checkpoint then. A score
    /// that `stop` finds is dropped, and the run that goes on begins with it. `report` is called
    /// after every reading of the losses.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`], and errors of the data, the device and the disk. The last
    /// checkpoint stays.
    pub async fn train(
        &mut self,
        stop: &AtomicBool,
        report: &mut dyn FnMut(&StepReport),
    ) -> Result<RunSummary, TrainError> {
        let options = LoaderOptions {
            first_step: self.step,
            ..LoaderOptions::new(self.config.pairs_per_step(), self.config.seed)
        };
        let mut loader = Loader::new(self.training.clone(), &options)?;
        let mut reader = LossReader::new(self.step, &self.config.objective);
        let (began, first) = (Instant::now(), self.step);
        self.tell_state(Stage::Training)?;
        if self.unscored.is_some() && self.step < self.schedule.total_steps {
            match self.step.is_multiple_of(self.config.sample_every.max(1)) {
                true => self.show_and_save([true, true], stop, report).await?,
                false => self.show_earlier_end(stop, report).await?,
            }
        }
        while self.step < self.schedule.total_steps
            && !stop.load(Ordering::Relaxed)
            && self.unscored.is_none()
            && !self.is_out_of_patience()
        {
            let batch = loader.next_batch()?;
            self.step += 1;
            self.session
                .submit(self.gpu, self.step, self.schedule.rate(self.step), &batch)?;
            let reading = reader
                .submitted(self.gpu, &self.session.store, self.step)
                .await?;
            self.note(reading, report).await?;
            reader.pace(began.elapsed().as_secs_f64() / (self.step - first) as f64);
            self.keep(&mut reader, stop, report).await?;
        }
        let reading = reader
            .finish(self.gpu, &self.session.store, self.step)
            .await?;
        self.note(reading, report).await?;
        let (training, data_wait) = (began.elapsed(), loader.waited());
        drop(loader);
        // The weights are saved first: they must not be lost because a picture cannot be written.
        self.save().await?;
        let stage = self.show_last(stop, report).await?;
        let standing = self.standing(stage);
        self.tell_state(stage)?;
        self.run.refresh(&standing)?;
        let scaling = self.session.store.scaling(self.gpu).await?;
        Ok(RunSummary {
            step: self.step,
            score: self.score,
            picture: self.picture.clone(),
            interrupted: stage == Stage::Stopped,
            standing,
            training,
            data_wait,
            showing: self.showing,
            scaling,
        })
    }

    /// Shows and saves when it is time. If steps are long, the clock decides when to save. After
    /// the last step the caller does both.
    async fn keep(
        &mut self,
        reader: &mut LossReader,
        stop: &AtomicBool,
        report: &mut dyn FnMut(&StepReport),
    ) -> Result<(), TrainError> {
        let due = |every: u64| {
            self.step.is_multiple_of(every.max(1)) && self.step < self.schedule.total_steps
        };
        let due = [
            due(self.config.sample_every),
            due(self.config.checkpoint_every) || self.saved.elapsed() > SAVE_PERIOD,
        ];
        if due == [false; 2] {
            return Ok(());
        }
        // The losses are read first, because weights that are not finite must not be saved.
        let reading = reader
            .finish(self.gpu, &self.session.store, self.step)
            .await?;
        self.note(reading, report).await?;
        self.show_and_save(due, stop, report).await
    }

    /// Takes in a reading. The newest losses go to the report. About a thousand rows of a run go to
    /// metrics.csv.
    async fn note(
        &mut self,
        reading: Reading,
        report: &mut dyn FnMut(&StepReport),
    ) -> Result<(), TrainError> {
        if let Some((step, column)) = reading.failure {
            return Err(self.not_finite(step, column).await);
        }
        let Some(&newest) = reading.losses.last() else {
            return Ok(());
        };
        self.losses = Some(newest);
        report(&StepReport {
            losses: newest,
            epoch: self.schedule.epoch(newest.step),
            score: self.score,
        });
        let every = (self.schedule.total_steps / 1000).max(1);
        for losses in &reading.losses {
            if losses.step.is_multiple_of(every) && !self.is_scored(losses.step) {
                self.log(losses, None)?;
            }
        }
        Ok(())
    }

    /// Seconds of training so far. In a resumed run, those before are included.
    fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn resume_clock(&mut self, seconds: f64) {
        let now = Instant::now();
        self.began = Duration::try_from_secs_f64(seconds)
            .ok()
            .and_then(|before| now.checked_sub(before))
            .unwrap_or(now);
    }
}
