//! What a training run writes to the disk: rows of losses and scores, sample grids, checkpoints.
//! Also the error for a step that failed.

use super::{StepReport, Trainer};
use crate::data::batch_sampler::BatchSampler;
use crate::interop::TensorFile;
use crate::ops::loss_scale::GRADIENT_COLUMN;
use crate::train::checkpoint::{self, TrainingProgress, kernel_choices};
use crate::train::error::TrainError;
use crate::train::monitor::Losses;
use crate::train::run::{HeldOut, MetricsRow};
use crate::train::score::{Best, Score};
use crate::train::step::{LOSSES, WEIGHTED};
use std::path::PathBuf;
use std::time::Instant;

/// Checkpoints that stay on the disk: the newest ones.
const KEPT_CHECKPOINTS: usize = 2;

impl Trainer<'_> {
    /// Begins an event file, if the run writes any. It was trained for `seconds` so far.
    pub(super) fn begin_events(&mut self, seconds: f64) -> Result<(), TrainError> {
        if self.config.tensorboard {
            self.events = Some(self.run.begin_events(&self.config, self.step, seconds)?);
        }
        Ok(())
    }

    /// Adds a row to metrics.csv and to the event file. A run that is stopped may come here twice
    /// with its last step. Only one row is written.
    pub(super) fn log(&mut self, losses: &Losses, score: Option<Score>) -> Result<(), TrainError> {
        if losses.step > self.logged {
            let row = self.row(losses, score);
            self.run.append(&row)?;
            self.events
                .as_ref()
                .map_or(Ok(()), |events| events.row(&row))?;
            self.logged = losses.step;
        }
        Ok(())
    }

    /// Whether [`Trainer::evaluate`] writes the row of this step, with its held-out score.
    pub(super) fn is_scored(&self, step: u64) -> bool {
        self.shown.1
            && (step.is_multiple_of(self.config.sample_every.max(1))
                || step == self.schedule.total_steps)
    }

    pub(super) fn row(&self, losses: &Losses, score: Option<Score>) -> MetricsRow {
        let [g_gan, g_l1, d_real, d_fake] = losses.values;
        let [g_gan, d_real, d_fake] = [g_gan, d_real, d_fake]
            .map(|loss| self.session.discriminator.is_some().then_some(loss));
        let learning_rate = self.schedule.rate(losses.step) as f32;
        let epoch = self.schedule.epoch(losses.step);
        MetricsRow {
            step: losses.step,
            epoch,
            g_gan,
            g_l1,
            d_real,
            d_fake,
            d_gp: losses.d_gp,
            g_feat: losses.g_feat,
            learning_rate,
            seconds: self.seconds(),
            val_l1: score.map(|score| score.l1 as f32),
            val_ssim: score.and_then(|score| score.ssim).map(|ssim| ssim as f32),
            val_psnr: score.map(|score| score.psnr as f32),
        }
    }

    /// Scores the held-out pairs, if there are any, and writes the row of this step.
    pub(super) fn evaluate(
        &mut self,
        report: &mut dyn FnMut(&StepReport),
    ) -> Result<Option<Score>, TrainError> {
        if !self.shown.1 {
            return Ok(None);
        }
        let began = Instant::now();
        let (gpu, store) = (self.gpu, &self.session.store);
        let score = self
            .session
            .with_used_weights(gpu, || self.validator.score(gpu, store, &self.shown.0))?;
        if let Some(copy_l1) = score.copy_l1 {
            self.run.write_held_out(&HeldOut {
                pairs: score.pairs,
                copy_l1: copy_l1 as f32,
            })?;
        }
        self.score = Some(score);
        self.showing += began.elapsed();
        if let Some(losses) = self.losses {
            self.log(&losses, Some(score))?;
            report(&StepReport {
                losses,
                epoch: self.schedule.epoch(losses.step),
                score: self.score,
            });
        }
        Ok(self.score)
    }

    /// Takes in a score. If it is the best so far, its weights are saved beside the other
    /// checkpoints.
    pub(super) fn keep_best(&mut self, score: Option<Score>) -> Result<(), TrainError> {
        let Some(score) = score else { return Ok(()) };
        let (metric, step) = (self.config.eval_metric, self.step);
        Best::observe(&mut self.best, metric, step, &score);
        if Best::observe(&mut self.kept, metric, step, &score) {
            self.run.check_place()?;
            let progress = TrainingProgress {
                best: self.kept,
                ..self.progress()
            };
            checkpoint::save(self.gpu, &self.session, &progress, &self.run.best_path())?;
            self.run.mark_saved();
        }
        Ok(())
    }

    /// Reads what the best checkpoint scored, if there is one. A run saves its last checkpoint
    /// before its last score, so only that file knows if the last weights were the best ones.
    pub(super) fn find_kept(&mut self) {
        let path = self.run.best_path();
        if !path.is_file() {
            return;
        }
        let read = TensorFile::open(&path).map_err(TrainError::from);
        match read.and_then(|file| checkpoint::read_progress(&file)) {
            Ok(TrainingProgress { best, .. }) => {
                // Steps after this one are done again, and may score better.
                self.kept = best.map(|best| Best {
                    scored: best.scored.min(self.step),
                    ..best
                });
            }
            Err(error) => self.notes.push(format!(
                "the best checkpoint so far cannot be read, so the next scored one replaces it: \
                 {error}"
            )),
        }
    }

    /// Whether the run has waited long enough for a better score.
    pub(super) fn is_out_of_patience(&self) -> bool {
        let waited = self.best.map_or(0, |best| best.waited);
        self.config
            .patience
            .is_some_and(|patience| waited >= patience)
    }

    pub(super) fn sample(&mut self) -> Result<PathBuf, TrainError> {
        let began = Instant::now();
        let (gpu, store) = (self.gpu, &self.session.store);
        let samples = self
            .session
            .with_used_weights(gpu, || self.validator.samples(gpu, store, &self.shown.0))?;
        let picture = self.run.write_samples(self.step, &samples)?;
        if let Some(events) = &self.events {
            events.samples(self.step, &picture)?;
        }
        self.showing += began.elapsed();
        Ok(picture)
    }

    pub(super) fn save(&mut self) -> Result<(), TrainError> {
        let (progress, path) = (self.progress(), self.run.checkpoint_path(self.step));
        self.run.check_place()?;
        checkpoint::save(self.gpu, &self.session, &progress, &path)?;
        self.run.mark_saved();
        checkpoint::export(self.gpu, &self.session, &progress, self.run.path())?;
        self.saved = Instant::now();
        let checkpoints = self.run.checkpoints()?;
        let surplus = checkpoints.len().saturating_sub(KEPT_CHECKPOINTS);
        for old in &checkpoints[..surplus] {
            // A file that cannot be removed only takes room.
            let _ = std::fs::remove_file(&old.path);
        }
        Ok(())
    }

    pub(super) fn progress(&self) -> TrainingProgress {
        let info = self.gpu.info();
        TrainingProgress {
            config: self.config.clone(),
            step: self.step,
            seconds: self.seconds(),
            pairs: self.training.len(),
            fingerprint: Some(self.training.fingerprint()),
            adapter: format!("{} ({} {})", info.name, info.driver, info.driver_info),
            choices: kernel_choices(&self.session.plan().choices),
            plateau: self.schedule.plateau,
            best: self.best,
        }
    }

    /// Runs the failed step again with the watch on.
    pub(super) fn not_finite(&self, step: u64, column: usize) -> TrainError {
        let find = || {
            let sampler = BatchSampler::new(
                &self.training,
                self.config.pairs_per_step(),
                self.config.seed,
            )?;
            let batch = self
                .training
                .batch(&sampler.samples(step.saturating_sub(1)))?;
            self.session.find_failure(self.gpu, step, &batch)
        };
        let op = match find() {
            Ok(Some(op)) => op,
            // In the step that failed the discriminator saw older fakes. Here it sees new ones.
            Ok(None) if self.session.pool.is_some() => {
                let words = "no operation when the step was run again without older fakes, so \
                             perhaps in the image pool (`recipe.pool`)";
                words.to_owned()
            }
            Ok(None) => "no operation when the step was run again".to_owned(),
            Err(error) => format!("an operation that could not be found ({error})"),
        };
        let checkpoint = match self.run.checkpoints().ok().and_then(|mut all| all.pop()) {
            Some(last) => format!(
                "the last good checkpoint is {}; continue from it with a smaller `learning_rate`",
                last.path.display()
            ),
            None => {
                "there is no checkpoint yet; start again with a smaller `learning_rate`".to_owned()
            }
        };
        let what = match LOSSES.iter().chain(&WEIGHTED).nth(column) {
            Some(loss) => format!("loss {loss}"),
            None if column == GRADIENT_COLUMN => "a gradient, with a loss scale of 1,".to_owned(),
            None => format!("the value watched in column {column}"),
        };
        TrainError::NotFinite {
            step,
            what,
            op,
            checkpoint,
        }
    }
}
