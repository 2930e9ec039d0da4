//! The pairs inside the binary, so that it can train without any files: flat emoji (A) to the same
//! emoji in 3D (B). The feature `assets` puts them there.
//!
//! Each split is one sheet that any viewer opens, a grid of combined A|B images (`assets/pairs/`,
//! with source and licence).

use std::path::Path;

use super::dataset::Dataset;
use super::error::DataError;
use super::pair_source::PairSource;
use super::preprocess::DataOptions;
use super::read::decode;
use super::read_options::ReadOptions;
use super::split::Split;

/// What stands for a folder in messages.
const ROOT: &str = "the bundled pairs";
#[cfg(feature = "assets")]
const SHEETS: &[(Split, &[u8])] = &[
    (Split::Train, include_bytes!("../../assets/pairs/train.jpg")),
    (Split::Val, include_bytes!("../../assets/pairs/val.jpg")),
];
/// The library carries none.
#[cfg(not(feature = "assets"))]
const SHEETS: &[(Split, &[u8])] = &[];
/// Width and height of a combined image in a sheet, in pixels.
const CELL: (u32, u32) = (256, 128);

impl Dataset {
    /// The bundled pairs: 200 for training and 40 for validation, 128 x 128 pixels each before they
    /// are resized.
    ///
    /// # Errors
    /// [`DataError::Sizes`] for sizes that contradict each other, and [`DataError::NotCarried`]
    /// where the library was built without the feature `assets`.
    pub fn bundled(options: &DataOptions) -> Result<Self, DataError> {
        match SHEETS.is_empty() {
            true => Err(DataError::NotCarried),
            false => Self::from_sheets(SHEETS, options),
        }
    }

    /// The bundled pairs from the bytes of their sheets, where these are not in the binary:
    /// `assets/pairs/train.jpg` and `val.jpg`.
    ///
    /// # Errors
    /// [`DataError::Sizes`] for sizes that contradict each other, and those of reading a picture.
    pub fn from_sheets(
        sheets: &[(Split, &[u8])],
        options: &DataOptions,
    ) -> Result<Self, DataError> {
        let mut pairs = Vec::with_capacity(sheets.len());
        for &(split, bytes) in sheets {
            pairs.push((split, cut(split, bytes)?));
        }
        Self::from_pairs(Path::new(ROOT), pairs, options)
    }
}

/// The pairs of a sheet, left to right and top to bottom.
fn cut(split: Split, bytes: &[u8]) -> Result<Vec<PairSource>, DataError> {
    let sheet = decode(Path::new(ROOT), bytes, &ReadOptions::default())?;
    let (columns, rows) = (sheet.width() / CELL.0, sheet.height() / CELL.1);
    let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
    let pair = |(index, (column, row)): (usize, (u32, u32))| PairSource::Memory {
        name: format!("{split}-{index:03}"),
        image: sheet.crop(column * CELL.0, row * CELL.1, CELL.0, CELL.1),
    };
    Ok(cells.enumerate().map(pair).collect())
}

#[cfg(all(test, feature = "assets"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn there_are_200_and_40_pairs_on_white_that_differ() {
        let dataset = Dataset::bundled(&DataOptions::new(64)).unwrap();
        assert_eq!(dataset.require(Split::Train).unwrap().len(), 200);
        let val = dataset.require(Split::Val).unwrap();
        assert_eq!(val.len(), 40);
        assert!(matches!(
            dataset.require(Split::Test),
            Err(DataError::MissingSplit { .. })
        ));
        assert_eq!(val.sources().first().unwrap().to_string(), "val-000");
        let all: Vec<usize> = (0..val.len()).collect();
        let batch = val.plain(&all).unwrap();
        assert_eq!(batch.input.len(), 40 * 64 * 64 * 3);
        // A wrong cut would show an emoji's middle in the corner, or compare different emoji.
        let corners = batch
            .input
            .chunks(64 * 64 * 3)
            .filter(|image| image[0] > 0.98)
            .count();
        assert!(corners >= 38, "{corners} of 40 inputs have a white corner");
        let l1 = batch
            .input
            .iter()
            .zip(&batch.target)
            .map(|(a, b)| (a - b).abs())
            .sum::<f32>()
            / batch.input.len() as f32;
        assert!((0.05..0.25).contains(&l1), "L1 of copying the input: {l1}");
    }

    #[test]
    fn the_sheets_stay_small() {
        let bytes: usize = SHEETS.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(bytes < 3_000_000, "{bytes}");
    }
}
