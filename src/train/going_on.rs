//! How a run goes on: what may be told anew, its data set and its kernels. Everything that resumes
//! a run goes through this.

use super::checkpoint::TrainingProgress;
use super::config::{Config, ConfigError, Length};
use crate::data::{DataError, Dataset};
use crate::gpu::Profile;
use serde::Deserialize;

/// What a run that goes on is told anew. What is `None` stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Changes {
    /// Its length in epochs, in all.
    pub epochs: Option<u64>,
    /// Its length in steps, in all.
    pub steps: Option<u64>,
    /// The learning rate at the start.
    pub learning_rate: Option<f64>,
    /// Scores in a row that may be no better than the best one.
    pub patience: Option<u64>,
    /// Event files are written from now on.
    pub tensorboard: bool,
}

impl Changes {
    /// The length that is asked for.
    pub fn length(&self) -> Option<Length> {
        let steps = self.steps.map(Length::Steps);
        steps.or(self.epochs.map(Length::Epochs))
    }
}

impl TrainingProgress {
    /// Takes what is told anew.
    ///
    /// # Errors
    /// A rule of [`Config::check`].
    pub fn change(&mut self, changes: &Changes) -> Result<(), ConfigError> {
        let config = &mut self.config;
        if let Some(learning_rate) = changes.learning_rate {
            config.learning_rate = learning_rate;
            config.check()?;
        }
        config.tensorboard |= changes.tensorboard;
        if changes.patience.is_some() {
            config.patience = changes.patience;
            config.check()?;
        }
        if let Some(length) = changes.length() {
            config.length = length;
            config.check()?;
        }
        Ok(())
    }

    /// Steps in all of the run with this length, on so many training pairs.
    pub fn steps_of(&self, length: Length, pairs: usize) -> u64 {
        let config = Config {
            length,
            ..self.config.clone()
        };
        let per_epoch = (pairs / config.pairs_per_step().max(1)) as u64;
        config.schedule(per_epoch).total_steps
    }

    /// The profile of a device with the kernels that the run began with, even if the default table
    /// has changed.
    pub fn with_choices(&self, profile: &Profile) -> Profile {
        Profile {
            tuned: self.choices.clone(),
            ..profile.clone()
        }
    }
}

impl Config {
    /// The data set of a run.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn open_dataset(&self) -> Result<Dataset, DataError> {
        match &self.dataset {
            Some(folder) => Dataset::open(folder, &self.data_options()),
            None => Dataset::bundled(&self.data_options()),
        }
    }
}
