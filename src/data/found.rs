//! The pairs of a split as they were found, and how.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::affix::Affix;
use super::listing::Walked;
use super::matching::{Names, name_in};
use super::pair_source::PairSource;
use super::remark::{NameRemark, Remark, RemarkKind};
use super::split::Split;
use crate::files;

/// The pairs of one split, or of two folders.
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
    /// The names of one folder have these affixes.
    Affixes(PathBuf, [Affix; 2]),
}

impl Pairing {
    /// The folders that images were looked for in.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        let (first, second) = match self {
            Self::Folders(a, b, _) => (a, Some(b)),
            Self::Combined(folder)
            | Self::Whole(folder)
            | Self::OneName(folder)
            | Self::Affixes(folder, _) => (folder, None),
        };
        std::iter::once(first).chain(second).map(PathBuf::as_path)
    }
}

impl FoundSplit {
    /// All files of its pairs.
    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.pairs.iter().flat_map(PairSource::paths)
    }

    /// One line: what is A and B. Folders below `root` are named by their path there.
    pub fn describe(&self, root: &Path) -> String {
        let name = |path: &Path| match path.strip_prefix(root) {
            Ok(below) if !below.as_os_str().is_empty() => format!("{}/", below.display()),
            _ => format!("{}/", path.display()),
        };
        let count = self.count;
        let images = if count == 1 { "image" } else { "images" };
        match &self.pairing {
            Pairing::Combined(folder) => format!(
                "{count} {images} in {}, A is the left half and B the right one",
                name(folder)
            ),
            Pairing::Whole(folder) => format!(
                "{count} {images} in {}, each is input and target",
                name(folder)
            ),
            Pairing::Folders(a, b, names) => format!(
                "A: {count} {images} in {}, B: {count} in {}, paired {names}",
                name(a),
                name(b)
            ),
            Pairing::OneName(folder) => format!(
                "A: {count} JPEG {images} in {}, B: {count} of the same names beside them",
                name(folder)
            ),
            Pairing::Affixes(folder, [a, b]) => format!(
                "A: {count} {images} {a} in {}, B: {count} {images} {b}, paired by name",
                name(folder)
            ),
        }
    }

    /// How the names of its pairs differ, where they do.
    pub(super) fn names(&self) -> Option<Remark> {
        let names = match &self.pairing {
            Pairing::Folders(a, b, Names::Without(affixes)) => {
                return self.names_without([a, b], affixes);
            }
            Pairing::Affixes(folder, affixes) => {
                return self.names_without([folder, folder], affixes);
            }
            Pairing::Folders(_, _, names) => names,
            Pairing::Combined(_) | Pairing::Whole(_) | Pairing::OneName(_) => return None,
        };
        let (kind, count, example) = match names {
            Names::Normalised { count, example } => {
                (RemarkKind::Names(NameRemark::NormalForms), count, example)
            }
            Names::LetterCase { count, example } => {
                (RemarkKind::Names(NameRemark::LetterCase), count, example)
            }
            Names::Equal | Names::Without(_) => return None,
        };
        Some(Remark {
            kind,
            count: *count,
            example: example.clone(),
        })
    }

    /// The pairs whose names differ also without the affixes of their folders.
    fn names_without(&self, [of_a, of_b]: [&Path; 2], affixes: &[Affix]) -> Option<Remark> {
        let rest = |folder: &Path, path: &Path, affix: Option<&Affix>| {
            let (name, affix) = (name_in(folder, path), affix?);
            match affix.is_empty() {
                true => Some(name),
                false => affix.strip(&name),
            }
        };
        let differ = |pair: &PairSource| {
            let PairSource::Separate { a, b } = pair else {
                return None;
            };
            let (first_a, first_b) = (a.first()?, b.first()?);
            let is_one =
                rest(of_a, first_a, affixes.first()) == rest(of_b, first_b, affixes.get(a.len()));
            (!is_one).then(|| first_a.clone())
        };
        let files: Vec<PathBuf> = self.pairs.iter().filter_map(differ).collect();
        Remark::of(RemarkKind::Names(NameRemark::LetterCase), &files)
    }
}

/// What was walked and is part of no pair. What is told of inputs `alone` is not told again.
pub(super) fn left_over(
    mut walked: Walked,
    splits: &[FoundSplit],
    alone: &[PathBuf],
) -> Vec<Remark> {
    let known: HashSet<&PathBuf> = splits
        .iter()
        .flat_map(|found| &found.pairs)
        .flat_map(PairSource::paths)
        .chain(alone)
        .collect();
    let mut images: Vec<PathBuf> = walked
        .images
        .iter()
        .filter(|path| !known.contains(path))
        .cloned()
        .collect();
    let used: HashSet<&Path> = splits
        .iter()
        .flat_map(|found| found.pairing.folders())
        .collect();
    walked.links.retain(|link| !used.contains(link.as_path()));
    // A folder that is used by the name of a link has been walked by its own name.
    if used.iter().any(|folder| files::is_symlink(folder)) {
        let real = |path: &PathBuf| files::canonicalize(path).ok();
        let known: HashSet<PathBuf> = known.iter().filter_map(|path| real(path)).collect();
        images.retain(|path| real(path).is_none_or(|real| !known.contains(&real)));
    }
    let unused = Remark::of(RemarkKind::UnusedImages, &images);
    unused.into_iter().chain(walked.remarks()).collect()
}
