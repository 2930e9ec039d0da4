//! What the folders in a folder of images say: that it is no folder of combined pairs. Whatever
//! stands here belongs to no folder structure, and would be walked as one heap of images.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::error::PairingError;
use super::folders::{Sides, find_sides, find_split};
use super::matching::name_in;
use super::remark::{NameRemark, Remark, RemarkKind};
use super::split::Split;

/// The folders of a tree that have images below them, each with the folders directly in it.
struct Tree(BTreeMap<PathBuf, BTreeSet<PathBuf>>);

impl Tree {
    fn of(root: &Path, images: &[PathBuf]) -> Self {
        let mut tree: BTreeMap<PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
        for image in images {
            let mut folders = image.ancestors().skip(1);
            let mut below: Option<&Path> = None;
            while let Some(folder) = folders.next().filter(|folder| folder.starts_with(root)) {
                let children = tree.entry(folder.to_owned()).or_default();
                // What is above is known if this is.
                if below.is_some_and(|below| !children.insert(below.to_owned())) {
                    break;
                }
                below = Some(folder);
            }
        }
        Self(tree)
    }

    /// The folders in their order, upper ones first.
    fn upper_first(&self) -> Vec<(&Path, Vec<PathBuf>)> {
        let children = |(folder, below): (_, &BTreeSet<_>)| (folder, Vec::from_iter(below.clone()));
        let paths = self
            .0
            .iter()
            .map(|(folder, below)| (folder.as_path(), below));
        let mut all: Vec<(&Path, Vec<PathBuf>)> = paths.map(children).collect();
        all.sort_by_key(|(folder, _)| folder.components().count());
        all
    }
}

/// Refuses folders in `root` that are those of a data set: parts such as `x/train/` and `x/val/`,
/// sides such as `x/A/` and `x/B/`, and parts that have other names here.
///
/// # Errors
/// [`PairingError::Deeper`] and [`PairingError::NamedLikeParts`].
pub(super) fn check_parts(root: &Path, images: &[PathBuf]) -> Result<(), PairingError> {
    for (folder, below) in Tree::of(root, images).upper_first() {
        if folder == root {
            check_names_of_parts(root, &below)?;
        } else if let Some(part) = known_part(&below) {
            return Err(PairingError::Deeper {
                root: root.to_owned(),
                folder: folder.to_owned(),
                part,
            });
        }
        // Sides that have no known names may have parts in them: they are told as sides.
        if sides_of_one_set(root, folder, &below, images).is_some() {
            return Ok(());
        }
    }
    Ok(())
}

/// A folder of a part or of a side with its partner.
fn known_part(folders: &[PathBuf]) -> Option<PathBuf> {
    let split = Split::ALL
        .into_iter()
        .find_map(|split| find_split(folders, split).cloned());
    split.or_else(|| {
        let names = Split::ALL.into_iter().map(Split::folder_names);
        let Sides { a, b } = names
            .chain([&[""][..]])
            .find_map(|prefixes| find_sides(folders, prefixes))?;
        (folders.contains(&a) && folders.contains(&b)).then_some(a)
    })
}

/// Refuses names such as `train_set/` and `val_set/`: together they would be training images.
fn check_names_of_parts(root: &Path, folders: &[PathBuf]) -> Result<(), PairingError> {
    let of = |split: Split| {
        folders.iter().find(|folder| {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            let name = name.to_lowercase();
            let mut words = split.folder_names().iter();
            words.any(|word| name.starts_with(word) || name.ends_with(word))
        })
    };
    match (of(Split::Train), of(Split::Val).or(of(Split::Test))) {
        (Some(train), Some(held_out)) if train != held_out => Err(PairingError::NamedLikeParts {
            root: root.to_owned(),
            train: train.clone(),
            held_out: held_out.clone(),
        }),
        _ => Ok(()),
    }
}

/// The two folders in `folder` that hold all of its images, under the same names. Folders whose
/// names differ in a number alone are parts of one heap (`day1/` and `day2/`).
fn sides_of_one_set(
    root: &Path,
    folder: &Path,
    below: &[PathBuf],
    images: &[PathBuf],
) -> Option<[PathBuf; 2]> {
    let [one, other] = below else { return None };
    let in_folder = images.iter().filter(|image| image.starts_with(folder));
    let mut names = [BTreeSet::new(), BTreeSet::new()];
    for image in in_folder {
        let side = [one, other]
            .iter()
            .position(|side| image.starts_with(side))?;
        names[side].insert(name_in(below.get(side)?, image));
    }
    let without_digits = |folder: &Path| -> String {
        let name = folder
            .strip_prefix(root)
            .unwrap_or(folder)
            .to_string_lossy();
        name.chars().filter(|sign| !sign.is_ascii_digit()).collect()
    };
    let [ones, others] = names;
    (ones == others && without_digits(one) != without_digits(other))
        .then(|| [one.clone(), other.clone()])
}

/// Refuses combined images that lie in two folders under the same names: one of the folders holds
/// inputs and the other one targets. Where that is less clear, it is told.
///
/// # Errors
/// [`PairingError::LikeSides`].
pub(super) fn check_sides(root: &Path, images: &[PathBuf]) -> Result<Option<Remark>, PairingError> {
    let tree = Tree::of(root, images);
    for (folder, below) in tree.upper_first() {
        if let Some([one, other]) = sides_of_one_set(root, folder, &below, images) {
            let set = folder.to_owned();
            return Err(PairingError::LikeSides { set, one, other });
        }
        // More folders are hardly sides.
        if let 2..=4 = below.len() {
            let shared = shared_names(&below, images);
            let in_folder = images.iter().filter(|image| image.starts_with(folder));
            if 2 * shared.len() > in_folder.count() {
                return Ok(Remark::of(
                    RemarkKind::Names(NameRemark::InSeveralFolders),
                    &shared,
                ));
            }
        }
    }
    Ok(None)
}

/// The images of these folders whose names are in another one of them as well.
fn shared_names(folders: &[PathBuf], images: &[PathBuf]) -> Vec<PathBuf> {
    let mut names: HashMap<PathBuf, Vec<&PathBuf>> = HashMap::new();
    for folder in folders {
        for image in images.iter().filter(|image| image.starts_with(folder)) {
            names.entry(name_in(folder, image)).or_default().push(image);
        }
    }
    let shared = names.into_values().filter(|files| files.len() > 1);
    let mut shared: Vec<PathBuf> = shared.flatten().cloned().collect();
    shared.sort();
    shared
}
