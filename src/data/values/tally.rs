//! What a value range did to the numbers of files, counted.

use std::path::{Path, PathBuf};

use super::range::ValueRange;

/// Numbers of files that were changed when they were read, because a value range was given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValueTally {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    change: Change,
    numbers: u64,
    files: usize,
    /// The first file, and a number of it.
    example: (PathBuf, f64),
    last: PathBuf,
}

/// What happened to a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Change {
    /// It lay outside of this range.
    Clamped(ValueRange),
    /// It was missing, and this one took its place.
    Filled(f64),
}

impl ValueTally {
    /// Counts `numbers` of a file, one of which is `example`.
    pub(super) fn count(&mut self, change: Change, path: &Path, numbers: u64, example: f64) {
        self.merge(Entry {
            change,
            numbers,
            files: 1,
            example: (path.to_owned(), example),
            last: path.to_owned(),
        });
    }

    /// Adds what was counted elsewhere, in files behind those of this one.
    pub fn add(&mut self, other: Self) {
        other
            .entries
            .into_iter()
            .for_each(|entry| self.merge(entry));
    }

    fn merge(&mut self, entry: Entry) {
        let alike = |known: &&mut Entry| known.change == entry.change;
        match self.entries.iter_mut().find(alike) {
            Some(known) => {
                known.numbers += entry.numbers;
                // A file that is read in parts is counted once.
                known.files += entry.files - usize::from(known.last == entry.example.0);
                known.last = entry.last;
            }
            None => self.entries.push(entry),
        }
    }

    /// What is told of it, a line for each kind of change.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.entries.iter().map(|entry| {
            let (path, number) = (entry.example.0.display(), entry.example.1);
            let what = match entry.change {
                Change::Clamped(range) => {
                    format!(
                        "numbers outside of the value range {range}, which take its nearest end"
                    )
                }
                Change::Filled(nodata) => format!("missing values, which are filled with {nodata}"),
            };
            format!(
                "{what}: {} in {} file{}, such as {number} in {path}",
                entry.numbers,
                entry.files,
                if entry.files == 1 { "" } else { "s" }
            )
        })
    }
}
