//! Scores and sample grids of a run, and the weights with the best score.

use super::{StepReport, Trainer};
use crate::clock::Instant;
use crate::interop::TensorFile;
use crate::train::checkpoint::{self, TrainingProgress, UnscoredStep};
use crate::train::error::TrainError;
use crate::train::run::{HeldOut, RunState, Stage, Standing};
use crate::train::score::{Best, Score};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

/// A score, if there are held-out pairs. It breaks where it was stopped.
type Scored = ControlFlow<(), Option<Score>>;

impl Trainer<'_> {
    /// Shows this step, saves it, or both. Where the score is stopped, nothing else is done: the
    /// end of the run saves, and the run that goes on scores this step first.
    pub(super) async fn show_and_save(
        &mut self,
        [show, save]: [bool; 2],
        stop: &AtomicBool,
        report: &mut dyn FnMut(&StepReport),
    ) -> Result<(), TrainError> {
        if show {
            // The score comes before the checkpoint, because the checkpoint holds the schedule
            // after this score.
            let ControlFlow::Continue(score) = self.evaluate(stop, report).await? else {
                return Ok(());
            };
            score
                .into_iter()
                .for_each(|score| self.schedule.observe(score.l1 as f32));
            self.keep_best(score).await?;
        }
        if save {
            self.save().await?;
        }
        if show {
            self.sample().await?;
        }
        self.tell_state(Stage::Training)?;
        Ok(self.run.refresh(&self.standing(Stage::Training))?)
    }

    /// Shows the last weights of a run, unless it was stopped before or they were shown already.
    /// They are saved.
    pub(super) async fn show_last(
        &mut self,
        stop: &AtomicBool,
        report: &mut dyn FnMut(&StepReport),
    ) -> Result<Stage, TrainError> {
        let is_short = self.step < self.schedule.total_steps;
        if is_short && !self.is_out_of_patience() {
            return Ok(Stage::Stopped);
        }
        let ended = match is_short {
            true => Stage::OutOfPatience {
                waited: self.best.map_or(0, |best| best.waited),
            },
            false => Stage::Complete,
        };
        if matches!(self.picture, Some((step, _)) if step == self.step) {
            return Ok(ended);
        }
        match self.show_saved(stop, report).await? {
            ControlFlow::Break(()) if self.unscored.is_some() => Ok(Stage::Stopped),
            // Without a break it is shown now, and with one an earlier process has scored it.
            _ => Ok(ended),
        }
    }

    /// Shows the last weights of a run that has become longer, where their score was stopped. As in
    /// a run that was not stopped, this score counts for the best weights, and for no schedule and
    /// no patience.
    pub(super) async fn show_earlier_end(
        &mut self,
        stop: &AtomicBool,
        report: &mut dyn FnMut(&StepReport),
    ) -> Result<(), TrainError> {
        let best = self.best;
        let _ = self.show_saved(stop, report).await?;
        self.best = best;
        Ok(())
    }

    /// Shows weights that are saved already.
    async fn show_saved(
        &mut self,
        stop: &AtomicBool,
        report: &mut dyn FnMut(&StepReport),
    ) -> Result<ControlFlow<()>, TrainError> {
        let was_unscored = self.unscored.is_some();
        let scored = self.evaluate(stop, report).await?;
        if was_unscored || self.unscored.is_some() {
            // The checkpoint says if this score is still to come.
            self.save().await?;
        }
        let ControlFlow::Continue(score) = scored else {
            return Ok(ControlFlow::Break(()));
        };
        self.keep_best(score).await?;
        self.sample().await?;
        Ok(ControlFlow::Continue(()))
    }

    /// Scores the held-out pairs, if there are any, and writes the row of this step. Where it is
    /// stopped, there is no score and no row.
    async fn evaluate(
        &mut self,
        stop: &AtomicBool,
        report: &mut dyn FnMut(&StepReport),
    ) -> Result<Scored, TrainError> {
        if !self.shown.1 {
            // The pairs of a score that was stopped may be gone. Its row comes without it.
            if let Some(UnscoredStep { losses, .. }) = self.unscored {
                self.log(&losses, None)?;
                self.unscored = None;
            }
            return Ok(Scored::Continue(None));
        }
        let began = Instant::now();
        let (gpu, store, pairs) = (self.gpu, &self.session.store, &self.shown.0);
        let validator = &mut self.validator;
        let score = match stop.load(Ordering::Relaxed) {
            true => Err(TrainError::Interrupted),
            false => {
                self.session
                    .with_used_weights(gpu, async || validator.score(gpu, store, pairs, stop).await)
                    .await
            }
        };
        self.showing += began.elapsed();
        let score = match score {
            Err(TrainError::Interrupted) => {
                self.unscored = self.losses.map(|losses| UnscoredStep {
                    losses,
                    learning_rate: self.learning_rate(&losses),
                });
                return Ok(Scored::Break(()));
            }
            score => score?,
        };
        if let Some(copy_l1) = score.copy_l1 {
            self.run.write_held_out(&HeldOut {
                pairs: score.pairs,
                copy_l1: copy_l1 as f32,
            })?;
        }
        self.score = Some(score);
        if let Some(losses) = self.losses {
            self.log(&losses, Some(score))?;
            report(&StepReport {
                losses,
                epoch: self.schedule.epoch(losses.step),
                score: self.score,
            });
        }
        self.unscored = None;
        Ok(Scored::Continue(self.score))
    }

    /// Takes in a score. If it is the best so far, its weights are saved beside the other
    /// checkpoints.
    async fn keep_best(&mut self, score: Option<Score>) -> Result<(), TrainError> {
        let Some(score) = score else { return Ok(()) };
        let (metric, step) = (self.config.eval_metric, self.step);
        Best::observe(&mut self.best, metric, step, &score);
        if Best::observe(&mut self.kept, metric, step, &score) {
            self.run.check_place()?;
            let progress = TrainingProgress {
                best: self.kept,
                ..self.progress()
            };
            checkpoint::save(self.gpu, &self.session, &progress, &self.run.best_path()).await?;
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

    async fn sample(&mut self) -> Result<(), TrainError> {
        let began = Instant::now();
        let (gpu, store) = (self.gpu, &self.session.store);
        let samples = self
            .session
            .with_used_weights(gpu, async || {
                self.validator.samples(gpu, store, &self.shown.0).await
            })
            .await?;
        let picture = self.run.write_samples(self.step, &samples)?;
        if let Some(events) = &self.events {
            events.samples(self.step, &picture)?;
        }
        self.picture = Some((self.step, picture));
        self.showing += began.elapsed();
        Ok(())
    }

    /// How far the run is.
    pub(super) fn standing(&self, stage: Stage) -> Standing {
        Standing {
            stage,
            step: self.step,
            length: self.schedule.total_steps,
            metric: self.config.eval_metric,
            best: self.kept,
        }
    }

    /// Writes how far the run is, for programs that look in.
    pub(super) fn tell_state(&self, stage: Stage) -> Result<(), TrainError> {
        Ok(self.run.write_state(&RunState {
            standing: self.standing(stage),
            memory: self.session.memory().total(),
            adapter: self.adapter(),
            pairs: self.training.len(),
        })?)
    }
}
