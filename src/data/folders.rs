//! How the folders and files of a data set are called.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::{DataError, PairingError, SAME_NAME};
use super::found::Pairing;
use super::limits::is_unread_picture;
use super::listing::walk_images;
use super::matching::{FolderFiles, Names, match_files, name_in};
use super::named_pairs::named_pairs;
use super::near_names::or_why;
use super::pair_source::PairSource;
use super::split::Split;
use crate::files;

/// What the folders of A and B are called, in lower case.
const SIDES: [(&str, &str); 13] = [
    ("a", "b"),
    ("label", "img"),
    ("label", "image"),
    ("labels", "images"),
    ("input", "target"),
    ("input", "output"),
    ("source", "target"),
    ("before", "after"),
    ("src", "dst"),
    ("in", "out"),
    ("low", "high"),
    ("lr", "hr"),
    ("leftimg8bit", "gtfine"),
];

/// What stands between a split and a side in the name of a folder.
const SEPARATORS: [&str; 3] = ["", "_", "-"];

/// The first folders of both sides. One of them may be missing.
pub(super) struct Sides {
    pub a: PathBuf,
    pub b: PathBuf,
}

fn name_of(folder: &Path) -> &str {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.unwrap_or_default()
}

/// The folder of a split. The usual name goes before others, and before other letter cases.
pub(super) fn find_split(folders: &[PathBuf], split: Split) -> Option<&PathBuf> {
    let exact = folders.iter().find(|path| name_of(path) == split.name());
    exact.or_else(|| {
        split
            .folder_names()
            .iter()
            .find_map(|name| named(folders, name))
    })
}

fn named<'a>(folders: &'a [PathBuf], name: &str) -> Option<&'a PathBuf> {
    folders
        .iter()
        .find(|path| name_of(path).eq_ignore_ascii_case(name))
}

/// The folders of A and B among `folders`, with one of `prefixes` before the side's name. Where a
/// name says little alone, both must be there.
pub(super) fn find_sides(folders: &[PathBuf], prefixes: &[&str]) -> Option<Sides> {
    for (a, b) in SIDES {
        for prefix in prefixes {
            for separator in SEPARATORS {
                if prefix.is_empty() && !separator.is_empty() {
                    continue;
                }
                let [of_a, of_b] =
                    [a, b].map(|side| named(folders, &format!("{prefix}{separator}{side}")));
                let alone_is_enough = a == "a" || !prefix.is_empty();
                match (of_a, of_b) {
                    (Some(a), Some(b)) => {
                        let (a, b) = (a.clone(), b.clone());
                        return Some(Sides { a, b });
                    }
                    (Some(there), None) if alone_is_enough => {
                        let (a, b) = (there.clone(), partner(there, a, b));
                        return Some(Sides { a, b });
                    }
                    (None, Some(there)) if alone_is_enough => {
                        let (a, b) = (partner(there, b, a), there.clone());
                        return Some(Sides { a, b });
                    }
                    _ => {}
                }
            }
        }
    }
    None
}

/// What the folder of the other side would be called.
fn partner(there: &Path, own: &str, other: &str) -> PathBuf {
    let name = name_of(there);
    let (before, side) = name.split_at(name.len().saturating_sub(own.len()));
    let other = match side.chars().all(char::is_uppercase) {
        true => other.to_uppercase(),
        false => other.to_owned(),
    };
    there.with_file_name(format!("{before}{other}"))
}

/// The folders of a side of several images: `A`, `A2`, `A3` and so on.
pub(super) fn side_folders(first: &Path, images: usize) -> Vec<PathBuf> {
    let numbered = |number: usize| match number {
        1 => first.to_owned(),
        _ => {
            let mut name = first.file_name().unwrap_or_default().to_owned();
            name.push(number.to_string());
            first.with_file_name(name)
        }
    };
    (1..=images).map(numbered).collect()
}

/// The pairs of a folder that has no folders for A and B. Folders in it are walked.
///
/// # Errors
/// A folder without images, and files of one name that make no pair.
pub(super) fn flat_folder(
    folder: &Path,
    one_picture: bool,
) -> Result<(Vec<PairSource>, Pairing), DataError> {
    let images = walk_images(folder)?.images;
    let own = || folder.to_owned();
    let whole = |images: Vec<PathBuf>| images.into_iter().map(PairSource::Combined).collect();
    if one_picture {
        return Ok((whole(images), Pairing::Whole(own())));
    }
    let mut names: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in &images {
        let name = name_in(folder, path);
        names.entry(name).or_default().push(path.clone());
    }
    let pairs: Vec<PairSource> = names
        .values()
        .filter_map(|files| photo_and_labels(files))
        .collect();
    let of_one_name = names.values().filter(|files| files.len() > 1).count();
    // Where most names are those of pairs, the others lack a partner and are left over.
    if pairs.len() == of_one_name && 2 * pairs.len() > names.len() {
        return Ok((pairs, Pairing::OneName(own())));
    }
    if let Some([first, second, ..]) = names
        .values()
        .map(Vec::as_slice)
        .find(|files| files.len() > 1)
    {
        return Err(DataError::SameName {
            first: first.clone(),
            second: second.clone(),
            words: SAME_NAME,
        });
    }
    if let Some((pairs, affixes)) = named_pairs(folder, &images)? {
        return Ok((pairs, Pairing::Affixes(own(), affixes)));
    }
    Ok((whole(images), Pairing::Combined(own())))
}

/// A photo and a label map of one name. Photos are JPEG and label maps are not, because JPEG mixes
/// colours. The photo is A, as in the reference's facades.
fn photo_and_labels(files: &[PathBuf]) -> Option<PairSource> {
    let is_photo = |path: &Path| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        ending.is_some_and(|ending| {
            ["jpg", "jpeg", "jpe", "jfif"]
                .iter()
                .any(|known| ending.eq_ignore_ascii_case(known))
        })
    };
    let [first, second] = files else { return None };
    let (a, b) = match [first, second].map(|path| is_photo(path)) {
        [true, false] => (first, second),
        [false, true] => (second, first),
        _ => return None,
    };
    Some(PairSource::Separate {
        a: vec![a.clone()],
        b: vec![b.clone()],
    })
}

/// The pairs of two sides, and how their names compare.
pub(super) fn match_folders(
    a: &[PathBuf],
    b: &[PathBuf],
) -> Result<(Vec<PairSource>, Names), DataError> {
    let folders: Vec<&PathBuf> = a.iter().chain(b).collect();
    if let Some(file) = folders.iter().find(|folder| files::is_file(folder)) {
        let path = file.to_path_buf();
        return Err(DataError::NotAFolder { path });
    }
    let present = folders.iter().find(|folder| files::is_dir(folder));
    match (
        folders.iter().find(|folder| !files::is_dir(folder)),
        present,
    ) {
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
    let mut images: Vec<FolderFiles> = Vec::with_capacity(folders.len());
    let mut others: Vec<FolderFiles> = Vec::with_capacity(folders.len());
    for folder in folders {
        let walked = walk_images(folder)?;
        images.push((folder.clone(), walked.images));
        others.push((folder.clone(), walked.others));
    }
    let matched =
        match_files(&images).map_err(|error| or_why(or_unread(error, &others), &images))?;
    let pair = |mut files: Vec<PathBuf>| PairSource::Separate {
        b: files.split_off(a.len()),
        a: files,
    };
    Ok((matched.files.into_iter().map(pair).collect(), matched.names))
}

/// Where the partner of a file is there, in a format that is not read, the error names it.
fn or_unread(error: DataError, others: &[FolderFiles]) -> DataError {
    let DataError::Unpaired { path, folder, .. } = &error else {
        return error;
    };
    let own = others.iter().find(|(own, _)| path.starts_with(own));
    let there = others.iter().find(|(there, _)| there == folder);
    let (Some((own, _)), Some((there, files))) = (own, there) else {
        return error;
    };
    let name = name_in(own, path);
    let mut unread = files.iter().filter(|file| is_unread_picture(file));
    match unread.find(|file| name_in(there, file) == name) {
        Some(partner) => DataError::Pairing(PairingError::Unread {
            path: path.clone(),
            partner: partner.clone(),
        }),
        None => error,
    }
}
