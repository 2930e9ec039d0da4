//! The pairs of a split as they were found, and how.

use std::path::PathBuf;

use super::matching::Names;
use super::pair_source::PairSource;
use super::split::Split;

/// The pairs of one split.
#[derive(Clone, Debug)]
pub struct FoundSplit {
    /// The split.
    pub split: Split,
    /// How many pairs it has.
    pub count: usize,
    /// Its pairs, until [`super::Scan::take_pairs`] takes them.
    pub pairs: Vec<PairSource>,
    /// How they were found.
    pub pairing: Pairing,
}

/// How the files of a folder make pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// Combined images, A on the left and B on the right.
    Combined(PathBuf),
    /// Each image is input and target.
    Whole(PathBuf),
    /// A and B have a folder each.
    Folders(PathBuf, PathBuf, Names),
    /// Photo and label map of one name in one folder.
    OneName(PathBuf),
    /// The names of one folder end with these suffixes.
    Suffixes(PathBuf, &'static str, &'static str),
}
