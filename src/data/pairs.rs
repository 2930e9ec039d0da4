//! Which files of a dataset folder make a pair, in which order, for which split.
//!
//! | folder | pairs |
//! |---|---|
//! | `train/`, `val/`, `test/` with `A/` and `B/` in it | files of one name before the ending |
//! | `train/`, `val/`, `test/` without them | images of a folder, see below |
//! | `trainA/` with `trainB/`, `train_label/` with `train_img/` and so on | two files of one name |
//! | `A/train/` with `B/train/`, the same for `val` and `test` | the same |
//! | `A/` with `B/` | the same, all of them for training |
//! | anything else | images of a folder, all of them for training |
//!
//! Images of a folder are pairs by their names if all of them are (`x_A.png` with `x_B.png`; a
//! photo `x.jpg` with its label map `x.png`). Else they are combined images, A in the left half and
//! B in the right one.
//!
//! Names of folders may have any letter case, and `val/` other names: see `Split`. `A/` and `B/`
//! may have the names of known data sets: see `folders`. Folders in a folder of images are walked,
//! and the path below it is the name. Names that are not equal are compared in normal form and
//! without suffixes: see `matching`.
//!
//! A side of several images has them in `A/`, `A2/`, `A3/` and so on (or `B/`, `B2/`, ..), in the
//! place of `A/` alone.
//!
//! If input and output are parts of one picture (colourisation), an image outside of `A/` and `B/`
//! is not a combined one: it is both sides.
//!
//! The first row of the table that fits is taken. Pairs are sorted by file name.

use std::path::{Path, PathBuf};

use super::error::DataError;
use super::folders::{Sides, find_sides, find_split, flat_folder, match_folders};
use super::found::{FoundSplit, Pairing, left_over};
use super::listing::{subfolders, take_results, walk};
pub use super::matching::match_names;
use super::pair_source::PairSource;
use super::remark::{Remark, RemarkKind};
use super::scan::{Scan, Wanted, check_folder, check_folders, like_results_of};
use super::split::Split;
use crate::files;

/// The pairs of each split of a dataset folder, in a fixed order; no image is decoded yet. `images`
/// is how many A and B have each.
///
/// # Errors
/// Those of [`Scan::of`].
pub fn find_pairs(
    root: &Path,
    images: (usize, usize),
) -> Result<Vec<(Split, Vec<PairSource>)>, DataError> {
    let wanted = Wanted {
        images,
        one_picture: false,
        as_stored: false,
    };
    Ok(Scan::of(root, wanted)?.take_pairs())
}

/// Pairs that a tool makes something of, and what was left over.
#[derive(Clone, Debug)]
pub struct ToolPairs {
    /// The pairs, and how they were found.
    pub found: FoundSplit,
    /// What is not used, and what looks unusual: one for each kind.
    pub remarks: Vec<Remark>,
}

/// The images of a folder A and of a folder B, matched by their names without the endings.
///
/// # Errors
/// A folder that is missing or empty, a file without a partner, and two files that differ in the
/// ending only.
pub fn pair_folders(a: &Path, b: &Path) -> Result<ToolPairs, DataError> {
    let own = Path::to_owned;
    let (pairs, names) = match_folders(&[own(a)], &[own(b)])?;
    let found = FoundSplit {
        split: Split::Train,
        count: pairs.len(),
        pairs,
        pairing: Pairing::Folders(own(a), own(b), names),
    };
    let mut walked = walk(a)?;
    if a != b {
        walked.add(walk(b)?);
    }
    let mut remarks = Vec::from_iter(found.names());
    remarks.extend(left_over(walked, std::slice::from_ref(&found), &[]));
    Ok(ToolPairs { found, remarks })
}

/// The pairs of a folder that has no parts yet: of one file or two. Images in `out`, where results
/// go, are none.
///
/// # Errors
/// A folder that is split already, and errors as of [`pair_folders`].
pub fn pairs_to_split(root: &Path, out: &Path) -> Result<ToolPairs, DataError> {
    check_folder(root)?;
    let below = subfolders(root)?;
    check_not_split(&below)?;
    let (pairs, pairing) = match find_sides(&below, &[""]) {
        Some(Sides { a, b }) => {
            for side in [&a, &b].into_iter().filter(|side| files::is_dir(side)) {
                check_not_split(&subfolders(side)?)?;
            }
            let ToolPairs { found, .. } = pair_folders(&a, &b)?;
            (found.pairs, found.pairing)
        }
        None => match flat_folder(root, false) {
            // Two files of one name are copied, and go together.
            Err(DataError::SameName { .. }) => flat_folder(root, true)?,
            found => found?,
        },
    };
    let mut walked = walk(root)?;
    let results = take_results(&mut walked.images, root, out);
    let is_result = |pair: &PairSource| pair.paths().any(|path| results.contains(path));
    let pairs: Vec<PairSource> = pairs.into_iter().filter(|pair| !is_result(pair)).collect();
    let found = FoundSplit {
        split: Split::Train,
        count: pairs.len(),
        pairs,
        pairing,
    };
    let mut remarks = Vec::from_iter(Remark::of(RemarkKind::Results, &results));
    remarks.extend(check_folders(&found)?);
    remarks.extend(like_results_of(&found));
    remarks.extend(found.names());
    remarks.extend(left_over(walked, std::slice::from_ref(&found), &[]));
    Ok(ToolPairs { found, remarks })
}

/// Refuses the folders of a data set that has parts.
fn check_not_split(folders: &[PathBuf]) -> Result<(), DataError> {
    let part = Split::ALL.into_iter().find_map(|split| {
        let of_sides = find_sides(folders, split.folder_names());
        let side = of_sides.map(|sides| {
            if files::is_dir(&sides.a) {
                sides.a
            } else {
                sides.b
            }
        });
        find_split(folders, split).cloned().or(side)
    });
    part.map_or(Ok(()), |path| Err(DataError::IsSplit { path }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::data::PairingError;
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
        let name = |pair: &PairSource| {
            let path = pair.paths().next().unwrap();
            path.file_stem().unwrap().to_str().unwrap().to_owned()
        };
        let line = |(split, pairs): &(Split, Vec<PairSource>)| {
            let names: Vec<String> = pairs.iter().map(name).collect();
            format!("{split}: {}", names.join(" "))
        };
        splits.iter().map(line).collect::<Vec<_>>().join(", ")
    }

    fn error(files: &[&str]) -> DataError {
        find_pairs(tree(files).path(), (1, 1)).unwrap_err()
    }

    #[test]
    fn every_folder_structure_is_found_in_sorted_order() {
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
            DataError::NoImages { path, .. } => path.ends_with(name),
            _ => false,
        };
        assert!(no_images(&["train/notes.txt"], "train"));
        assert!(no_images(&["train/x.png", "val/notes.txt"], "val"));
        assert!(matches!(error(&[]), DataError::NoImages { .. }));
        let message = error(&["train/IMG_1.heic", "train/day/IMG_2.heic"]).to_string();
        assert!(
            message.contains("train: no images in this folder, and 2 files have other endings")
                && message.contains("IMG_1.heic")
                && !message.contains("remove"),
            "{message}"
        );
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
        let missing = |name: &str| root.path().join(name);
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
        let error = pairs[0]
            .read(&Default::default(), &mut Default::default())
            .unwrap_err();
        assert!(
            matches!(
                error,
                DataError::Pairing(PairingError::Sizes { b_size: (4, 5), .. })
            ),
            "{error}"
        );
        assert!(error.to_string().contains("4x5"));
    }
}
