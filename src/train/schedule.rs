//! The learning rate: constant for the first half of the run, then linearly down to zero (the reference's `linear` policy).

/// Length and learning rate of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Steps of one epoch, at least 1.
    pub steps_per_epoch: u64,
    /// Steps of the whole run.
    pub total_steps: u64,
    /// Steps that share one rate: an epoch as in the reference, or 1 for a run whose length is given in steps.
    pub steps_per_rate: u64,
    /// The rate of the first half.
    pub learning_rate: f64,
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

    /// Learning rate of a step: with 200 epochs 2e-4 up to epoch 99 and 0 in epoch 200, as in the reference. A run whose length is
    /// given in steps has no step without learning, nor has a run of a single epoch.
    pub fn rate(&self, step: u64) -> f64 {
        let unit = self.steps_per_rate.max(1);
        let periods = self.total_steps.div_ceil(unit);
        let constant = periods / 2;
        let period = step.saturating_sub(1) / unit + 1;
        let ahead = u64::from(unit > 1 && periods > 1);
        let late = (period + ahead).saturating_sub(constant.max(1));
        self.learning_rate * (1.0 - late as f64 / (periods - constant + 1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;

    #[test]
    fn the_rate_is_the_references() {
        let schedule = Schedule { steps_per_epoch: 400, total_steps: 80_000, steps_per_rate: 400, learning_rate: 2e-4 };
        assert_eq!(schedule.epochs(), 200);
        for (step, factor) in [(1, 1.0), (99 * 400, 1.0), (99 * 400 + 1, 1.0 - 1.0 / 101.0), (80_000, 0.0)] {
            assert!((schedule.rate(step) - 2e-4 * factor).abs() < 1e-12, "step {step}");
        }
    }

    #[test]
    fn a_run_in_steps_decays_step_by_step() {
        let schedule = Schedule { steps_per_epoch: 200, total_steps: 1000, steps_per_rate: 1, learning_rate: 1.0 };
        assert_eq!(schedule.rate(500), 1.0);
        assert!((schedule.rate(750) - 0.5).abs() < 2e-3);
        assert!(schedule.rate(1000) > 0.0);
    }

    #[test]
    fn the_shortest_runs_learn() {
        for (steps_per_epoch, total_steps, steps_per_rate) in [(200, 1, 1), (200, 2, 1), (200, 200, 200), (1, 1, 1)] {
            let schedule = Schedule { steps_per_epoch, total_steps, steps_per_rate, learning_rate: 1.0 };
            assert!((1..=total_steps).all(|step| schedule.rate(step) > 0.0), "{schedule:?}");
        }
    }
}
