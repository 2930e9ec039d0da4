//! The sizes of the frames of a stream, and what is told of them at its end.

use super::tell_partly;
use crate::cli::note;
use crate::data::{Direction, Half};
use std::path::{Path, PathBuf};

/// Sizes, counted.
#[derive(Debug, Default)]
pub struct FrameSizes {
    all: usize,
    /// That of the first frame.
    first: (u32, u32),
    /// Frames of other sizes, and the first of them.
    others: usize,
    other: Option<(PathBuf, (u32, u32))>,
    /// Frames that are twice as wide as high, and the first of them with its place.
    wide: usize,
    first_wide: Option<(PathBuf, usize)>,
}

impl FrameSizes {
    /// Counts a frame.
    pub fn add(&mut self, name: &Path, size: (u32, u32)) {
        if self.all == 0 {
            self.first = size;
        }
        if size != self.first {
            self.others += 1;
            self.other.get_or_insert_with(|| (name.to_owned(), size));
        }
        if size.0 > 0 && u64::from(size.0) == 2 * u64::from(size.1) {
            self.wide += 1;
            let place = self.all;
            self.first_wide
                .get_or_insert_with(|| (name.to_owned(), place));
        }
        self.all += 1;
    }

    /// Tells of frames that differ from the first one. `half` is the part of frames that was asked
    /// for.
    pub fn tell(&self, half: Option<Half>, direction: Option<Direction>) {
        if let Some(line) = self.line() {
            note(&line);
        }
        let Some((name, place)) = self.first_wide.as_ref().filter(|_| half.is_none()) else {
            return;
        };
        let is_told = *place == 0 && self.wide == 1;
        if self.wide < self.all && !is_told {
            tell_partly([self.wide, self.all], name, direction);
        }
    }

    fn line(&self) -> Option<String> {
        let (name, size) = self.other.as_ref()?;
        let said = |(width, height): (u32, u32)| format!("{width}x{height}");
        Some(format!(
            "note: frames of another size than the first one ({}): {}, such as {} ({}); each \
             result has the size of its frame, and most programs that make a video take one size",
            said(self.first),
            self.others,
            name.display(),
            said(*size)
        ))
    }
}
