//! What can go wrong between a training run and the disk.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::train::config::ConfigError;

/// Errors of the run directory. Each names the file or folder, and what to do about it.
#[derive(Debug, Error)]
pub enum RunError {
    /// The name of a run cannot be the name of a folder.
    #[error("\"{name}\" cannot name a run: {reason}; choose another `name`")]
    Name {
        /// What the user asked for.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is a run, or something else, of that name.
    #[error(
        "{} exists already; continue that run with `resume` {}, or choose another `name`",
        path.display(), path.file_name().unwrap_or_default().display()
    )]
    Exists {
        /// The folder in the way.
        path: PathBuf,
    },
    /// There is a folder of that name, without a checkpoint.
    #[error(
        "{} exists already, without a checkpoint to go on from; move it away, or choose another \
         `name`",
        path.display()
    )]
    Unsaved {
        /// The folder in the way.
        path: PathBuf,
    },
    /// The run to resume is not there.
    #[error("there is no run in {}; check the name, or start one without `resume`", path.display())]
    Missing {
        /// Where the run was looked for.
        path: PathBuf,
    },
    /// A folder that no run made.
    #[error("{} is no run, it has no config.json; name the folder of a run", path.display())]
    NoRun {
        /// The folder.
        path: PathBuf,
    },
    /// Another process writes to the run.
    #[error(
        "{} is in use by {}; wait until that has ended, or stop it",
        path.display(),
        process.map_or("another process".to_owned(), |id| format!("process {id}"))
    )]
    InUse {
        /// The folder of the run.
        path: PathBuf,
        /// The other process, if its number is known.
        process: Option<u32>,
    },
    /// The folder of the run was moved, and another one is in its place.
    #[error(
        "{} is no longer the folder of this run: that was moved away while the run went on, and \
         another is in its place; go on (training: `resume`) with the folder where it is now",
        path.display()
    )]
    Replaced {
        /// Where the folder was.
        path: PathBuf,
    },
    /// A file or folder cannot be written.
    #[error(
        "cannot write {}: {reason}; check the folder and its permissions, or choose another one",
        path.display()
    )]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        reason: io::Error,
    },
    /// Somebody else made the file meanwhile.
    #[error(
        "{} was not there when this began, and is there now; it stays as it is, and what would \
         have had its name is not kept; move it away and run this again",
        path.display()
    )]
    Appeared {
        /// The file.
        path: PathBuf,
    },
    /// The disk, or the user's share of it, is full.
    #[error(
        "the disk is full: {} was not written, what was there before is intact; free some space \
         and go on (training: `resume`)",
        path.display()
    )]
    DiskFull {
        /// The file that found no room.
        path: PathBuf,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {}: {reason}; check that it is there and its permissions", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        reason: io::Error,
    },
    /// A value cannot be written as JSON.
    #[error("cannot write {} ({reason})", path.display())]
    Serialise {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: serde_json::Error,
    },
    /// A JSON file does not hold what it should.
    #[error(
        "{} is not what this program writes ({reason}); restore the file or start a new run",
        path.display()
    )]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's words, with line and column.
        reason: serde_json::Error,
    },
    /// Somebody wrote names into a configuration that no field has.
    #[error("{}: {}; correct this file", path.display(), unknown_fields(names))]
    UnknownFields {
        /// The file.
        path: PathBuf,
        /// The names.
        names: Vec<String>,
    },
    /// Somebody wrote a value into a configuration that breaks a rule.
    #[error("{}: {}; correct this file", path.display(), source)]
    Config {
        /// The file.
        path: PathBuf,
        /// The field, the rule and the nearest valid choice.
        source: ConfigError,
    },
    /// A line in the middle of the metrics file is no row.
    #[error("{} line {line}: {reason}; repair or remove that line", path.display())]
    Metrics {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The images of a sample grid do not have the shape that was announced.
    #[error(
        "sample grid {}: {what} has {found} values, [height, width, 3] = {shape:?} was announced; \
         pass HWC images without pad lanes",
        path.display()
    )]
    Grid {
        /// The picture that was to be written.
        path: PathBuf,
        /// `input`, `output` or `target`.
        what: &'static str,
        /// How many values it has.
        found: usize,
        /// The announced shape.
        shape: [usize; 3],
    },
    /// The loss chart could not be drawn.
    #[error("cannot draw {}: {reason}; the numbers are safe in metrics.csv", path.display())]
    Chart {
        /// The chart.
        path: PathBuf,
        /// The plotting library's words.
        reason: String,
    },
}

/// The names of fields in a row, as messages name them.
pub(super) fn fields(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// Says that no field has these names.
pub(super) fn unknown_fields(names: &[String]) -> String {
    match names {
        [name] => format!("there is no field `{name}`"),
        _ => format!("these fields do not exist: {}", fields(names)),
    }
}

impl RunError {
    /// The error for a failed write to `path`: a full disk needs another remedy than a forbidden
    /// folder.
    pub fn write(path: &Path, reason: io::Error) -> Self {
        let path = path.to_path_buf();
        match reason.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Write { path, reason },
        }
    }

    /// The error for a failed read of `path`.
    pub fn read(path: &Path, reason: io::Error) -> Self {
        let path = path.to_path_buf();
        Self::Read { path, reason }
    }
}
