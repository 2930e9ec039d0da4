//! What a training run writes to the disk: rows of losses and scores, checkpoints. Also the error
//! for a step that failed.

use super::Trainer;
use crate::clock::Instant;
use crate::train::checkpoint::{self, TrainingProgress, kernel_choices};
use crate::train::error::TrainError;
use crate::train::failed_step::not_finite;
use crate::train::monitor::Losses;
use crate::train::run::MetricsRow;
use crate::train::score::Score;

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
        let learning_rate = self.learning_rate(losses);
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

    /// The learning rate of this step.
    pub(super) fn learning_rate(&self, losses: &Losses) -> f32 {
        let scheduled = self.schedule.rate(losses.step) as f32;
        self.unscored
            .filter(|unscored| unscored.losses.step == losses.step)
            .map_or(scheduled, |unscored| unscored.learning_rate)
    }

    pub(super) async fn save(&mut self) -> Result<(), TrainError> {
        let (progress, path) = (self.progress(), self.run.checkpoint_path(self.step));
        self.run.check_place()?;
        checkpoint::save(self.gpu, &self.session, &progress, &path).await?;
        self.run.mark_saved();
        checkpoint::export(self.gpu, &self.session, &progress, self.run.path()).await?;
        self.saved = Instant::now();
        let checkpoints = self.run.checkpoints()?;
        let surplus = checkpoints.len().saturating_sub(KEPT_CHECKPOINTS);
        for old in &checkpoints[..surplus] {
            // A file that cannot be removed only takes room.
            let _ = std::fs::remove_file(&old.path);
        }
        Ok(())
    }

    /// How far the run is, as a checkpoint says it.
    pub fn progress(&self) -> TrainingProgress {
        TrainingProgress {
            config: self.config.clone(),
            step: self.step,
            seconds: self.seconds(),
            pairs: self.training.len(),
            fingerprint: Some(self.training.fingerprint()),
            adapter: self.adapter(),
            choices: kernel_choices(&self.session.plan().choices),
            plateau: self.schedule.plateau,
            best: self.best,
            unscored: self.unscored,
        }
    }

    /// The adapter's name and driver.
    pub(super) fn adapter(&self) -> String {
        let info = self.gpu.info();
        format!("{} ({} {})", info.name, info.driver, info.driver_info)
    }

    /// Runs the failed step again with the watch on.
    pub(super) async fn not_finite(&self, step: u64, column: usize) -> TrainError {
        let checkpoint = match self.run.checkpoints().ok().and_then(|mut all| all.pop()) {
            Some(last) => format!(
                "the last good checkpoint is {}; continue from it with a smaller `learning_rate`",
                last.path.display()
            ),
            None => {
                "there is no checkpoint yet; start again with a smaller `learning_rate`".to_owned()
            }
        };
        let training = (&self.session, &self.config, &*self.training);
        not_finite(self.gpu, training, (step, column), checkpoint).await
    }
}
