//! One writer for each run: a file lock of the operating system, which ends with its process.

use super::error::RunError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

/// The file that is locked. While the lock is held, it has the number of the process.
pub(super) const FILE: &str = ".lock";

/// A lock on the folder of a run.
#[derive(Debug)]
pub struct RunLock {
    #[cfg(unix)]
    path: std::path::PathBuf,
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
        let is_held = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => return Err(in_use(folder, &mut file)),
            Err(TryLockError::Error(_)) => false,
        };
        if is_held {
            let id = std::process::id().to_string();
            file.set_len(0)
                .and_then(|()| file.write_all(id.as_bytes()))
                .map_err(failed)?;
        }
        Ok(Self {
            #[cfg(unix)]
            path,
            file,
            is_held,
        })
    }

    /// Fails if another process has the lock of the run in `folder`. Nothing is made or changed.
    ///
    /// # Errors
    /// [`RunError::InUse`].
    pub fn check(folder: &Path) -> Result<(), RunError> {
        let Ok(mut file) = File::open(folder.join(FILE)) else {
            return Ok(());
        };
        // A file without a number is not tried: its process may be about to take the lock.
        if file.metadata().is_ok_and(|file| file.len() == 0) {
            return Ok(());
        }
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Err(in_use(folder, &mut file)),
            _ => Ok(()),
        }
    }

    /// Whether the file that is locked still lies where it was. If not, the folder of the run was
    /// moved, and another one is in its place. A file that is gone is no sign of another run.
    pub fn is_in_place(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let identity = |file: std::fs::Metadata| (file.dev(), file.ino());
            let own = self.file.metadata().map(identity);
            let there = std::fs::metadata(&self.path).map(identity);
            !matches!((own, there), (Ok(own), Ok(there)) if own != there)
        }
        // Elsewhere a folder with an open file cannot be moved.
        #[cfg(not(unix))]
        true
    }

    /// Whether other processes are kept out.
    pub fn is_held(&self) -> bool {
        self.is_held
    }
}

/// The error for a lock that another process has.
fn in_use(folder: &Path, file: &mut File) -> RunError {
    let mut text = String::new();
    // Windows does not let others read a locked file. Then the number is not known.
    let process = file.read_to_string(&mut text).ok();
    RunError::InUse {
        path: folder.to_owned(),
        process: process.and_then(|_| text.trim().parse().ok()),
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
