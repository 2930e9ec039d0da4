//! What was understood of a dataset folder, and what was left over.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use super::copies::held_out_copies;
use super::error::{DataError, PairingError};
use super::folders::{Sides, find_sides, find_split, flat_folder, match_folders, side_folders};
use super::found::{FoundSplit, Pairing, left_over};
use super::listing::{like_results, subfolders, walk};
use super::named_pairs::looks_like_pairs;
use super::pair_source::PairSource;
use super::remark::{NameRemark, Remark, RemarkKind};
use super::shapes::{check_halves, is_input_alone};
use super::split::Split;
use super::subfolders::{check_parts, check_sides};
use crate::files;

/// What a dataset folder is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How many images A and B have each.
    pub images: (usize, usize),
    /// Input and target are parts of one picture. Then an image outside of `A/` and `B/` is both.
    pub one_picture: bool,
    /// Pictures stay as they are stored, and are not turned as their EXIF orientation says.
    pub as_stored: bool,
}

/// A dataset folder as it was understood. No image is decoded yet.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The folder.
    pub root: PathBuf,
    /// The pairs of each split, in a fixed order.
    pub splits: Vec<FoundSplit>,
    /// What is not used, and what looks unusual: one for each kind.
    pub remarks: Vec<Remark>,
}

impl Scan {
    /// Finds the pairs of a dataset folder. [`super::pairs`] has the table of folder structures.
    ///
    /// # Errors
    /// A path that is missing, no folder or unreadable, a folder without images, one of the folders
    /// of A and B without the other, a file without a partner, two files that differ in the ending
    /// only, and images that are no pairs side by side.
    pub fn of(root: &Path, wanted: Wanted) -> Result<Self, DataError> {
        check_folder(root)?;
        let mut finder = Finder {
            wanted,
            splits: Vec::new(),
            alone: Vec::new(),
        };
        finder.find(root)?;
        let Finder {
            mut splits,
            mut alone,
            ..
        } = finder;
        alone.extend(take_inputs_alone(&mut splits, wanted.as_stored));
        let mut remarks = Vec::from_iter(Remark::of(RemarkKind::InputsAlone, &alone));
        for found in &splits {
            remarks.extend(check_folders(found)?);
            remarks.extend(like_results_of(found));
            if !wanted.one_picture {
                remarks.extend(check_halves(found, wanted.as_stored)?);
            }
        }
        remarks.extend(splits.iter().filter_map(named_like_pairs));
        remarks.extend(splits.iter().filter_map(FoundSplit::names));
        remarks.extend(same_folders(&splits));
        remarks.extend(unused_split(&splits));
        remarks.extend(left_over(walk(root)?, &splits, &alone));
        Ok(Self {
            root: root.to_owned(),
            splits,
            remarks,
        })
    }

    /// Adds what is told of held-out pairs that are training pairs as well. Files are read for it.
    pub(super) fn tell_copies(&mut self) {
        self.remarks.extend(held_out_copies(&self.splits));
    }

    /// The pairs of each split, which are moved out of the value.
    pub fn take_pairs(&mut self) -> Vec<(Split, Vec<PairSource>)> {
        let pairs = |found: &mut FoundSplit| (found.split, std::mem::take(&mut found.pairs));
        self.splits.iter_mut().map(pairs).collect()
    }
}

/// One line: what is A and B in each split.
impl fmt::Display for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, found) in self.splits.iter().enumerate() {
            let separator = if index > 0 { "; " } else { "" };
            write!(
                f,
                "{separator}{}: {}",
                found.split,
                found.describe(&self.root)
            )?;
        }
        Ok(())
    }
}

/// Refuses what is no folder, or cannot be read.
pub(super) fn check_folder(root: &Path) -> Result<(), DataError> {
    let path = root.to_owned();
    if files::is_dir(root) {
        return Ok(());
    }
    // A link to itself exists but cannot be followed: let the listing say so.
    if !files::exists(root) && root.symlink_metadata().is_ok() {
        return Err(match files::entries(root) {
            Err(source) => DataError::ReadFolder { path, source },
            Ok(_) => DataError::NotAFolder { path },
        });
    }
    Err(match files::exists(root) {
        true => DataError::NotAFolder { path },
        false => DataError::NotFound { path },
    })
}

/// The search for pairs.
struct Finder {
    wanted: Wanted,
    splits: Vec<FoundSplit>,
    /// Images of a test split without targets.
    alone: Vec<PathBuf>,
}

impl Finder {
    /// Tries the folder structures in their order, and takes the first that fits.
    fn find(&mut self, root: &Path) -> Result<(), DataError> {
        let below = subfolders(root)?;
        for split in Split::ALL {
            if let Some(folder) = find_split(&below, split) {
                self.split_folder(split, folder)?;
            }
        }
        if !self.is_empty() {
            return Ok(());
        }
        for split in Split::ALL {
            if let Some(sides) = find_sides(&below, split.folder_names()) {
                self.sides(split, &sides)?;
            }
        }
        if !self.is_empty() {
            return Ok(());
        }
        let Some(sides) = find_sides(&below, &[""]) else {
            return self.flat(Split::Train, root);
        };
        let (a, b) = (inside(&sides.a)?, inside(&sides.b)?);
        for split in Split::ALL {
            let [a, b] = [&a, &b].map(|below| find_split(below, split));
            if a.is_some() || b.is_some() {
                let name = a
                    .or(b)
                    .and_then(|path| path.file_name())
                    .unwrap_or_default();
                let within = |side: &Path, there: Option<&PathBuf>| {
                    there.map_or_else(|| side.join(name), PathBuf::to_owned)
                };
                let folders = [
                    numbered_inside(self.wanted.images.0, &sides.a, within(&sides.a, a)),
                    numbered_inside(self.wanted.images.1, &sides.b, within(&sides.b, b)),
                ];
                self.pair(split, folders)?;
            }
        }
        if self.is_empty() {
            self.sides(Split::Train, &sides)?;
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.splits.is_empty() && self.alone.is_empty()
    }

    /// A folder of one split: of A and B in it if one of them is there, else of images.
    fn split_folder(&mut self, split: Split, folder: &Path) -> Result<(), DataError> {
        match find_sides(&subfolders(folder)?, &[""]) {
            Some(sides) => self.sides(split, &sides),
            None => self.flat(split, folder),
        }
    }

    fn sides(&mut self, split: Split, sides: &Sides) -> Result<(), DataError> {
        let (a, b) = self.wanted.images;
        self.pair(
            split,
            [side_folders(&sides.a, a), side_folders(&sides.b, b)],
        )
    }

    fn pair(&mut self, split: Split, [a, b]: [Vec<PathBuf>; 2]) -> Result<(), DataError> {
        let there: Vec<bool> = [&a, &b]
            .map(|side| side.first().is_some_and(|folder| files::is_dir(folder)))
            .to_vec();
        if let (Split::Test, [one, other]) = (split, &there[..])
            && one != other
        {
            let folder = if *one { &a[0] } else { &b[0] };
            self.alone.extend(walk(folder)?.images);
            return Ok(());
        }
        let (pairs, names) = match_folders(&a, &b)?;
        let first = |side: &[PathBuf]| side.first().cloned().unwrap_or_default();
        self.splits.push(FoundSplit {
            split,
            count: pairs.len(),
            pairs,
            pairing: Pairing::Folders(first(&a), first(&b), names),
        });
        Ok(())
    }

    fn flat(&mut self, split: Split, folder: &Path) -> Result<(), DataError> {
        let (pairs, pairing) = flat_folder(folder, self.wanted.one_picture)?;
        self.splits.push(FoundSplit {
            split,
            count: pairs.len(),
            pairs,
            pairing,
        });
        Ok(())
    }
}

/// The folders in a folder that may be missing.
fn inside(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    match files::is_dir(folder) {
        true => subfolders(folder),
        false => Ok(Vec::new()),
    }
}

/// `A/train`, `A2/train` and so on.
fn numbered_inside(images: usize, side: &Path, first: PathBuf) -> Vec<PathBuf> {
    let name = first.file_name().unwrap_or_default().to_owned();
    let mut folders = vec![first];
    folders.extend(
        side_folders(side, images)
            .into_iter()
            .skip(1)
            .map(|folder| folder.join(&name)),
    );
    folders
}

/// Takes a test split away that has inputs alone, and returns these.
fn take_inputs_alone(splits: &mut Vec<FoundSplit>, as_stored: bool) -> Vec<PathBuf> {
    let position = |split| splits.iter().position(|found| found.split == split);
    let (Some(test), Some(train)) = (position(Split::Test), position(Split::Train)) else {
        return Vec::new();
    };
    if !is_input_alone(&splits[test], &splits[train], as_stored) {
        return Vec::new();
    }
    let test = splits.remove(test);
    test.pairs
        .iter()
        .flat_map(PairSource::paths)
        .cloned()
        .collect()
}

/// The folder of images that is walked as one, where A and B have none of their own.
fn heap(found: &FoundSplit) -> Option<&Path> {
    match &found.pairing {
        Pairing::Combined(folder)
        | Pairing::Whole(folder)
        | Pairing::OneName(folder)
        | Pairing::Affixes(folder, _) => Some(folder),
        Pairing::Folders(..) => None,
    }
}

/// Images that look like results of an earlier command, and are taken as pairs.
pub(super) fn like_results_of(found: &FoundSplit) -> Option<Remark> {
    let images: Vec<PathBuf> = found.paths().cloned().collect();
    like_results(heap(found)?, &images)
}

/// Refuses a folder that is no folder of images, by the folders in it. Tells where it may be none.
///
/// # Errors
/// [`PairingError`].
pub(super) fn check_folders(found: &FoundSplit) -> Result<Option<Remark>, PairingError> {
    let Some(folder) = heap(found) else {
        return Ok(None);
    };
    let images: Vec<PathBuf> = found.paths().cloned().collect();
    check_parts(folder, &images)?;
    match found.pairing {
        Pairing::Combined(_) => check_sides(folder, &images),
        _ => Ok(None),
    }
}

/// Combined images that have the names of pairs of two files.
fn named_like_pairs(found: &FoundSplit) -> Option<Remark> {
    let Pairing::Combined(folder) = &found.pairing else {
        return None;
    };
    let images: Vec<PathBuf> = found.paths().cloned().collect();
    Remark::of(
        RemarkKind::Names(NameRemark::LikePairs),
        &looks_like_pairs(folder, &images),
    )
}

/// Folders of splits and sides that are the same folder as an earlier one.
fn same_folders(splits: &[FoundSplit]) -> Option<Remark> {
    let mut seen = HashSet::new();
    let folders = splits.iter().flat_map(|found| found.pairing.folders());
    let again: Vec<PathBuf> = folders
        .filter(|folder| files::canonicalize(folder).is_ok_and(|real| !seen.insert(real)))
        .map(Path::to_owned)
        .collect();
    Remark::of(RemarkKind::SameFolder, &again)
}

/// A test split is shown only where there is no validation split.
fn unused_split(splits: &[FoundSplit]) -> Option<Remark> {
    let of = |split| {
        splits
            .iter()
            .find(|found: &&FoundSplit| found.split == split)
    };
    let (_, test) = (of(Split::Val)?, of(Split::Test)?);
    Some(Remark {
        kind: RemarkKind::UnusedSplit,
        count: test.pairs.len(),
        example: test.pairs.first()?.paths().next()?.clone(),
    })
}
