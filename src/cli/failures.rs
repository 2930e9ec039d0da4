//! Errors of single files, which do not stop the others.

use super::{CliError, note};
use crate::data::DataError;
use crate::train::TrainError;
use crate::train::run::RunError;

/// What went wrong with which files so far.
#[derive(Debug, Default)]
pub struct Failures {
    errors: Vec<CliError>,
    files: usize,
    /// Whether the first error stops the others all the same.
    first_ends: bool,
}

impl Failures {
    /// Of files that are nothing without one another: the first error ends them.
    pub fn first_ends() -> Self {
        Self {
            first_ends: true,
            ..Self::default()
        }
    }

    /// How many files they are about.
    pub fn files(&self) -> usize {
        self.files
    }

    /// Keeps an `error`. `files` is the number of files that it is about, most often one.
    ///
    /// # Errors
    /// The error itself, if all other files would meet it too: that of a full disk, for example. Or
    /// if the first one ends all.
    pub fn take(&mut self, error: CliError, files: usize) -> Result<(), CliError> {
        let of_one_file = match &error {
            CliError::InOnePiece { .. }
            | CliError::Clash { .. }
            | CliError::Blocked { .. }
            | CliError::Run(RunError::Write { .. } | RunError::Appeared { .. }) => true,
            CliError::Data(error) => {
                !matches!(error, DataError::Spawn { .. } | DataError::SpillFile { .. })
            }
            CliError::Translate { source, .. } => {
                matches!(
                    **source,
                    TrainError::Data(_)
                        | TrainError::Tape(_)
                        | TrainError::NothingLeft { .. }
                        | TrainError::ImageTooLarge { .. }
                )
            }
            _ => false,
        };
        if !of_one_file || self.first_ends {
            return Err(error);
        }
        self.errors.push(error);
        self.files += files;
        Ok(())
    }

    /// Prints the errors. `all` is the number of all files, and `done` says whether the work came
    /// to its end.
    ///
    /// # Errors
    /// What ended the work. Else the error itself if there is one file, or [`CliError::Failed`].
    pub fn finish(mut self, done: Result<(), CliError>, all: usize) -> Result<(), CliError> {
        if all == 1 && done.is_ok() {
            return self.errors.pop().map_or(Ok(()), Err);
        }
        // Threads finish their files in any order.
        let mut lines: Vec<String> = self
            .errors
            .iter()
            .map(|error| format!("error: {error}"))
            .collect();
        lines.sort();
        lines.iter().for_each(|line| note(line));
        done?;
        if lines.is_empty() {
            Ok(())
        } else {
            Err(CliError::Failed {
                failed: self.files,
                all,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::path::PathBuf;

    #[test]
    fn a_disk_is_no_file_among_others() {
        let mut failures = Failures::default();
        let path = PathBuf::from("a");
        assert!(
            failures
                .take(DataError::EmptyFile { path: path.clone() }.into(), 1)
                .is_ok()
        );
        let scratch = DataError::SpillFile {
            folder: path,
            source: ErrorKind::StorageFull.into(),
        };
        assert!(matches!(
            failures.take(scratch.into(), 1),
            Err(CliError::Data(DataError::SpillFile { .. }))
        ));
        let full = RunError::write("a".as_ref(), ErrorKind::StorageFull.into());
        assert!(failures.take(full.into(), 1).is_err());
        let other = RunError::write("b".as_ref(), ErrorKind::PermissionDenied.into());
        assert!(failures.take(other.into(), 1).is_ok());
        let mut first_ends = Failures::first_ends();
        let empty = DataError::EmptyFile { path: "a".into() };
        assert!(first_ends.take(empty.into(), 1).is_err());
        assert!(matches!(
            failures.finish(Ok(()), 3),
            Err(CliError::Failed { failed: 2, all: 3 })
        ));
    }
}
