//! One writer for each run: a file lock of the operating system, which ends with its process.

use super::error::RunError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

/// The file that is locked. While the lock is held, it has the number of the process.
pub(super) const FILE: &str = ".lock";

/// A lock on the folder of a run.
#[derive(Debug)]
pub(super) struct RunLock {
    file: File,
    is_held: bool,
}

impl RunLock {
    /// Takes the lock of the run in `folder`. On a file system without locks it is not held.
    ///
    /// # Errors
    /// [`RunError::InUse`] if another process has it, and [`RunError::Write`].
    pub fn take(folder: &Path) -> Result<Self, RunError> {
        let path = folder.join(FILE);
        let failed = |error| RunError::write(&path, error);
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Windows does not let others read a locked file. Then the number is not known.
                let process = file.read_to_string(&mut text).ok();
                return Err(RunError::InUse {
                    path: folder.to_owned(),
                    process: process.and_then(|_| text.trim().parse().ok()),
                });
            }
            Err(TryLockError::Error(_)) => {
                return Ok(Self {
                    file,
                    is_held: false,
                });
            }
        }
        let id = std::process::id().to_string();
        file.set_len(0)
            .and_then(|()| file.write_all(id.as_bytes()))
            .map_err(failed)?;
        Ok(Self {
            file,
            is_held: true,
        })
    }

    /// Whether other processes are kept out.
    pub fn is_held(&self) -> bool {
        self.is_held
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        if self.is_held {
            // The lock itself ends when the file is closed. A number that stays misleads nobody.
            let _ = self.file.set_len(0);
        }
    }
}
