//! Tags and a note beside a run, in a file of their own: the run's files have one writer, the
//! process that trains it.

use crate::studio::refusal::Refusal;
use crate::train::run::{RunError, write_atomic};
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

const FILE: &str = "studio.json";
const LOCK: &str = ".studio.lock";
const MOST_TAGS: usize = 32;
const MOST_TAG: usize = 64;
const MOST_NOTE: usize = 16 << 10;

/// Tags and a note.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notes {
    /// How often they were written. Who writes says which version was read.
    pub version: u64,
    pub tags: Vec<String>,
    pub note: String,
}

impl Notes {
    /// Those of the run in `folder`. A run without the file has none.
    pub fn read(folder: &Path) -> Result<Self, RunError> {
        let path = folder.join(FILE);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(RunError::read(&path, error)),
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|reason| RunError::Json { path, reason })
            }
        }
    }

    /// Writes them in place of the version that they were made from.
    ///
    /// # Errors
    /// What is too long, and another writer that was faster. That one's notes stay.
    pub fn write(mut self, folder: &Path) -> Result<Self, Refusal> {
        self.check()?;
        let lock = folder.join(LOCK);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock)
            .map_err(|error| RunError::write(&lock, error))?;
        // Held for as long as one small file is read and written. It ends with `file`.
        file.lock().map_err(|error| RunError::write(&lock, error))?;
        let now = Self::read(folder)?;
        if now.version != self.version {
            return Err(Refusal {
                now: serde_json::to_value(&now).ok(),
                ..Refusal::conflict(
                    "somebody else has changed the tags or the note since you read them; look at \
                     them, and change them again",
                )
            });
        }
        self.version += 1;
        let path = folder.join(FILE);
        let text = serde_json::to_vec_pretty(&self).map_err(|reason| RunError::Serialise {
            path: path.clone(),
            reason,
        })?;
        write_atomic(&path, |out| out.write_all(&text))?;
        Ok(self)
    }

    /// Puts tags in order, each once, and refuses what is too long.
    fn check(&mut self) -> Result<(), Refusal> {
        for tag in &mut self.tags {
            *tag = tag.trim().to_owned();
        }
        self.tags.retain(|tag| !tag.is_empty());
        self.tags.sort();
        self.tags.dedup();
        if self.tags.len() > MOST_TAGS || self.tags.iter().any(|tag| tag.len() > MOST_TAG) {
            return Err(Refusal::bad(format!(
                "a run has at most {MOST_TAGS} tags of {MOST_TAG} bytes; use fewer or shorter ones"
            )));
        }
        match self.note.len() > MOST_NOTE {
            true => Err(Refusal::bad(format!(
                "a note has at most {MOST_NOTE} bytes; shorten it"
            ))),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn two_writers_do_not_lose_each_others_tags() {
        let folder = tempfile::tempdir().unwrap();
        let add = &|tag: String| loop {
            let mut notes = Notes::read(folder.path()).unwrap();
            notes.tags.push(tag.clone());
            match notes.write(folder.path()) {
                Ok(_) => break,
                Err(refusal) => assert!(refusal.now.is_some(), "{}", refusal.message),
            }
        };
        std::thread::scope(|scope| {
            for writer in 0..2 {
                scope.spawn(move || (0..8).for_each(|tag| add(format!("{writer}-{tag}"))));
            }
        });
        let notes = Notes::read(folder.path()).unwrap();
        assert_eq!((notes.tags.len(), notes.version), (16, 16));
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let long = Notes {
            note: "x".repeat(MOST_NOTE + 1),
            ..Notes::default()
        };
        assert!(long.write(folder.path()).is_err());
        let many = Notes {
            tags: (0..=MOST_TAGS).map(|tag| tag.to_string()).collect(),
            ..Notes::default()
        };
        assert!(many.write(folder.path()).is_err());
        let kept = Notes {
            tags: vec![" b ".into(), "a".into(), "b".into(), String::new()],
            ..Notes::default()
        };
        assert_eq!(kept.write(folder.path()).unwrap().tags, ["a", "b"]);
    }
}
