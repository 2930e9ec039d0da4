//! Which folders of runs may go: those that this very process made, without anything saved.

use super::{
    CHART, CHECKPOINTS, CONFIG, HELD_OUT, METRICS, PAGE, RunDir, RunError, SAMPLES, atomic, lock,
    state,
};
use crate::interop::tensorboard::EventFile;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::{fs, io};

/// Files of a run that are no loss without a checkpoint.
const UNSAVED: &[&str] = &[
    CONFIG,
    METRICS,
    HELD_OUT,
    CHART,
    PAGE,
    state::STATE,
    lock::FILE,
];

impl RunDir {
    /// Removes the folder of a run that has saved nothing, if this very process made the folder.
    /// Such a run cannot go on, and its folder would be in the way of the next try. If there is
    /// anything that training saves, or that somebody else put there, everything stays.
    pub fn remove_unsaved(&self) {
        let is_own = self.is_new && self.check_place().is_ok();
        if !is_own || self.has_saved.load(Ordering::Relaxed) {
            return;
        }
        let Some(files) = self.files_of_an_unsaved_run() else {
            return;
        };
        for file in files {
            let _ = fs::remove_file(file);
        }
        // Only empty folders are removed. A file that came in the meantime keeps them.
        for folder in [
            self.path.join(SAMPLES),
            self.path.join(CHECKPOINTS),
            self.path.clone(),
        ] {
            let _ = fs::remove_dir(folder);
        }
    }

    /// Opens the run `root/name/` to go on with it, or makes it anew where a process was killed
    /// before it wrote anything.
    ///
    /// # Errors
    /// Those of [`RunDir::open`] and [`RunDir::create`].
    pub fn open_or_again(root: &Path, name: &str) -> Result<Self, RunError> {
        match Self::open(root, name) {
            Err(RunError::NoRun { path }) => {
                let mut left = Self::at(root, name)?;
                lock::RunLock::check(&path)?;
                left.is_new = true;
                left.remove_unsaved();
                Self::create(root, name)
            }
            opened => opened,
        }
    }

    /// Says that weights were saved. From now on the folder stays, whatever becomes of them.
    pub(in crate::train) fn mark_saved(&self) {
        self.has_saved.store(true, Ordering::Relaxed);
    }

    /// All files in the folder. `None` if one of them is more than a run leaves that has saved
    /// nothing, or if a folder cannot be read.
    fn files_of_an_unsaved_run(&self) -> Option<Vec<PathBuf>> {
        let mut files = Vec::new();
        for folder in [
            self.path.clone(),
            self.path.join(SAMPLES),
            self.path.join(CHECKPOINTS),
        ] {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(_) => return None,
            };
            for entry in entries {
                let path = entry.ok()?.path();
                let name = path.file_name()?.to_str()?.to_owned();
                let is_top = folder == self.path;
                if is_top && [SAMPLES, CHECKPOINTS].contains(&name.as_str()) {
                    continue;
                }
                let is_log =
                    is_top && (UNSAVED.contains(&name.as_str()) || EventFile::is_name(&name));
                if !is_log && !atomic::is_temporary(&name) {
                    return None;
                }
                files.push(path);
            }
        }
        Some(files)
    }

    /// Whether the folder has no checkpoint, or none of the folders of a run.
    pub(super) fn has_no_checkpoint(&self) -> bool {
        match self.checkpoints() {
            Ok(all) => all.is_empty(),
            Err(RunError::Read { reason, .. }) => reason.kind() == io::ErrorKind::NotFound,
            Err(_) => false,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::train::config::Config;

    #[test]
    fn a_run_that_was_killed_before_it_wrote_anything_begins_again() {
        let root = tempfile::tempdir().unwrap();
        let (root, folder) = (root.path(), root.path().join("r"));
        for name in ["samples", "checkpoints"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        fs::write(folder.join(".lock"), "").unwrap();
        assert!(matches!(
            RunDir::open(root, "r"),
            Err(RunError::NoRun { .. })
        ));
        let run = RunDir::open_or_again(root, "r").unwrap();
        run.write_config(&Config::default()).unwrap();
        // While it goes on, nobody else has it.
        assert!(matches!(
            RunDir::open_or_again(root, "r"),
            Err(RunError::InUse { .. })
        ));
        drop(run);
        assert!(RunDir::open_or_again(root, "r").is_ok());
        // What somebody else put there stays.
        fs::create_dir(root.join("mine")).unwrap();
        fs::write(root.join("mine/note.txt"), "").unwrap();
        assert!(RunDir::open_or_again(root, "mine").is_err());
        assert!(root.join("mine/note.txt").is_file());
    }
}
