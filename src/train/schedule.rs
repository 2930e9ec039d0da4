//! The learning rate over a run: the reference's `lr_policy`.

use super::error::TrainError;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// How the learning rate changes. `t` counts epochs, or steps where each step has a rate of its
/// own. `T` is the whole run in the same unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Constant for the first half of the run, then linearly down to zero.
    #[default]
    Linear,
    /// `(1 + cos(pi t / T)) / 2` (arXiv 1608.03983, without restarts).
    Cosine,
    /// A tenth after every so many epochs.
    Step {
        /// Epochs from one drop to the next.
        epochs: u64,
    },
    /// A fifth whenever the held-out L1 has stopped falling; see [`Plateau`].
    Plateau,
    /// The same in the whole run.
    Constant,
}

impl Policy {
    /// [`Policy::Step`] as the reference has it.
    pub const STEP: Self = Self::Step { epochs: 50 };
}

#[cfg(feature = "cli")]
impl clap::ValueEnum for Policy {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Linear,
            Self::Cosine,
            Self::STEP,
            Self::Plateau,
            Self::Constant,
        ]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        let (name, help) = match self {
            Self::Linear => (
                "linear",
                "Constant for the first half of the run, then linearly down to zero",
            ),
            Self::Cosine => ("cosine", "Down to zero in half a cosine"),
            Self::Step { .. } => ("step", "A tenth after every so many epochs"),
            Self::Plateau => (
                "plateau",
                "A fifth when the held-out L1 has not fallen by 1 % in six scores",
            ),
            Self::Constant => ("constant", "The same in the whole run"),
        };
        Some(clap::builder::PossibleValue::new(name).help(help))
    }
}

/// Factor of each drop of [`Policy::Step`].
const STEP_FACTOR: f64 = 0.1;
/// Factor of each drop of [`Policy::Plateau`], as in the reference.
const PLATEAU_FACTOR: f64 = 0.2;
/// A score counts as better when it is lower by this part of the best one.
const THRESHOLD: f64 = 0.01;
/// This number of scores in a row may fail to be better. The next one lowers the rate.
const PATIENCE: u32 = 5;
/// A rate that would change by less stays as it is (PyTorch's `eps`).
const LEAST_CHANGE: f64 = 1e-8;

/// What [`Policy::Plateau`] remembers of the held-out scores. It is part of a checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    /// The best score so far.
    pub best: Option<f32>,
    /// Scores since then.
    pub bad: u32,
    /// How often the rate was lowered.
    pub drops: u32,
}

impl Plateau {
    fn factor(&self) -> f64 {
        PLATEAU_FACTOR.powi(self.drops.min(1000) as i32)
    }

    /// Takes in a score. `learning_rate` is the rate at the start. This is PyTorch's
    /// `ReduceLROnPlateau` in mode `min` with a relative threshold.
    fn observe(&mut self, score: f32, learning_rate: f64) {
        if self
            .best
            .is_none_or(|best| f64::from(score) < f64::from(best) * (1.0 - THRESHOLD))
        {
            (self.best, self.bad) = (Some(score), 0);
            return;
        }
        self.bad += 1;
        if self.bad > PATIENCE {
            self.bad = 0;
            self.drops +=
                u32::from(learning_rate * self.factor() * (1.0 - PLATEAU_FACTOR) > LEAST_CHANGE);
        }
    }
}

/// Length and learning rate of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// How the rate changes.
    pub policy: Policy,
    /// Steps of one epoch, at least 1.
    pub steps_per_epoch: u64,
    /// Steps of the whole run.
    pub total_steps: u64,
    /// Whether all steps of an epoch share one rate, as in the reference. In a run whose length is
    /// given in steps, each step has its own.
    pub by_epoch: bool,
    /// The rate at the start.
    pub learning_rate: f64,
    /// What the scores have been so far.
    pub plateau: Plateau,
}

impl Schedule {
    /// Epoch of a step; both count from 1.
    pub fn epoch(&self, step: u64) -> u64 {
        step.saturating_sub(1) / self.steps_per_epoch.max(1) + 1
    }

    /// Epochs of the whole run; the last may be cut short.
    pub fn epochs(&self) -> u64 {
        self.total_steps.div_ceil(self.steps_per_epoch.max(1))
    }

    /// Learning rate of a step. The reference moves its schedule at the start of an epoch, so epoch
    /// `e` has the rate of `t = e`. With 200 epochs of the linear policy this is 2e-4 up to epoch
    /// 99, and 0 in epoch 200. A run whose length is given in steps, or of a single epoch, begins
    /// with `t = 0`. So it learns in every step.
    pub fn rate(&self, step: u64) -> f64 {
        let unit = if self.by_epoch {
            self.steps_per_epoch.max(1)
        } else {
            1
        };
        let periods = self.total_steps.div_ceil(unit);
        let ahead = self.ahead();
        let t = step.saturating_sub(1) / unit + ahead;
        let factor = match self.policy {
            Policy::Linear => {
                let constant = periods / 2;
                let late = (t + 1).saturating_sub(constant.max(1));
                1.0 - late as f64 / (periods - constant + 1) as f64
            }
            Policy::Cosine => 0.5 * (1.0 + (PI * t as f64 / periods.max(1) as f64).cos()),
            Policy::Step { epochs } => {
                let drops = (self.epoch(step) - 1 + ahead) / epochs.max(1);
                STEP_FACTOR.powi(drops.min(1000) as i32)
            }
            Policy::Plateau => self.plateau.factor(),
            Policy::Constant => 1.0,
        };
        self.learning_rate * factor
    }

    /// By how many periods the rate is ahead of the steps that were done.
    fn ahead(&self) -> u64 {
        u64::from(self.by_epoch && self.epochs() > 1)
    }

    /// The longest period of [`Policy::Step`] with which the rate drops before the run ends. 0 if
    /// there is none.
    fn longest_period(&self) -> u64 {
        (self.epochs() + self.ahead()).saturating_sub(1)
    }

    /// Checks that the rate of [`Policy::Step`] drops at all.
    ///
    /// # Errors
    /// [`TrainError::NoDrop`].
    pub fn check(&self) -> Result<(), TrainError> {
        let longest = self.longest_period();
        match self.policy {
            Policy::Step { epochs: period } if period > longest => Err(TrainError::NoDrop {
                period,
                epochs: self.epochs(),
                longest,
            }),
            _ => Ok(()),
        }
    }

    /// Takes in a held-out score.
    pub fn observe(&mut self, score: f32) {
        if self.policy == Policy::Plateau {
            self.plateau.observe(score, self.learning_rate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(
        policy: Policy,
        steps_per_epoch: u64,
        total_steps: u64,
        by_epoch: bool,
    ) -> Schedule {
        Schedule {
            policy,
            steps_per_epoch,
            total_steps,
            by_epoch,
            learning_rate: 2e-4,
            plateau: Plateau::default(),
        }
    }

    /// A run of epochs as in the reference. It calls `scheduler.step()` at the start of each epoch,
    /// so epoch `e` has the rate after `e` calls.
    fn check(policy: Policy, epochs: u64, factor: impl Fn(u64) -> f64) {
        for steps in [40, 1] {
            let schedule = schedule(policy, steps, epochs * steps, true);
            for (epoch, step) in (1..=epochs).flat_map(|epoch| {
                [(epoch - 1) * steps + 1, epoch * steps].map(|step| (epoch, step))
            }) {
                let (got, expected) = (schedule.rate(step), 2e-4 * factor(epoch));
                assert!(
                    (got - expected).abs() < 1e-15,
                    "{policy:?}, epoch {epoch} of {steps} steps: {got} for {expected}"
                );
            }
        }
    }

    #[test]
    fn linear_is_lambda_lr_with_the_references_rule() {
        check(Policy::Linear, 200, |epoch| {
            1.0 - (epoch + 1).saturating_sub(100) as f64 / 101.0
        });
    }

    #[test]
    fn cosine_is_cosine_annealing_lr() {
        // Its closed form with eta_min = 0.
        check(Policy::Cosine, 30, |epoch| {
            (1.0 + (PI * epoch as f64 / 30.0).cos()) / 2.0
        });
        let last = schedule(Policy::Cosine, 200, 1000, false);
        assert!(last.rate(1) == 2e-4 && last.rate(1000) > 0.0 && last.rate(1000) < 1e-9);
    }

    #[test]
    fn step_is_step_lr() {
        check(Policy::Step { epochs: 50 }, 200, |epoch| {
            [1.0, 0.1, 1e-2, 1e-3, 1e-4][epoch as usize / 50]
        });
        // A run in steps still counts epochs.
        let run = schedule(Policy::Step { epochs: 2 }, 10, 45, false);
        assert_eq!(
            [1, 20, 21, 40, 41].map(|step| (run.rate(step) / 2e-4 * 1000.0).round()),
            [1000.0, 1000.0, 100.0, 100.0, 10.0]
        );
    }

    /// PyTorch's class, as its documentation states it, step by step.
    #[test]
    fn plateau_is_reduce_lr_on_plateau() {
        let scores: Vec<f32> = (0..200)
            .map(|i| [0.5, 0.4, 0.399, 0.39, 0.45, 0.389][i % 6] * if i > 90 { 0.98 } else { 1.0 })
            .collect();
        let mut schedule = schedule(Policy::Plateau, 10, 10_000, true);
        let (mut best, mut bad, mut rate) = (f64::INFINITY, 0, 2e-4_f64);
        let mut drops = Vec::new();
        for (i, &score) in scores.iter().enumerate() {
            schedule.observe(score);
            if f64::from(score) < best * (1.0 - 0.01) {
                (best, bad) = (score.into(), 0);
            } else {
                bad += 1;
            }
            if bad > 5 {
                bad = 0;
                let lower = rate * 0.2;
                if rate - lower > 1e-8 {
                    rate = lower;
                    drops.push(i);
                }
            }
            assert!(
                (schedule.rate(1) - rate).abs() < 1e-18,
                "after score {i}: {} for {rate}",
                schedule.rate(1)
            );
        }
        assert!(drops.len() >= 5 && drops[0] == 9, "{drops:?}");
        assert!(rate > 1e-9, "a rate that hardly changes stays");
    }

    #[test]
    fn the_longest_period_is_the_last_that_lowers_the_rate() {
        for (steps_per_epoch, total_steps, by_epoch) in [
            (10, 45, false),
            (10, 40, false),
            (10, 50, true),
            (1, 7, true),
            (1, 7, false),
        ] {
            let lowers = |epochs| {
                let run = schedule(
                    Policy::Step { epochs },
                    steps_per_epoch,
                    total_steps,
                    by_epoch,
                );
                assert_eq!(
                    run.check().is_ok(),
                    run.rate(total_steps) < run.learning_rate,
                    "{run:?}"
                );
                run.check().is_ok()
            };
            let longest =
                schedule(Policy::Linear, steps_per_epoch, total_steps, by_epoch).longest_period();
            assert!(
                lowers(longest) && !lowers(longest + 1),
                "{longest} of {total_steps} steps"
            );
        }
        assert_eq!(schedule(Policy::Linear, 10, 10, true).longest_period(), 0);
        assert_eq!(schedule(Policy::Linear, 10, 10, false).longest_period(), 0);
    }

    #[test]
    fn constant_and_plateau_without_scores_do_not_move() {
        for policy in [Policy::Constant, Policy::Plateau] {
            check(policy, 7, |_| 1.0);
        }
        let mut constant = schedule(Policy::Constant, 1, 10, false);
        (0..50).for_each(|_| constant.observe(1.0));
        assert_eq!(constant.plateau, Plateau::default());
    }

    #[test]
    fn a_run_in_steps_decays_step_by_step() {
        let schedule = Schedule {
            learning_rate: 1.0,
            ..schedule(Policy::Linear, 200, 1000, false)
        };
        assert_eq!(schedule.rate(500), 1.0);
        assert!((schedule.rate(750) - 0.5).abs() < 2e-3);
        assert!(schedule.rate(1000) > 0.0);
    }

    #[test]
    fn the_shortest_runs_learn() {
        for policy in [Policy::Linear, Policy::Cosine, Policy::Step { epochs: 1 }] {
            for (steps_per_epoch, total_steps, by_epoch) in [
                (200, 1, false),
                (200, 2, false),
                (200, 200, true),
                (1, 1, true),
                (1, 1, false),
            ] {
                let schedule = schedule(policy, steps_per_epoch, total_steps, by_epoch);
                assert!(
                    (1..=total_steps).all(|step| schedule.rate(step) > 0.0),
                    "{schedule:?}"
                );
            }
        }
    }
}
