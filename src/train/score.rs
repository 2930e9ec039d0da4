//! Held-out scores of a run: the best one, and how long a run waits for a better one.

use crate::metrics::number;
use serde::{Deserialize, Serialize};

/// How good a generator is on held-out pairs: means over them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Mean absolute distance of output and target, in -1..1.
    pub l1: f64,
    /// The same of the input itself, where its channels mean the same as the target's.
    pub copy_l1: Option<f64>,
    /// Structural similarity, see [`crate::metrics::ssim`]. `None` for images that are too small
    /// for it.
    pub ssim: Option<f64>,
    /// Peak signal-to-noise ratio in decibels, see [`crate::metrics::psnr`]. Infinite if an output
    /// is its target.
    pub psnr: f64,
    /// Pairs scored.
    pub pairs: usize,
}

/// The held-out score by which checkpoints are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum EvalMetric {
    /// The mean absolute distance to the target; low is good
    #[default]
    L1,
    /// Structural similarity; high is good
    Ssim,
    /// Peak signal-to-noise ratio; high is good
    Psnr,
}

impl EvalMetric {
    /// Its name in tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::L1 => "L1",
            Self::Ssim => "SSIM",
            Self::Psnr => "PSNR",
        }
    }

    /// A value of it with the digits that say something, and its unit.
    pub fn words(self, value: f64) -> String {
        match self {
            Self::L1 | Self::Ssim => format!("{value:.4}"),
            Self::Psnr => format!("{value:.2} dB"),
        }
    }

    /// Its value in a score, if it is defined.
    pub fn of(self, score: &Score) -> Option<f64> {
        match self {
            Self::L1 => Some(score.l1),
            Self::Ssim => score.ssim,
            Self::Psnr => Some(score.psnr),
        }
    }

    fn is_better(self, value: f64, than: f64) -> bool {
        match self {
            Self::L1 => value < than,
            Self::Ssim | Self::Psnr => value > than,
        }
    }
}

/// The best score so far. It is part of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The step that was scored.
    pub step: u64,
    /// Its score, by the metric of the run. PSNR can be infinite.
    #[serde(with = "number")]
    pub value: f64,
    /// Scores since then.
    pub waited: u64,
    /// The last step that was scored.
    pub scored: u64,
}

impl Best {
    /// Takes in the score of a step. Returns whether it is the best so far. A step that was scored
    /// already does not count again.
    pub(super) fn observe(
        best: &mut Option<Self>,
        metric: EvalMetric,
        step: u64,
        score: &Score,
    ) -> bool {
        let Some(value) = metric.of(score).filter(|value| !value.is_nan()) else {
            return false;
        };
        match best {
            Some(best) if best.scored >= step => false,
            Some(best) if !metric.is_better(value, best.value) => {
                (best.waited, best.scored) = (best.waited + 1, step);
                false
            }
            _ => {
                *best = Some(Self {
                    step,
                    value,
                    waited: 0,
                    scored: step,
                });
                true
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn score(l1: f64, ssim: Option<f64>) -> Score {
        Score {
            l1,
            copy_l1: None,
            ssim,
            psnr: 20.0,
            pairs: 4,
        }
    }

    #[test]
    fn the_best_step_is_kept_and_scores_since_then_are_counted() {
        let mut best = None;
        let mut observe =
            |step, l1| Best::observe(&mut best, EvalMetric::L1, step, &score(l1, None));
        assert_eq!(
            [(1, 0.3), (2, 0.2), (2, 0.1), (3, 0.25), (4, 0.2), (4, 0.3)]
                .map(|(step, l1)| observe(step, l1)),
            [true, true, false, false, false, false]
        );
        let found = best.unwrap();
        assert_eq!((found.step, found.value, found.waited), (2, 0.2, 2));
    }

    #[test]
    fn each_metric_has_its_own_way_up() {
        let mut best = None;
        let mut observe =
            |step, ssim| Best::observe(&mut best, EvalMetric::Ssim, step, &score(0.1, ssim));
        assert!(observe(1, Some(0.5)) && observe(2, Some(0.6)));
        assert!(!observe(3, Some(0.55)) && !observe(4, None) && !observe(5, Some(f64::NAN)));
        let found = best.unwrap();
        assert_eq!((found.step, found.value, found.waited), (2, 0.6, 1));
    }

    #[test]
    fn an_output_that_is_its_target_has_an_infinite_psnr_which_a_checkpoint_holds() {
        let mut best = None;
        let score = Score {
            psnr: f64::INFINITY,
            ..score(0.0, None)
        };
        assert!(Best::observe(&mut best, EvalMetric::Psnr, 1, &score));
        let text = serde_json::to_string(&best).unwrap();
        assert_eq!(serde_json::from_str::<Option<Best>>(&text).unwrap(), best);
    }
}
