//! The run directory `runs/NAME/`: everything a training run leaves on the disk, and the page that
//! shows it.
//!
//! | file | what it is | written |
//! |---|---|---|
//! | `config.json` | the configuration | at the start, and again when the run goes on |
//! | `metrics.csv` | losses and held-out L1, a row a logged step | appended |
//! | `held_out.json` | what copying the input scores on the held-out pairs | once |
//! | `state.json` | how far the run is: [`RunState`] | at the start, with each score, at the end |
//! | `losses.svg` | chart of `metrics.csv` | by [`RunDir::refresh`] |
//! | `events.out.tfevents.*` | the same for TensorBoard, if it is asked for | appended |
//! | `samples/step-000250.png` | input, output, target of held-out images | as training goes |
//! | `checkpoints/step-000250.safetensors` | the state to resume from | [`write_atomic`] |
//! | `.lock` | the process that writes to this folder, while there is one | by create and open |
//! | `index.html` | all of this on one page, straight from the disk | by [`RunDir::refresh`] |

mod atomic;
mod error;
mod events;
mod files;
mod grid;
mod lock;
mod metrics;
mod page;
mod plot;
mod standing;
mod state;
mod tail;
mod unsaved;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::train::config::Config;

pub use atomic::{AtomicFile, check_writable, folder_of, write_atomic};
pub use error::RunError;
use error::{fields, unknown_fields};
pub use events::RunEvents;
pub use files::check_name;
use files::{read_json, step_file, step_files, write_json};
pub use grid::{SampleRow, Samples};
pub use lock::RunLock;
pub use metrics::MetricsRow;
pub use page::quote;
pub use standing::{Commands, GoOn, Stage, Standing};
pub use state::RunState;
pub use tail::{MetricsTail, NewRows};

const CONFIG: &str = "config.json";
const METRICS: &str = "metrics.csv";
const HELD_OUT: &str = "held_out.json";
const CHART: &str = "losses.svg";
const PAGE: &str = "index.html";
const SAMPLES: &str = "samples";
const CHECKPOINTS: &str = "checkpoints";

/// The folder of one training run. Only one process at a time writes to it: see [`RunDir::open`].
#[derive(Clone, Debug)]
pub struct RunDir {
    path: PathBuf,
    name: String,
    commands: Option<Commands>,
    /// Whether this very process made the folder.
    is_new: bool,
    /// Whether this process has saved weights here, wherever they are now.
    has_saved: Arc<AtomicBool>,
    /// Held until the last copy of this value is gone.
    lock: Option<Arc<RunLock>>,
}

/// The score of the held-out pairs before anything is learned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Number of held-out pairs.
    pub pairs: usize,
    /// Mean |input - target| over them in -1..1: the L1 of a generator that copies its input.
    pub copy_l1: f32,
}

/// A checkpoint on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The file.
    pub path: PathBuf,
    /// The training step after which it was written, by its name.
    pub step: u64,
    /// Size of the file.
    pub bytes: u64,
}

impl RunDir {
    /// Makes `root/name/` for a new run and checks that it can be written.
    ///
    /// # Errors
    /// [`RunError::Name`] for a name that is no plain folder name. [`RunError::Exists`],
    /// [`RunError::Unsaved`] or [`RunError::InUse`] if anything of that name is there.
    /// [`RunError::Write`] or [`RunError::DiskFull`] if the folder cannot be made or written. None
    /// of them leaves a new folder.
    pub fn create(root: &Path, name: &str) -> Result<Self, RunError> {
        let mut run = Self::at(root, name)?;
        fs::create_dir_all(root).map_err(|error| RunError::write(root, error))?;
        // Making the folder also tests whether it is there. So of two runs that start together only
        // one can have it.
        fs::create_dir(&run.path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => run.taken(),
            _ => RunError::write(&run.path, error),
        })?;
        run.is_new = true;
        if let Err(error) = run.prepare() {
            // If the folder stayed, it would be in the way of the next try.
            run.remove_unsaved();
            return Err(error);
        }
        Ok(run)
    }

    /// Opens the run `root/name/` to go on with it. Checks that it can be written. Removes
    /// half-written files of a killed process. A folder that is no run is not touched.
    ///
    /// A file lock of the operating system keeps other processes out until this value and its
    /// copies are gone. A process that dies leaves no lock.
    ///
    /// # Errors
    /// [`RunError::Name`], [`RunError::Missing`] if there is no such folder, [`RunError::NoRun`] if
    /// it is no run, [`RunError::InUse`] if another process writes there, [`RunError::Write`],
    /// [`RunError::DiskFull`] or [`RunError::Read`] if it cannot be used.
    pub fn open(root: &Path, name: &str) -> Result<Self, RunError> {
        let mut run = Self::at(root, name)?;
        if !run.path.is_dir() {
            return Err(RunError::Missing { path: run.path });
        }
        if !Self::is_run(&run.path) && run.has_no_checkpoint() {
            return Err(RunError::NoRun { path: run.path });
        }
        run.prepare()?;
        Ok(run)
    }

    /// The same run with `commands` on its page.
    pub fn with_commands(self, commands: Commands) -> Self {
        Self {
            commands: Some(commands),
            ..self
        }
    }

    /// `base`, or the first of `base-2`, `base-3`, ... that is no run in `root` yet.
    ///
    /// # Errors
    /// [`RunError::Name`] if `base` is no plain folder name.
    pub fn unused_name(root: &Path, base: &str) -> Result<String, RunError> {
        check_name(base)?;
        let mut name = base.to_owned();
        let mut number = 2u64;
        while fs::symlink_metadata(root.join(&name)).is_ok() {
            name = format!("{base}-{number}");
            number += 1;
        }
        Ok(name)
    }

    /// Whether `folder` is that of a run.
    pub fn is_run(folder: &Path) -> bool {
        folder.join(CONFIG).is_file()
    }

    /// Whether a file lock keeps other processes out. Some network file systems have no locks.
    pub fn is_locked(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.is_held())
    }

    /// The run's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The page that shows the run.
    pub fn page_path(&self) -> PathBuf {
        self.path.join(PAGE)
    }

    /// Where the sample grid of `step` lies.
    pub fn sample_path(&self, step: u64) -> PathBuf {
        self.path.join(SAMPLES).join(step_file(step, "png"))
    }

    /// Where the checkpoint of `step` belongs.
    pub fn checkpoint_path(&self, step: u64) -> PathBuf {
        self.path
            .join(CHECKPOINTS)
            .join(step_file(step, "safetensors"))
    }

    /// The checkpoint with the best held-out score. No run goes on from it by itself.
    pub fn best_path(&self) -> PathBuf {
        self.path.join(CHECKPOINTS).join("best.safetensors")
    }

    /// `config.json`.
    pub fn config_path(&self) -> PathBuf {
        self.path.join(CONFIG)
    }

    /// Writes `config.json`.
    ///
    /// # Errors
    /// [`RunError::Serialise`], [`RunError::Write`] or [`RunError::DiskFull`].
    pub fn write_config(&self, config: &Config) -> Result<(), RunError> {
        self.check_place()?;
        write_json(&self.path.join(CONFIG), config)
    }

    /// Reads `config.json` back, which somebody may have edited.
    ///
    /// # Errors
    /// [`RunError::Read`]. [`RunError::Json`] if it is no configuration.
    /// [`RunError::UnknownFields`] for names that no field has. [`RunError::Config`] for a rule
    /// that it breaks.
    pub fn read_config(&self) -> Result<Config, RunError> {
        Self::config_of(&self.path)
    }

    /// The same for a run that nobody is going to write in.
    ///
    /// # Errors
    /// Those of [`RunDir::read_config`].
    pub fn config_of(folder: &Path) -> Result<Config, RunError> {
        let path = folder.join(CONFIG);
        // As a configuration first, so that an error has its line and column.
        let config: Config = read_json(&path)?;
        let unknown = Config::unknown_names(&read_json(&path)?);
        if !unknown.is_empty() {
            return Err(RunError::UnknownFields {
                path,
                names: unknown,
            });
        }
        match config.check() {
            Ok(()) => Ok(config),
            Err(source) => Err(RunError::Config { path, source }),
        }
    }

    /// One line about a `config.json` that somebody edited: how it differs from `config`, the
    /// configuration of the checkpoint. The run goes on with the checkpoint's values. `None` if
    /// there is no difference or no such file.
    pub fn edits(&self, config: &Config) -> Option<String> {
        let file = self.config_path();
        if !file.exists() {
            return None;
        }
        let what = match self.read_config() {
            Ok(edited) => match &edited.differences(config)[..] {
                [] => return None,
                edited => format!(
                    "{} differs from the checkpoint in {} field{}: {}",
                    file.display(),
                    edited.len(),
                    if edited.len() == 1 { "" } else { "s" },
                    fields(edited)
                ),
            },
            // Without the remedy of these errors: the file is written again in any case.
            Err(RunError::Config { source, .. }) => format!("{}: {source}", file.display()),
            Err(RunError::UnknownFields { names, .. }) => {
                format!("{}: {}", file.display(), unknown_fields(&names))
            }
            Err(RunError::Json { reason, .. }) => {
                format!("{} is no configuration ({reason})", file.display())
            }
            Err(error) => error.to_string(),
        };
        Some(format!(
            "{what}; the run goes on with the checkpoint's values, and the file is written again"
        ))
    }

    /// Notes what copying the input scores on the held-out pairs, for the chart and the page.
    ///
    /// # Errors
    /// [`RunError::Write`] or [`RunError::DiskFull`].
    pub fn write_held_out(&self, held_out: &HeldOut) -> Result<(), RunError> {
        self.check_place()?;
        write_json(&self.path.join(HELD_OUT), held_out)
    }

    /// Adds a row to `metrics.csv`.
    ///
    /// # Errors
    /// [`RunError::Write`] or [`RunError::DiskFull`].
    pub fn append(&self, row: &MetricsRow) -> Result<(), RunError> {
        self.check_place()?;
        metrics::append(&self.path.join(METRICS), row)
    }

    /// The rows of `metrics.csv`. After a crash the last line may be incomplete. It is left out.
    ///
    /// # Errors
    /// [`RunError::Read`], or [`RunError::Metrics`] with the line that is no row.
    pub fn metrics(&self) -> Result<Vec<MetricsRow>, RunError> {
        metrics::read(&self.path.join(METRICS))
    }

    /// Removes the rows after `step`, and an incomplete last line. A run that goes on from `step`
    /// calls this first.
    ///
    /// # Errors
    /// As [`RunDir::metrics`] and [`write_atomic`]; the old file stays then.
    pub fn rewind(&self, step: u64) -> Result<(), RunError> {
        self.check_place()?;
        metrics::rewind(&self.path.join(METRICS), step)
    }

    /// Writes the sample grid of `step` and returns its path. Each image has a row: input, output,
    /// target.
    ///
    /// # Errors
    /// [`RunError::Grid`] if the images do not have the announced shape, [`RunError::Write`] or
    /// [`RunError::DiskFull`].
    pub fn write_samples(&self, step: u64, samples: &Samples) -> Result<PathBuf, RunError> {
        self.check_place()?;
        let path = self.sample_path(step);
        grid::write(&path, samples)?;
        Ok(path)
    }

    /// The checkpoints on the disk by rising step. A run goes on from the last one.
    ///
    /// # Errors
    /// [`RunError::Read`] if the folder cannot be read.
    pub fn checkpoints(&self) -> Result<Vec<Checkpoint>, RunError> {
        let files = step_files(&self.path.join(CHECKPOINTS), "safetensors")?;
        let checkpoint = |(step, path): (u64, PathBuf)| {
            let metadata = fs::metadata(&path).map_err(|error| RunError::read(&path, error))?;
            let bytes = metadata.len();
            Ok(Checkpoint { path, step, bytes })
        };
        files.into_iter().map(checkpoint).collect()
    }

    fn at(root: &Path, name: &str) -> Result<Self, RunError> {
        check_name(name)?;
        Ok(Self {
            path: root.join(name),
            name: name.to_owned(),
            commands: None,
            is_new: false,
            has_saved: Arc::default(),
            lock: None,
        })
    }

    /// The error for a name that is taken.
    fn taken(&self) -> RunError {
        let path = self.path.clone();
        match RunLock::check(&path) {
            // The folder of a process that goes on must not be moved away.
            Err(in_use) => in_use,
            Ok(()) if self.has_no_checkpoint() => RunError::Unsaved { path },
            Ok(()) => RunError::Exists { path },
        }
    }

    /// Fails if the folder is no longer the one that was locked. What is written then would go into
    /// the folder of another run.
    ///
    /// # Errors
    /// [`RunError::Replaced`].
    pub(in crate::train) fn check_place(&self) -> Result<(), RunError> {
        match &self.lock {
            Some(lock) if !lock.is_in_place() => Err(RunError::Replaced {
                path: self.path.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Locks the run, makes the folders that are missing and checks that files can be made in each.
    fn prepare(&mut self) -> Result<(), RunError> {
        self.lock = Some(Arc::new(RunLock::take(&self.path)?));
        for folder in [
            self.path.clone(),
            self.path.join(SAMPLES),
            self.path.join(CHECKPOINTS),
        ] {
            fs::create_dir_all(&folder).map_err(|error| RunError::write(&folder, error))?;
            // This comes before the check: the files of a killed process may be what fills the
            // disk.
            atomic::sweep(&folder)?;
            atomic::check_writable(&folder)?;
        }
        Ok(())
    }

    fn read_if_there<T: DeserializeOwned>(&self, file: &str) -> Result<Option<T>, RunError> {
        match read_json(&self.path.join(file)) {
            Err(RunError::Read { reason, .. }) if reason.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            result => result.map(Some),
        }
    }
}

#[cfg(test)]
mod tests;
