//! The training loop without a folder: what a browser's tab runs, where there are no files.
//!
//! It makes the steps of [`Trainer`](super::Trainer), in the same order and with the same numbers.
//! The caller asks for a few steps at a time, and keeps what it wants of the results.

use super::checkpoint::{self, NetworkKind, TrainingProgress, kernel_choices};
use super::config::Config;
use super::error::TrainError;
use super::failed_step::not_finite;
use super::memory::explain_sizes;
use super::monitor::{LossReader, Losses, Reading};
use super::run::Samples;
use super::schedule::Schedule;
use super::score::{Best, Score};
use super::session::Session;
use super::trainer::{Trainer, other_pairs, shown_pairs};
use super::validator::Validator;
use crate::clock::Instant;
use crate::data::{Dataset, Loader, LoaderOptions, PairSet, Split};
use crate::gpu::Gpu;
use crate::interop::TensorFile;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A training that holds all of its state in memory and on the device.
#[derive(Debug)]
pub struct InMemoryTrainer {
    session: Session,
    config: Config,
    schedule: Schedule,
    training: Arc<PairSet>,
    /// Pairs for samples, and whether they are held out from training.
    shown: (Arc<PairSet>, bool),
    validator: Validator,
    loader: Loader,
    reader: LossReader,
    step: u64,
    best: Option<Best>,
    /// Seconds of training, those before a resume included.
    seconds: f64,
    notes: Vec<String>,
}

/// What some steps brought.
#[derive(Debug, Default)]
pub struct Advanced {
    /// The losses of each step, in order.
    pub losses: Vec<Losses>,
    /// The held-out score after the last of these steps, if one was due.
    pub score: Option<Score>,
    /// Whether samples are due: see [`InMemoryTrainer::samples`].
    pub samples_due: bool,
}

impl InMemoryTrainer {
    /// Builds a training that starts at step 0 with fresh weights.
    ///
    /// # Errors
    /// Everything that can be wrong before the first step: data, networks, memory. Pretrained
    /// weights are files, so they are refused where there are none.
    pub async fn start(gpu: &Gpu, config: Config, dataset: &Dataset) -> Result<Self, TrainError> {
        let trainer = Self::build(gpu, config, dataset, 0)?;
        trainer.schedule.check()?;
        let Self {
            session, config, ..
        } = &trainer;
        session.store.initialise(gpu, config.seed).await?;
        super::pretrained::load_pretrained(gpu, session, &config.recipe)?;
        Ok(trainer)
    }

    /// Builds a training that goes on from the checkpoint `file`, which may be one of a run folder.
    ///
    /// # Errors
    /// Those of [`InMemoryTrainer::start`], and a checkpoint that does not fit.
    pub fn resume(gpu: &Gpu, file: &TensorFile, dataset: &Dataset) -> Result<Self, TrainError> {
        let progress = checkpoint::read_progress(file)?;
        let mut trainer = Self::build(gpu, progress.config.clone(), dataset, progress.step)?;
        if progress.step > trainer.schedule.total_steps {
            let length = trainer.schedule.total_steps;
            let reason = format!("step {} of a run of {length}", progress.step);
            return Err(file.bad_metadata(reason).into());
        }
        checkpoint::load(gpu, &trainer.session, &trainer.config, file)?;
        let began = (progress.pairs, progress.fingerprint);
        trainer.notes.extend(other_pairs(began, &trainer.training));
        trainer.schedule.plateau = progress.plateau;
        trainer.best = progress.best;
        trainer.seconds = progress.seconds;
        if kernel_choices(&trainer.session.plan().choices) != progress.choices {
            trainer.notes.push(
                "the kernels are not those that the run began with, so the last bits may differ"
                    .to_owned(),
            );
        }
        Ok(trainer)
    }

    fn build(gpu: &Gpu, config: Config, dataset: &Dataset, step: u64) -> Result<Self, TrainError> {
        config.check()?;
        let schedule = Trainer::schedule_of(&config, dataset)?;
        let training = dataset.require(Split::Train)?.clone();
        let sizes = Trainer::sizes_of(&config, dataset)?;
        let session = Session::of_sizes(gpu, &config, &sizes)?;
        let (store, generator) = (&session.store, &session.generator);
        let workspace = session.plan().samples.clone();
        let validator = Validator::new(gpu, store, generator, &config, &sizes, workspace)
            .map_err(|error| explain_sizes(&config, &sizes, gpu.profile(), error))?;
        let options = LoaderOptions {
            first_step: step,
            ..LoaderOptions::new(config.pairs_per_step(), config.seed)
        };
        Ok(Self {
            loader: Loader::new(training.clone(), &options)?,
            reader: LossReader::new(step, &config.objective),
            shown: shown_pairs(dataset)?,
            session,
            config,
            schedule,
            training,
            validator,
            step,
            best: None,
            seconds: 0.0,
            notes: Vec::new(),
        })
    }

    /// Steps done so far.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Length and learning rate.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// What the user of a training that goes on should know.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether there is nothing left to do: the last step is done, or no score got better for as
    /// long as the configuration's patience.
    pub fn is_complete(&self) -> bool {
        let waited = self.best.map_or(0, |best| best.waited);
        self.step >= self.schedule.total_steps
            || self.config.patience.is_some_and(|most| waited >= most)
    }

    /// Makes at most so many steps and waits for them. It stops early at a step after which a score
    /// is due, and makes this score.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`], and errors of the data and the device.
    pub async fn advance(&mut self, gpu: &Gpu, steps: u64) -> Result<Advanced, TrainError> {
        let (began, mut advanced) = (Instant::now(), Advanced::default());
        for _ in 0..steps {
            if self.is_complete() {
                break;
            }
            let batch = self.loader.next_batch()?;
            self.step += 1;
            let rate = self.schedule.rate(self.step);
            self.session.submit(gpu, self.step, rate, &batch)?;
            let store = &self.session.store;
            let reading = self.reader.submitted(gpu, store, self.step).await?;
            self.note(gpu, reading, &mut advanced).await?;
            if self.is_due() {
                break;
            }
        }
        let store = &self.session.store;
        let reading = self.reader.finish(gpu, store, self.step).await?;
        self.note(gpu, reading, &mut advanced).await?;
        if !advanced.losses.is_empty() && self.is_due() {
            advanced.samples_due = true;
            advanced.score = self.score(gpu).await?;
        }
        self.seconds += began.elapsed().as_secs_f64();
        Ok(advanced)
    }

    /// Whether a score and samples come after the present step.
    fn is_due(&self) -> bool {
        self.step.is_multiple_of(self.config.sample_every.max(1))
            || self.step == self.schedule.total_steps
    }

    async fn note(
        &self,
        gpu: &Gpu,
        reading: Reading,
        advanced: &mut Advanced,
    ) -> Result<(), TrainError> {
        if let Some(failure) = reading.failure {
            let words = "go on from an earlier checkpoint, or start again, with a smaller \
                         `learning_rate`";
            let training = (&self.session, &self.config, &*self.training);
            return Err(not_finite(gpu, training, failure, words.to_owned()).await);
        }
        advanced.losses.extend(reading.losses);
        Ok(())
    }

    /// The held-out score of the present weights; none without held-out pairs. The schedule and the
    /// patience hear of it.
    async fn score(&mut self, gpu: &Gpu) -> Result<Option<Score>, TrainError> {
        let (held_out, is_held_out) = &self.shown;
        if !is_held_out {
            return Ok(None);
        }
        let (session, validator) = (&self.session, &mut self.validator);
        let never = AtomicBool::new(false);
        let score = session
            .with_used_weights(gpu, async || {
                validator.score(gpu, &session.store, held_out, &never).await
            })
            .await?;
        if self.step < self.schedule.total_steps {
            self.schedule.observe(score.l1 as f32);
        }
        Best::observe(&mut self.best, self.config.eval_metric, self.step, &score);
        Ok(Some(score))
    }

    /// What the generator makes of a few fixed pairs, with the weights for use.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn samples(&mut self, gpu: &Gpu) -> Result<Samples, TrainError> {
        let (session, validator, shown) = (&self.session, &mut self.validator, &self.shown.0);
        session
            .with_used_weights(gpu, async || {
                validator.samples(gpu, &session.store, shown).await
            })
            .await
    }

    /// The bytes of a checkpoint, as a run folder has it: the native program takes it too.
    ///
    /// # Errors
    /// Those of reading back.
    pub async fn checkpoint(&self, gpu: &Gpu) -> Result<Vec<u8>, TrainError> {
        checkpoint::save_bytes(gpu, &self.session, &self.progress(gpu)).await
    }

    /// The bytes of the generator's weights for use, as `generator.safetensors` of a run folder.
    ///
    /// # Errors
    /// Those of reading back.
    pub async fn generator(&self, gpu: &Gpu) -> Result<Vec<u8>, TrainError> {
        let kind = NetworkKind::Generator;
        let bytes = checkpoint::export_bytes(gpu, &self.session, &self.progress(gpu), kind).await?;
        Ok(bytes.unwrap_or_default())
    }

    /// How far the training is, as a checkpoint says it.
    pub fn progress(&self, gpu: &Gpu) -> TrainingProgress {
        let info = gpu.info();
        TrainingProgress {
            config: self.config.clone(),
            step: self.step,
            seconds: self.seconds,
            pairs: self.training.len(),
            fingerprint: Some(self.training.fingerprint()),
            adapter: format!("{} ({} {})", info.name, info.driver, info.driver_info),
            choices: kernel_choices(&self.session.plan().choices),
            plateau: self.schedule.plateau,
            best: self.best,
            unscored: None,
        }
    }
}
