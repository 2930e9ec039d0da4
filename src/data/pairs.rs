//! Which files of a dataset folder make a pair, in which order, for which split.
//!
//! | folder | pairs |
//! |---|---|
//! | `train/*.png`, `val/`, `test/` | combined images, A in the left half and B in the right one |
//! | `train/A/*` with `train/B/*`, also `val/`, `test/` | two files of one name before the ending |
//! | `A/train/*` with `B/train/*`, the same for `val` and `test` | the same |
//! | `A/*` with `B/*` | the same, all of them for training |
//! | `*.png` | combined images, all of them for training |
//!
//! A side of several images has them in `A/`, `A2/`, `A3/` and so on (or `B/`, `B2/`, ..), in the
//! place of `A/` alone.
//!
//! If input and output are parts of one picture (colourisation), an image outside of `A/` and `B/`
//! is not a combined one: it is both sides.
//!
//! The first row of the table that fits is taken. Pairs are sorted by file name.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::DataError;
use super::listing::images_in;
use super::pair_source::{PairSource, stem};

use super::split::Split;

/// The pairs of each split of a dataset folder, in a fixed order; no image is opened yet. `images`
/// is how many A and B have each.
///
/// # Errors
/// A path that is missing, no folder or unreadable, a folder without images, one of `A/` and `B/`
/// without the other, a file without a partner, and two files that differ in the ending only.
pub fn find_pairs(
    root: &Path,
    images: (usize, usize),
) -> Result<Vec<(Split, Vec<PairSource>)>, DataError> {
    if !root.exists() {
        // A link to itself exists but cannot be followed: let the listing say so.
        let gone = root.symlink_metadata().is_err();
        let path = root.to_owned();
        return Err(if gone {
            DataError::NotFound { path }
        } else {
            unreadable(root)
        });
    }
    if !root.is_dir() {
        return Err(DataError::NotAFolder {
            path: root.to_owned(),
        });
    }
    let mut found = Vec::new();
    for split in Split::ALL {
        let folder = root.join(split.name());
        if folder.is_dir() {
            found.push((split, pairs_in(&folder, images)?));
        }
    }
    if found.is_empty() {
        for split in Split::ALL {
            if let Some(folders) = side_folders(root, split.name(), images) {
                found.push((split, pair_folders(&folders.0, &folders.1)?));
            }
        }
    }
    if found.is_empty() {
        found.push((Split::Train, pairs_in(root, images)?));
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

/// The folders of both sides in `root`, `A/`, `A2/` .. and `B/`, `B2/` .., each with `inside`
/// behind it; `None` if neither A nor B is there.
fn side_folders(
    root: &Path,
    inside: &str,
    images: (usize, usize),
) -> Option<(Vec<PathBuf>, Vec<PathBuf>)> {
    let folder = |side: &str, number: usize| match number {
        1 => root.join(side).join(inside),
        _ => root.join(format!("{side}{number}")).join(inside),
    };
    let folders =
        |side: &str, images: usize| (1..=images).map(|number| folder(side, number)).collect();
    let there = folder("A", 1).is_dir() || folder("B", 1).is_dir();
    there.then(|| (folders("A", images.0), folders("B", images.1)))
}

/// The pairs of one split's folder: of `A/` and `B/` in it if there is one of them, else combined
/// images.
fn pairs_in(folder: &Path, images: (usize, usize)) -> Result<Vec<PairSource>, DataError> {
    match side_folders(folder, "", images) {
        Some((a, b)) => pair_folders(&a, &b),
        None => Ok(images_in(folder)?
            .into_iter()
            .map(PairSource::Combined)
            .collect()),
    }
}

/// The images of the folders of A and of B, at least one of each, matched by their names without
/// the endings.
///
/// # Errors
/// A folder that is missing or empty, a file without a partner, and two files that differ in the
/// ending only.
pub fn pair_folders(a: &[PathBuf], b: &[PathBuf]) -> Result<Vec<PairSource>, DataError> {
    let folders: Vec<&PathBuf> = a.iter().chain(b).collect();
    if let Some(file) = folders.iter().find(|folder| folder.is_file()) {
        let path = file.to_path_buf();
        return Err(DataError::NotAFolder { path });
    }
    let present = folders.iter().find(|folder| folder.is_dir());
    match (folders.iter().find(|folder| !folder.is_dir()), present) {
        (Some(missing), Some(present)) => {
            return Err(DataError::MissingHalf {
                present: present.to_path_buf(),
                missing: missing.to_path_buf(),
            });
        }
        (Some(_), None) => {
            let side = |folders: &[PathBuf]| folders.first().cloned().unwrap_or_default();
            return Err(DataError::BothMissing {
                a: side(a),
                b: side(b),
            });
        }
        (None, _) => {}
    }
    let images = folders
        .iter()
        .map(|folder| Ok((folder.to_path_buf(), images_in(folder)?)))
        .collect::<Result<_, DataError>>()?;
    let of_one_name = match_names(images)?;
    Ok(of_one_name
        .into_iter()
        .map(|mut files| PairSource::Separate {
            b: files.split_off(a.len()),
            a: files,
        })
        .collect())
}

/// The files of one name, one of each of these places, name by name.
///
/// # Errors
/// A file without a partner, and two files of one place that differ in the ending only.
pub fn match_names(places: Vec<(PathBuf, Vec<PathBuf>)>) -> Result<Vec<Vec<PathBuf>>, DataError> {
    let mut places: Vec<_> = places
        .into_iter()
        .map(|(place, files)| Ok((place, by_name(files)?)))
        .collect::<Result<_, DataError>>()?;
    let Some((first_place, first)) = (!places.is_empty()).then(|| places.remove(0)) else {
        return Ok(Vec::new());
    };
    let mut matched = Vec::with_capacity(first.len());
    let mut unpaired = Vec::new();
    for (name, path) in first {
        let mut files = vec![path.clone()];
        for (place, others) in &mut places {
            match others.remove(&name) {
                Some(other) => files.push(other),
                None => unpaired.push((path.clone(), place.clone())),
            }
        }
        matched.push(files);
    }
    for (_, others) in places {
        unpaired.extend(others.into_values().map(|path| (path, first_place.clone())));
    }
    let count = unpaired.len();
    match unpaired.into_iter().next() {
        Some((path, folder)) => Err(DataError::Unpaired {
            path,
            folder,
            count,
        }),
        None => Ok(matched),
    }
}

fn by_name(files: Vec<PathBuf>) -> Result<BTreeMap<OsString, PathBuf>, DataError> {
    let mut names = BTreeMap::new();
    for path in files {
        if let Some(first) = names.insert(stem(&path), path.clone()) {
            return Err(DataError::SameName {
                first,
                second: path,
            });
        }
    }
    Ok(names)
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
        let splits = find_pairs(root.path(), (1, 1)).unwrap();
        let line = |(split, pairs): &(Split, Vec<PairSource>)| {
            let names: Vec<String> = pairs.iter().map(PairSource::name).collect();
            format!("{split}: {}", names.join(" "))
        };
        splits.iter().map(line).collect::<Vec<_>>().join(", ")
    }

    fn error(files: &[&str]) -> DataError {
        find_pairs(tree(files).path(), (1, 1)).unwrap_err()
    }

    #[test]
    fn every_layout_is_found_in_sorted_order() {
        let combined = ["train/b.png", "train/a.jpg", "val/c.png", "train/notes.txt"];
        assert_eq!(summary(&combined), "train: a b, val: c");
        let inside = [
            "train/A/y.png",
            "train/B/y.jpg",
            "train/A/x.png",
            "train/B/x.png",
            "test/z.png",
        ];
        assert_eq!(summary(&inside), "train: x y, test: z");
        let above = [
            "A/train/x.png",
            "B/train/x.png",
            "A/val/y.png",
            "B/val/y.png",
        ];
        assert_eq!(summary(&above), "train: x, val: y");
        assert_eq!(summary(&["A/x.png", "B/x.webp"]), "train: x");
        assert_eq!(summary(&["b.png", "a.png", ".c.png"]), "train: a b");
    }

    #[test]
    fn what_is_wrong_with_a_folder_is_a_typed_error() {
        let unpaired = |files: &[&str], name: &str| match error(files) {
            DataError::Unpaired { path, .. } => path.ends_with(name),
            _ => false,
        };
        assert!(unpaired(&["A/x.png", "A/y.png", "B/x.png"], "A/y.png"));
        assert!(unpaired(&["A/x.png", "B/x.png", "B/y.png"], "B/y.png"));
        let half = |files: &[&str], name: &str| match error(files) {
            DataError::MissingHalf { missing, .. } => missing.ends_with(name),
            _ => false,
        };
        assert!(half(&["A/x.png"], "B"));
        assert!(half(&["train/B/x.png"], "train/A"));
        assert!(half(&["A/val/x.png", "B/train/x.png"], "A/train"));
        assert!(matches!(
            error(&["A/x.png", "A/x.jpg", "B/x.png"]),
            DataError::SameName { .. }
        ));
        let no_images = |files: &[&str], name: &str| match error(files) {
            DataError::NoImages { path } => path.ends_with(name),
            _ => false,
        };
        assert!(no_images(&["train/notes.txt"], "train"));
        assert!(no_images(&["train/x.png", "val/notes.txt"], "val"));
        assert!(matches!(error(&[]), DataError::NoImages { .. }));
        let root = tree(&["file.png"]);
        assert!(matches!(
            find_pairs(&root.path().join("gone"), (1, 1)),
            Err(DataError::NotFound { .. })
        ));
        assert!(matches!(
            find_pairs(&root.path().join("file.png"), (1, 1)),
            Err(DataError::NotAFolder { .. })
        ));
    }

    #[test]
    fn a_message_counts_all_unpaired_files_and_names_both_missing_folders() {
        let root = tree(&["A/x.png", "A/y.png", "B/x.png", "B/z.png", "B/w.png"]);
        let message = find_pairs(root.path(), (1, 1)).unwrap_err().to_string();
        assert!(
            message.contains("A/y.png") && message.contains("3 files have no partner"),
            "{message}"
        );
        let missing = |name: &str| vec![root.path().join(name)];
        let message = pair_folders(&missing("left"), &missing("right"))
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("left and ") && message.contains("right: no such folders"),
            "{message}"
        );
        assert!(matches!(
            pair_folders(&missing("A/x.png"), &missing("B")),
            Err(DataError::NotAFolder { .. })
        ));
    }

    #[test]
    fn several_images_of_a_side_lie_in_numbered_folders() {
        let root = tree(&[
            "A/x.png", "A2/x.jpg", "B/x.png", "A/y.png", "A2/y.png", "B/y.png",
        ]);
        let (_, pairs) = find_pairs(root.path(), (2, 1)).unwrap().remove(0);
        let PairSource::Separate { a, b } = &pairs[0] else {
            panic!("{pairs:?}")
        };
        assert_eq!(
            (a, b),
            (
                &vec![root.path().join("A/x.png"), root.path().join("A2/x.jpg")],
                &vec![root.path().join("B/x.png")]
            )
        );
        let error = find_pairs(root.path(), (3, 1)).unwrap_err();
        assert!(
            matches!(&error, DataError::MissingHalf { missing, .. } if missing.ends_with("A3")),
            "{error}"
        );
        fs::remove_file(root.path().join("A2/y.png")).unwrap();
        let error = find_pairs(root.path(), (2, 1)).unwrap_err();
        assert!(
            matches!(&error, DataError::Unpaired { folder, .. } if folder.ends_with("A2")),
            "{error}"
        );
        let inside = tree(&["train/A/x.png", "train/B/x.png", "train/B2/x.png"]);
        assert_eq!(find_pairs(inside.path(), (1, 2)).unwrap()[0].1.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_read_is_a_typed_error() {
        let root = tree(&[]);
        let knot = root.path().join("knot");
        std::os::unix::fs::symlink(&knot, &knot).unwrap();
        assert!(matches!(
            find_pairs(&knot, (1, 1)),
            Err(DataError::ReadFolder { .. })
        ));
    }

    #[test]
    fn two_files_of_different_size_are_no_pair() {
        let root = tree(&["A/x.png", "B/x.png"]);
        RgbImage::new(4, 4)
            .save(root.path().join("A/x.png"))
            .unwrap();
        RgbImage::new(4, 5)
            .save(root.path().join("B/x.png"))
            .unwrap();
        let (_, pairs) = find_pairs(root.path(), (1, 1)).unwrap().remove(0);
        let error = pairs[0].read().unwrap_err();
        assert!(
            matches!(error, DataError::PairSizes { b_size: (4, 5), .. }),
            "{error}"
        );
        assert!(error.to_string().contains("4x5"));
    }
}
