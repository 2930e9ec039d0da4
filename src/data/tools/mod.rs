//! Making data sets: what `pix2pix prepare` does to folders of images. Each tool maps one image, or
//! the two of a pair, to one.

mod edges;
pub(super) mod error;
mod shape;

pub use edges::{EdgeOptions, edges};
pub use error::ToolError;
pub use shape::{Filter, Squared, blank, combine, grayscale, make_square};

use super::DataError;
use super::density::Density;
use super::halves::Half;
use super::head::are_turned_apart;
use super::limits::{MAX_SIDE, MAX_SQUARE, SizeLimit};
use super::pair_source::check_sizes;
use super::palette::Palette;
use super::picture::{Images, Picture};
use super::pixels::MOST_COLOURS;
use super::random::permutation;
use super::read_options::ReadOptions;
use super::read_tally::ReadTally;
use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};

/// One file that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The image, or the two images of a pair.
    pub sources: Vec<PathBuf>,
    /// The file to write.
    pub output: PathBuf,
}

/// What a tool made.
#[derive(Debug)]
pub struct Made {
    /// The image.
    pub picture: Picture,
    /// Its source has pixels that are not opaque, and the image has no opacity.
    pub without_opacity: bool,
    /// Pixels of an inch, where the image has the pixels of its source.
    pub density: Option<Density>,
    /// A source says how many pixels an inch has, and the image does not.
    pub without_density: bool,
    /// What is to be told of its sources.
    pub tally: ReadTally,
}

/// What is done to images.
#[derive(Debug)]
pub enum Tool {
    /// Two images side by side, as training reads them.
    Combine {
        /// Both are resized to squares of this first; otherwise they must have one size.
        size: Option<u32>,
        /// How the left and the right one are resized.
        filters: [Filter; 2],
    },
    /// One half of a combined image.
    Half(Half),
    /// Outlines, dark on white.
    Edges(EdgeOptions),
    /// Brightness alone.
    Grayscale,
    /// A square.
    Resize {
        /// Its side in pixels.
        size: u32,
        /// How an image that is no square becomes one.
        fit: Squared,
        /// How the pixels are computed.
        filter: Filter,
    },
    /// A white region in the middle, for learning to fill it.
    Blank {
        /// Its side, as a part of the image's.
        fraction: f64,
    },
    /// The number of each pixel's colour in a palette.
    Labels(Palette),
}

/// The most threads that work on images.
const MOST_THREADS: u64 = 1024;

/// Checks a number of threads.
///
/// # Errors
/// [`ToolError::Range`].
pub fn check_threads(threads: usize) -> Result<(), ToolError> {
    ToolError::check("threads", threads as u64, [1, MOST_THREADS])
}

impl Tool {
    /// Checks what it is asked for, before any image is read.
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn check(&self) -> Result<(), ToolError> {
        match self {
            // The image that two squares make is read again later, and so is a single square.
            Self::Combine {
                size: Some(size), ..
            } => ToolError::check("size", u64::from(*size), [1, u64::from(MAX_SIDE / 2)]),
            Self::Resize { size, .. } => {
                ToolError::check("size", u64::from(*size), [1, u64::from(MAX_SQUARE)])
            }
            Self::Edges(options) => options.check(),
            &Self::Blank { fraction } if !(fraction > 0.0 && fraction <= 1.0) => {
                Err(ToolError::Fraction { given: fraction })
            }
            Self::Combine { size: None, .. }
            | Self::Half(_)
            | Self::Blank { .. }
            | Self::Grayscale
            | Self::Labels(_) => Ok(()),
        }
    }

    /// Reads the sources of `task` and makes its image: RGB, with opacity if a source has it, and
    /// with the depth of the sources. Outlines and labels always have 8 bits and no opacity.
    ///
    /// # Errors
    /// Those of [`Tool::check`] and of reading, [`DataError::NoColours`], sizes that differ in a
    /// pair and [`DataError::UnknownColour`].
    pub fn make(&self, task: &Task, reading: &ReadOptions) -> Result<Made, DataError> {
        self.check()?;
        let mut tally = ReadTally::default();
        if let (Self::Combine { size, filters }, [_, _]) = (self, &task.sources[..]) {
            return make_pair(task, (*size, *filters), reading);
        }
        let source = task.sources.first().map_or(Path::new(""), PathBuf::as_path);
        let are_labels = matches!(self, Self::Labels(_));
        let image = read_colours(source, reading, (are_labels, None), &mut tally)?;
        let picture = match self {
            Self::Combine { .. } => image.clone(),
            Self::Half(half) => half.of(image.clone(), source)?,
            Self::Edges(options) => edges(&image, options),
            Self::Grayscale => grayscale(&image),
            Self::Resize {
                size,
                fit: how,
                filter,
            } => make_square(&image, *size, *how, *filter),
            Self::Blank { fraction } => blank(&image, *fraction),
            Self::Labels(palette) => palette
                .index(&image)
                .map_err(|unknown| unknown.of(source))?
                .to_rgb(),
        };
        let said = Density::of(source, reading);
        let density = said.filter(|_| picture.dimensions() == image.dimensions());
        Ok(Made {
            without_opacity: image.is_translucent() && !picture.has_opacity(),
            density,
            without_density: said.is_some() && density.is_none(),
            picture,
            tally,
        })
    }
}

/// Puts the two images of a task side by side, as squares of `size` if there is one.
fn make_pair(
    task: &Task,
    (size, filters): (Option<u32>, [Filter; 2]),
    reading: &ReadOptions,
) -> Result<Made, DataError> {
    let mut tally = ReadTally::default();
    let read = |((path, filter), side): ((&PathBuf, Filter), char)| {
        let are_labels = filter == Filter::Nearest;
        let image = read_colours(path, reading, (are_labels, Some(side)), &mut tally)?;
        let image = match size {
            Some(size) => make_square(&image, size, Squared::Stretch, filter),
            None => image,
        };
        Ok((path.clone(), image))
    };
    let sources = task.sources.iter().zip(filters).zip(['A', 'B']);
    let pair = sources.map(read).collect::<Result<Images, DataError>>()?;
    check_sizes(&pair)?;
    if !reading.ignore_orientation && are_turned_apart(task.sources.iter()) {
        tally.count_turned_apart(&task.sources[0]);
    }
    let [a, b] = [&pair[0].1, &pair[1].1];
    // It is read again later. What was allowed to be larger will be so then as well.
    if reading.max_pixels.is_none() {
        let bytes = 2 * a.bytes().len().max(b.bytes().len()) as u64;
        let size = (2 * a.width(), a.height());
        SizeLimit::Usual.check(&task.output, size, bytes)?;
    }
    let [of_a, of_b] = [0, 1].map(|side| Density::of(&task.sources[side], reading));
    let density = of_a.filter(|_| size.is_none() && of_a == of_b);
    Ok(Made {
        picture: combine(a, b),
        without_opacity: false,
        density,
        without_density: density.is_none() && of_a.or(of_b).is_some(),
        tally,
    })
}

/// Reads an image of colours, or of labels, for one side of a pair if there is one. Label maps of
/// wide numbers are read by a range that leaves them as they are, so it is not told that they are
/// nearly black by it.
fn read_colours(
    path: &Path,
    reading: &ReadOptions,
    (are_labels, side): (bool, Option<char>),
    tally: &mut ReadTally,
) -> Result<Picture, DataError> {
    let mut of_file = ReadTally::default();
    let image = match reading.values {
        Some(values) if are_labels => {
            let values = Some(values.of_labels());
            ReadOptions { values, ..*reading }.read(path, &mut of_file)?
        }
        Some(values) => {
            let image = reading.read(path, &mut of_file)?;
            of_file.count_one_shade(path, &image, values.range(), side);
            image
        }
        None => reading.read(path, &mut of_file)?,
    };
    tally.add(of_file);
    match image.channels() {
        0..=MOST_COLOURS if image.surplus() == 0 => Ok(image),
        channels => Err(DataError::NoColours {
            path: path.to_owned(),
            channels,
        }),
    }
}

/// The parts of a data set, drawn by `seed`: for each of `count` files 0 for training, 1 for
/// validation and 2 for testing. `percent` is the share of validation and of testing. A share above
/// zero gets at least one file.
///
/// # Errors
/// Those of [`check_percent`], and [`ToolError::NothingToTrainOn`].
pub fn split(count: usize, percent: [u32; 2], seed: u64) -> Result<Vec<usize>, ToolError> {
    check_percent(percent)?;
    let share = |percent: u32| {
        if percent == 0 {
            0
        } else {
            (count * percent as usize / 100).max(1)
        }
    };
    let [val, test] = percent.map(share);
    if val + test >= count || percent.iter().sum::<u32>() >= 100 {
        let [val, test] = percent;
        return Err(ToolError::NothingToTrainOn { val, test, count });
    }
    let mut parts = vec![0; count];
    for (rank, file) in permutation(seed, 0, count).into_iter().enumerate() {
        parts[file] = if rank < val {
            1
        } else {
            2 * usize::from(rank < val + test)
        };
    }
    Ok(parts)
}

/// Checks the shares of validation and testing, in percent.
///
/// # Errors
/// [`ToolError::Range`].
pub fn check_percent([val, test]: [u32; 2]) -> Result<(), ToolError> {
    ToolError::check("val", val.into(), [0, 100])?;
    ToolError::check("test", test.into(), [0, 100])
}

/// Joins the groups of files that have the same key. `groups` holds the group of each file.
pub fn join<K: Eq + Hash>(groups: &mut [usize], keys: impl IntoIterator<Item = K>) {
    let mut first = HashMap::new();
    for (file, key) in keys.into_iter().enumerate() {
        let known = groups[*first.entry(key).or_insert(file)];
        let own = groups[file];
        if known != own {
            groups
                .iter_mut()
                .filter(|group| **group == own)
                .for_each(|group| *group = known);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_split_has_its_shares_and_is_the_seeds() {
        let parts = split(200, [10, 5], 7).unwrap();
        assert_eq!(
            [0, 1, 2].map(|part| parts.iter().filter(|&&p| p == part).count()),
            [170, 20, 10]
        );
        assert_eq!(
            [7, 8].map(|seed| split(200, [10, 5], seed).unwrap() == parts),
            [true, false]
        );
        assert_eq!(split(3, [1, 0], 0).unwrap().iter().sum::<usize>(), 1);
        assert_eq!(split(1, [0, 0], 0), Ok(vec![0]));
        for (count, percent) in [(0, [0, 0]), (1, [10, 0]), (2, [10, 10]), (200, [60, 40])] {
            let [val, test] = percent;
            assert_eq!(
                split(count, percent, 0),
                Err(ToolError::NothingToTrainOn { val, test, count })
            );
        }
    }

    #[test]
    fn what_is_out_of_range_is_refused_before_any_file_is_read() {
        let filter = Filter::Bicubic;
        let fit = Squared::Crop;
        let edges = |blur, low, high| Tool::Edges(EdgeOptions { blur, low, high });
        let combine = |size| Tool::Combine {
            size,
            filters: [filter; 2],
        };
        let resize = |size| Tool::Resize { size, fit, filter };
        let task = Task {
            sources: vec![PathBuf::from("nowhere.png")],
            output: PathBuf::from("out.png"),
        };
        for (tool, said) in [
            (
                combine(Some(8193)),
                "`size` 8193 must lie between 1 and 8192",
            ),
            (resize(0), "`size` 0 must lie between 1 and 13377"),
            (resize(13_378), "`size` 13378 must lie between 1 and 13377"),
            (
                Tool::Blank { fraction: 0.0 },
                "`fraction` 0 must be above 0 and at most 1",
            ),
            (
                Tool::Blank { fraction: f64::NAN },
                "`fraction` NaN must be above 0 and at most 1",
            ),
            (
                edges(51.0, 1.0, 2.0),
                "`blur` 51 must lie between 0 and 50, and `low` 1 between 0 and `high` 2",
            ),
            (edges(1.0, 3.0, 2.0), "`low` 3 between 0 and `high` 2"),
            (edges(1.0, 3.0, f32::INFINITY), "`high` inf"),
        ] {
            let refused = tool.check().unwrap_err();
            assert!(refused.to_string().contains(said), "{refused}");
            let made = tool.make(&task, &ReadOptions::default()).unwrap_err();
            assert_eq!(made.to_string(), refused.to_string());
        }
        for tool in [
            combine(None),
            combine(Some(8192)),
            resize(1),
            resize(13_377),
        ] {
            assert_eq!(tool.check(), Ok(()));
        }
        for (percent, setting) in [([101, 0], "`val` 101"), ([0, 101], "`test` 101")] {
            let refused = split(200, percent, 0).unwrap_err().to_string();
            assert!(refused.starts_with(setting), "{refused}");
        }
        for (threads, allowed) in [(0, false), (1, true), (1024, true), (1025, false)] {
            assert_eq!(check_threads(threads).is_ok(), allowed, "{threads}");
        }
    }

    #[test]
    fn groups_are_joined_by_any_key() {
        let mut groups: Vec<usize> = (0..6).collect();
        join(&mut groups, ["a", "b", "a", "c", "d", "e"]);
        assert_eq!(groups, [0, 1, 0, 3, 4, 5]);
        join(&mut groups, [1, 2, 3, 3, 2, 4]);
        assert_eq!(
            groups,
            [0, 1, 0, 0, 1, 5],
            "what belongs together over two keys"
        );
    }
}
