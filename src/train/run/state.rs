//! `state.json`: how far a run is, for programs that look in while it trains.

use super::error::RunError;
use super::files::{read_json, write_json};
use super::{RunDir, Standing};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

pub(super) const STATE: &str = "state.json";

/// How far a run is, and what it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// Whether it trains, and its steps.
    pub standing: Standing,
    /// Bytes of the device's memory that it takes, as planned.
    pub memory: u64,
    /// The adapter's name and driver.
    pub adapter: String,
    /// Number of training pairs.
    pub pairs: usize,
}

impl RunDir {
    /// Writes `state.json`.
    ///
    /// # Errors
    /// [`RunError::Serialise`], [`RunError::Write`] or [`RunError::DiskFull`].
    pub fn write_state(&self, state: &RunState) -> Result<(), RunError> {
        self.check_place()?;
        write_json(&self.path.join(STATE), state)
    }

    /// The state of the run in `folder`, as it was written last. Older runs have none. The process
    /// that wrote it may have ended since then: see [`RunLock::check`](super::RunLock::check).
    ///
    /// # Errors
    /// [`RunError::Read`] and [`RunError::Json`].
    pub fn state_of(folder: &Path) -> Result<Option<RunState>, RunError> {
        match read_json(&folder.join(STATE)) {
            Err(RunError::Read { reason, .. }) if reason.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            state => state.map(Some),
        }
    }

    /// The sample grids of the run in `folder` by rising step.
    ///
    /// # Errors
    /// [`RunError::Read`].
    pub fn samples_of(folder: &Path) -> Result<Vec<(u64, std::path::PathBuf)>, RunError> {
        super::files::step_files(&folder.join(super::SAMPLES), "png")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::train::run::Stage;
    use crate::train::score::{Best, EvalMetric};

    #[test]
    fn a_state_comes_back_and_older_runs_have_none() {
        let root = tempfile::tempdir().unwrap();
        let run = RunDir::create(root.path(), "r").unwrap();
        assert_eq!(RunDir::state_of(run.path()).unwrap(), None);
        for stage in [
            Stage::Training,
            Stage::Stopped,
            Stage::OutOfPatience { waited: 3 },
            Stage::Complete,
        ] {
            let state = RunState {
                standing: Standing {
                    stage,
                    step: 7,
                    length: 9,
                    metric: EvalMetric::Psnr,
                    best: Some(Best {
                        step: 5,
                        value: f64::INFINITY,
                        waited: 1,
                        scored: 7,
                    }),
                },
                memory: 1 << 20,
                adapter: "a device".to_owned(),
                pairs: 4,
            };
            run.write_state(&state).unwrap();
            assert_eq!(RunDir::state_of(run.path()).unwrap(), Some(state));
        }
    }
}
