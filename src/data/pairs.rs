//! Which files of a dataset folder make a pair, in which order, for which split.
//!
//! | folder | pairs |
//! |---|---|
//! | `train/*.png`, `val/`, `test/` | combined images, A in the left half and B in the right one |
//! | `train/A/*` with `train/B/*`, the same for `val/` and `test/` | two files with the same name before the ending |
//! | `A/train/*` with `B/train/*`, the same for `val` and `test` | the same |
//! | `A/*` with `B/*` | the same, all of them for training |
//! | `*.png` | combined images, all of them for training |
//!
//! Where input and output are parts of one picture (colourisation), an image that is not in `A/` or `B/` is no combined one but both sides.
//!
//! The first row that fits counts. Pairs are sorted by file name.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::DataError;
use super::picture::Picture;
use super::read::{images_in, read_picture};

/// A part of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// What the networks learn from.
    Train,
    /// What is looked at while training goes on.
    Val,
    /// What is looked at once, at the end.
    Test,
}

impl Split {
    /// All splits, in the order in which they are opened.
    pub const ALL: [Split; 3] = [Split::Train, Split::Val, Split::Test];

    /// The name of the split and of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Val => "val",
            Split::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which side of a pair is the network's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// A is the input, B the target.
    #[default]
    AtoB,
    /// B is the input, A the target.
    BtoA,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::AtoB => "AtoB",
            Direction::BtoA => "BtoA",
        })
    }
}

impl Direction {
    /// Turns (A, B) into (input, target).
    pub fn order<T>(self, (a, b): (T, T)) -> (T, T) {
        match self {
            Direction::AtoB => (a, b),
            Direction::BtoA => (b, a),
        }
    }
}

/// Where a pair comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum PairSource {
    /// One file, A in its left half and B in its right one.
    Combined(PathBuf),
    /// A file each.
    Separate {
        /// The file in `A/`.
        a: PathBuf,
        /// The file in `B/`.
        b: PathBuf,
    },
    /// A combined image that is decoded already.
    Memory {
        /// What the pair is called, like a file name without its ending.
        name: String,
        /// A in its left half and B in its right one.
        image: Picture,
    },
}

impl PairSource {
    /// The name of the pair: its file name without the ending.
    pub fn name(&self) -> String {
        match self {
            PairSource::Combined(path) | PairSource::Separate { a: path, .. } => stem(path).to_string_lossy().into_owned(),
            PairSource::Memory { name, .. } => name.clone(),
        }
    }

    /// The files of A and B, or what names them.
    pub fn paths(&self) -> (&Path, &Path) {
        match self {
            PairSource::Combined(path) => (path, path),
            PairSource::Separate { a, b } => (a, b),
            PairSource::Memory { name, .. } => (Path::new(name), Path::new(name)),
        }
    }

    /// The whole image of a source that has only one file, which is not cut.
    ///
    /// # Errors
    /// Those of [`read_picture`].
    pub fn read_whole(&self) -> Option<Result<Picture, DataError>> {
        match self {
            PairSource::Combined(path) => Some(read_picture(path)),
            PairSource::Memory { image, .. } => Some(Ok(image.clone())),
            PairSource::Separate { .. } => None,
        }
    }

    /// Reads the images (A, B), both of the same size.
    ///
    /// # Errors
    /// Those of [`read_picture`], [`DataError::OddWidth`] and [`DataError::PairSizes`].
    pub fn read(&self) -> Result<(Picture, Picture), DataError> {
        match self {
            PairSource::Combined(path) => split_combined(&read_picture(path)?, path),
            PairSource::Memory { name, image } => split_combined(image, Path::new(name)),
            PairSource::Separate { a: path_a, b: path_b } => {
                let (a, b) = (read_picture(path_a)?, read_picture(path_b)?);
                if a.dimensions() == b.dimensions() {
                    return Ok((a, b));
                }
                Err(DataError::PairSizes { a: path_a.clone(), a_size: a.dimensions(), b: path_b.clone(), b_size: b.dimensions() })
            }
        }
    }
}

/// Cuts a combined image into its left half A and its right half B; `path` only names it in the error.
///
/// # Errors
/// [`DataError::OddWidth`] for a width that is odd or 0.
pub fn split_combined(ab: &Picture, path: &Path) -> Result<(Picture, Picture), DataError> {
    let (width, height) = ab.dimensions();
    if width == 0 || width % 2 == 1 {
        return Err(DataError::OddWidth { path: path.to_owned(), width });
    }
    let half = |left: u32| ab.crop(left, 0, width / 2, height);
    Ok((half(0), half(width / 2)))
}

/// The pairs of each split of a dataset folder, in a fixed order; no image is opened yet.
///
/// # Errors
/// A path that is missing, no folder or unreadable, a folder without images, one of `A/` and `B/` without the other, a file
/// without a partner, and two files that differ in the ending only.
pub fn find_pairs(root: &Path) -> Result<Vec<(Split, Vec<PairSource>)>, DataError> {
    if !root.exists() {
        // A link to itself exists but cannot be followed: let the listing say so.
        let gone = root.symlink_metadata().is_err();
        let path = root.to_owned();
        return Err(if gone { DataError::NotFound { path } } else { unreadable(root) });
    }
    if !root.is_dir() {
        return Err(DataError::NotAFolder { path: root.to_owned() });
    }
    let mut found = Vec::new();
    for split in Split::ALL {
        let folder = root.join(split.name());
        if folder.is_dir() {
            found.push((split, pairs_in(&folder)?));
        }
    }
    if found.is_empty() {
        let (a, b) = (root.join("A"), root.join("B"));
        for split in Split::ALL {
            let (a, b) = (a.join(split.name()), b.join(split.name()));
            if a.is_dir() || b.is_dir() {
                found.push((split, pair_folders(&a, &b)?));
            }
        }
    }
    if found.is_empty() {
        found.push((Split::Train, pairs_in(root)?));
    }
    Ok(found)
}

fn unreadable(folder: &Path) -> DataError {
    let path = folder.to_owned();
    match std::fs::read_dir(folder) {
        Err(source) => DataError::ReadFolder { path, source },
        Ok(_) => DataError::NotAFolder { path },
    }
}

/// The pairs of one split's folder: of `A/` and `B/` in it if there is one of them, else combined images.
fn pairs_in(folder: &Path) -> Result<Vec<PairSource>, DataError> {
    let (a, b) = (folder.join("A"), folder.join("B"));
    if a.is_dir() || b.is_dir() {
        return pair_folders(&a, &b);
    }
    Ok(images_in(folder)?.into_iter().map(PairSource::Combined).collect())
}

/// The images of two folders, paired by their names without the endings.
///
/// # Errors
/// A folder that is missing or empty, a file without a partner, and two files that differ in the ending only.
pub fn pair_folders(folder_a: &Path, folder_b: &Path) -> Result<Vec<PairSource>, DataError> {
    for (present, missing) in [(folder_a, folder_b), (folder_b, folder_a)] {
        if !missing.is_dir() {
            let (present, missing) = (present.to_owned(), missing.to_owned());
            return Err(DataError::MissingHalf { present, missing });
        }
    }
    let files_a = by_name(images_in(folder_a)?)?;
    let mut files_b = by_name(images_in(folder_b)?)?;
    let mut pairs = Vec::with_capacity(files_a.len());
    for (name, a) in files_a {
        let Some(b) = files_b.remove(&name) else {
            return Err(DataError::Unpaired { path: a, folder: folder_b.to_owned() });
        };
        pairs.push(PairSource::Separate { a, b });
    }
    match files_b.into_values().next() {
        Some(path) => Err(DataError::Unpaired { path, folder: folder_a.to_owned() }),
        None => Ok(pairs),
    }
}

fn by_name(files: Vec<PathBuf>) -> Result<BTreeMap<OsString, PathBuf>, DataError> {
    let mut names = BTreeMap::new();
    for path in files {
        if let Some(first) = names.insert(stem(&path), path.clone()) {
            return Err(DataError::SameName { first, second: path });
        }
    }
    Ok(names)
}

fn stem(path: &Path) -> OsString {
    path.file_stem().unwrap_or_default().to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use image::RgbImage;
    use std::fs;

    /// A temporary dataset folder with these (empty) files in it.
    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        root
    }

    /// `split: name name, split: ...` of what is found.
    fn summary(files: &[&str]) -> String {
        let root = tree(files);
        let splits = find_pairs(root.path()).unwrap();
        let line = |(split, pairs): &(Split, Vec<PairSource>)| {
            let names: Vec<String> = pairs.iter().map(PairSource::name).collect();
            format!("{split}: {}", names.join(" "))
        };
        splits.iter().map(line).collect::<Vec<_>>().join(", ")
    }

    fn error(files: &[&str]) -> DataError {
        find_pairs(tree(files).path()).unwrap_err()
    }

    #[test]
    fn every_layout_is_found_in_sorted_order() {
        let combined = ["train/b.png", "train/a.jpg", "val/c.png", "train/notes.txt"];
        assert_eq!(summary(&combined), "train: a b, val: c");
        let inside = ["train/A/y.png", "train/B/y.jpg", "train/A/x.png", "train/B/x.png", "test/z.png"];
        assert_eq!(summary(&inside), "train: x y, test: z");
        let above = ["A/train/x.png", "B/train/x.png", "A/val/y.png", "B/val/y.png"];
        assert_eq!(summary(&above), "train: x, val: y");
        assert_eq!(summary(&["A/x.png", "B/x.webp"]), "train: x");
        assert_eq!(summary(&["b.png", "a.png", ".c.png"]), "train: a b");
    }

    #[test]
    fn what_is_wrong_with_a_folder_is_a_typed_error() {
        assert!(matches!(error(&["A/x.png", "A/y.png", "B/x.png"]), DataError::Unpaired { path, .. } if path.ends_with("A/y.png")));
        assert!(matches!(error(&["A/x.png", "B/x.png", "B/y.png"]), DataError::Unpaired { path, .. } if path.ends_with("B/y.png")));
        assert!(matches!(error(&["A/x.png"]), DataError::MissingHalf { missing, .. } if missing.ends_with("B")));
        assert!(matches!(error(&["train/B/x.png"]), DataError::MissingHalf { missing, .. } if missing.ends_with("train/A")));
        assert!(matches!(error(&["A/val/x.png", "B/train/x.png"]), DataError::MissingHalf { missing, .. } if missing.ends_with("A/train")));
        assert!(matches!(error(&["A/x.png", "A/x.jpg", "B/x.png"]), DataError::SameName { .. }));
        assert!(matches!(error(&["train/notes.txt"]), DataError::NoImages { path } if path.ends_with("train")));
        assert!(matches!(error(&["train/x.png", "val/notes.txt"]), DataError::NoImages { path } if path.ends_with("val")));
        assert!(matches!(error(&[]), DataError::NoImages { .. }));
        let root = tree(&["file.png"]);
        assert!(matches!(find_pairs(&root.path().join("gone")), Err(DataError::NotFound { .. })));
        assert!(matches!(find_pairs(&root.path().join("file.png")), Err(DataError::NotAFolder { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_read_is_a_typed_error() {
        let root = tree(&[]);
        let knot = root.path().join("knot");
        std::os::unix::fs::symlink(&knot, &knot).unwrap();
        assert!(matches!(find_pairs(&knot), Err(DataError::ReadFolder { .. })));
    }

    #[test]
    fn combined_images_are_cut_in_the_middle() {
        let ab = RgbImage::from_fn(4, 2, |x, y| image::Rgb([x as u8, y as u8, 0])).into();
        let (a, b) = split_combined(&ab, Path::new("ab.png")).unwrap();
        assert_eq!((a.dimensions(), b.dimensions()), ((2, 2), (2, 2)));
        assert_eq!((a.pixel(1, 1).collect(), b.pixel(0, 1).collect()), (vec![1, 1, 0], vec![2, 1, 0]));
        assert_eq!(Direction::BtoA.order((1, 2)), (2, 1));
        for width in [0, 1, 5] {
            let error = split_combined(&RgbImage::new(width, 3).into(), Path::new("ab.png")).unwrap_err();
            assert!(matches!(error, DataError::OddWidth { width: w, .. } if w == width), "{error}");
        }
    }

    #[test]
    fn two_files_of_different_size_are_no_pair() {
        let root = tree(&["A/x.png", "B/x.png"]);
        RgbImage::new(4, 4).save(root.path().join("A/x.png")).unwrap();
        RgbImage::new(4, 5).save(root.path().join("B/x.png")).unwrap();
        let (_, pairs) = find_pairs(root.path()).unwrap().remove(0);
        let error = pairs[0].read().unwrap_err();
        assert!(matches!(error, DataError::PairSizes { b_size: (4, 5), .. }), "{error}");
        assert!(error.to_string().contains("4x5"));
    }
}
