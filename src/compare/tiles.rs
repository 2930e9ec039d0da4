//! The pictures of held-out pairs that a comparison shows, each with what every cell makes of it.

use std::path::PathBuf;

/// Pairs in rows, and columns of input, target and cells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tiles {
    /// The names of the columns.
    pub heads: Vec<String>,
    /// What stands in a column without pictures.
    pub missing: Vec<&'static str>,
    /// The pairs.
    pub rows: Vec<TileRow>,
}

/// The pictures of one pair.
#[derive(Debug, Clone, PartialEq)]
pub struct TileRow {
    /// Its number in the split, from 0.
    pub index: usize,
    /// Its file.
    pub name: String,
    /// A file for each column. `None` for a run that made none.
    pub files: Vec<Option<PathBuf>>,
}
