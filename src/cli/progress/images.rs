//! How far a translation is, and how fast it was.

use super::{Bar, QUIET_PERIOD};
use crate::cli::note;
use indicatif::ProgressStyle;
use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Parts of an image that a bar knows.
const PARTS: u64 = 1000;

/// The progress of a translation. Methods take it shared, because a tile reports while its image is
/// being translated.
pub struct ImageProgress {
    bar: Bar,
    began: Instant,
    last_line: Cell<Instant>,
    counts: Cell<Counts>,
    /// Whether the bar says all, and no lines are printed.
    is_bar_alone: bool,
}

/// The bar of work on images that several threads do. Elsewhere than on a terminal it says nothing.
pub struct SharedBar(Mutex<ImageProgress>);

impl SharedBar {
    /// Of so many images.
    pub fn new(total: usize) -> Self {
        Self(Mutex::new(ImageProgress {
            is_bar_alone: true,
            ..ImageProgress::new(Some(total))
        }))
    }

    /// One image more is done, or has failed.
    pub fn passed(&self) {
        self.progress().translated(1, false);
    }

    /// Removes it.
    pub fn finish(&self) {
        self.progress().finish();
    }

    fn progress(&self) -> MutexGuard<'_, ImageProgress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Images, and the tiles of the one that is being translated.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    /// All of them. `None` if nobody knows yet.
    total: Option<usize>,
    /// Translated or failed.
    passed: usize,
    translated: usize,
    in_tiles: usize,
    /// Tiles done, and all.
    tiles: Option<[usize; 2]>,
}

impl ImageProgress {
    /// Of nothing yet.
    pub fn idle() -> Self {
        Self::of(Bar(None), Counts::default())
    }

    /// Of so many images, if their number is known.
    pub fn new(total: Option<usize>) -> Self {
        let (template, length) = match total {
            Some(total) => ("{wide_bar} {msg}", total as u64 * PARTS),
            None => ("{msg}", 0),
        };
        let counts = Counts {
            total,
            ..Counts::default()
        };
        let style = ProgressStyle::with_template(template).ok();
        Self::of(Bar::new(0, length, style), counts)
    }

    fn of(bar: Bar, counts: Counts) -> Self {
        Self {
            bar,
            began: Instant::now(),
            last_line: Cell::new(Instant::now()),
            counts: Cell::new(counts),
            is_bar_alone: false,
        }
    }

    /// Images were translated, in tiles or not.
    pub fn translated(&self, images: usize, in_tiles: bool) {
        let counts = self.counts.get();
        self.show(Counts {
            passed: counts.passed + images,
            translated: counts.translated + images,
            in_tiles: counts.in_tiles + if in_tiles { images } else { 0 },
            tiles: None,
            ..counts
        });
    }

    /// How many images were translated.
    pub fn count(&self) -> usize {
        self.counts.get().translated
    }

    /// Images could not be translated.
    pub fn failed(&self, images: usize) {
        let counts = self.counts.get();
        self.show(Counts {
            passed: counts.passed + images,
            tiles: None,
            ..counts
        });
    }

    /// So many of `all` tiles of an image are done.
    pub fn tile(&self, done: usize, all: usize) {
        self.show(Counts {
            tiles: Some([done, all]),
            ..self.counts.get()
        });
    }

    fn show(&self, counts: Counts) {
        self.counts.set(counts);
        let seconds = self.began.elapsed().as_secs_f64();
        if let Some(bar) = &self.bar.0 {
            // The last image ends the bar.
            if counts.total != Some(counts.passed) {
                bar.set_position((counts.position() * PARTS as f64) as u64);
                bar.set_message(counts.words(seconds));
            }
        } else if !self.is_bar_alone && self.last_line.get().elapsed() >= QUIET_PERIOD {
            self.last_line.set(Instant::now());
            note(&counts.words(seconds));
        }
    }

    /// Removes the bar, and says how fast it was if there were several images.
    pub fn finish(&self) {
        self.bar.finish();
        let seconds = self.began.elapsed().as_secs_f64();
        let summary = self.counts.get().summary(seconds);
        if let Some(summary) = summary.filter(|_| !self.is_bar_alone) {
            note(&summary);
        }
    }
}

impl Counts {
    /// Images done, with the part of the one that is being translated.
    fn position(&self) -> f64 {
        let part = self
            .tiles
            .map_or(0.0, |[done, all]| done as f64 / all.max(1) as f64);
        self.passed as f64 + part
    }

    /// How far it is after so many seconds.
    fn words(&self, seconds: f64) -> String {
        let position = self.position();
        let rate = position / seconds.max(1e-9);
        let (of, left) = match self.total {
            Some(total) => {
                let left = (total as f64 - position).max(0.0) / rate.max(1e-9);
                (format!(" of {total}"), format!(", {left:.0} s left"))
            }
            None => (String::new(), String::new()),
        };
        let tiles = self
            .tiles
            .map(|[done, all]| format!(", tile {done} of {all}"))
            .unwrap_or_default();
        // A large image takes minutes.
        let speed = match rate > 0.0 && rate < 0.1 {
            true => format!("{:.0} s/image", 1.0 / rate),
            false => format!("{rate:.2} images/s"),
        };
        format!("{}{of} images{tiles}, {speed}{left}", self.passed)
    }

    /// How fast it was, if there were several images.
    fn summary(&self, seconds: f64) -> Option<String> {
        let images = self.translated;
        let in_tiles = match self.in_tiles {
            0 => String::new(),
            all if all == images => ", all in tiles".to_owned(),
            some => format!(", {some} of them in tiles"),
        };
        let rate = images as f64 / seconds.max(1e-9);
        (images > 1)
            .then(|| format!("{images} images in {seconds:.1} s, {rate:.2} images/s{in_tiles}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_tiles_rate_and_time_left_are_told() {
        let counts = Counts {
            total: Some(10),
            passed: 3,
            translated: 2,
            in_tiles: 1,
            tiles: Some([25, 50]),
        };
        let words = "3 of 10 images, tile 25 of 50, 0.50 images/s, 13 s left";
        assert_eq!(counts.words(7.0), words);
        let stream = Counts {
            total: None,
            tiles: None,
            ..counts
        };
        assert_eq!(stream.words(2.0), "3 images, 1.50 images/s");
        assert_eq!(Counts::default().words(0.0), "0 images, 0.00 images/s");
        let large = Counts {
            total: Some(1),
            tiles: Some([15, 150]),
            ..Counts::default()
        };
        let words = "0 of 1 images, tile 15 of 150, 300 s/image, 270 s left";
        assert_eq!(large.words(30.0), words);
    }

    #[test]
    fn the_end_says_how_fast_several_images_were() {
        let summary = |translated, in_tiles| {
            let counts = Counts {
                translated,
                in_tiles,
                ..Counts::default()
            };
            counts.summary(4.0)
        };
        assert_eq!(summary(1, 1), None);
        for (translated, in_tiles, words) in [
            (10, 0, "10 images in 4.0 s, 2.50 images/s"),
            (2, 1, "2 images in 4.0 s, 0.50 images/s, 1 of them in tiles"),
            (2, 2, "2 images in 4.0 s, 0.50 images/s, all in tiles"),
        ] {
            assert_eq!(summary(translated, in_tiles).as_deref(), Some(words));
        }
    }
}
