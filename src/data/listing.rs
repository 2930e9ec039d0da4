//! Which files of a folder are images.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::error::DataError;
use super::limits::{EXTENSIONS, is_unread_picture};
use super::matching::name_in;
use super::remark::{Remark, RemarkKind};
use crate::files;

/// The image files that are meant by files and folders, and what was left out.
#[derive(Debug, Default)]
pub struct Listed {
    /// A file itself, and of a folder the images in it, sorted by path.
    pub images: Vec<PathBuf>,
    /// What is not used of the folders: one for each kind and folder.
    pub remarks: Vec<Remark>,
}

/// Finds the image files that are meant by files and folders. Folders in folders are walked.
///
/// # Errors
/// [`DataError::NotFound`], [`DataError::ReadFolder`], or [`DataError::NoImages`] for a folder
/// without any.
pub fn list_images(paths: &[PathBuf]) -> Result<Listed, DataError> {
    let mut listed = Listed::default();
    for path in paths {
        if files::is_dir(path) {
            let walked = walk_images(path)?;
            listed.remarks.extend(walked.remarks());
            listed.images.extend(walked.images);
        } else if files::exists(path) {
            listed.images.push(path.clone());
        } else {
            return Err(DataError::NotFound { path: path.clone() });
        }
    }
    Ok(listed)
}

/// Takes those of `files` out that lie in `out`, if this is a folder below `folder`: results of an
/// earlier run are no inputs.
pub fn take_results(files: &mut Vec<PathBuf>, folder: &Path, out: &Path) -> Vec<PathBuf> {
    let (Ok(out), Ok(folder)) = (files::canonicalize(out), files::canonicalize(folder)) else {
        return Vec::new();
    };
    if out == folder || !out.starts_with(&folder) {
        return Vec::new();
    }
    let is_result =
        |file: &PathBuf| files::canonicalize(file).is_ok_and(|full| full.starts_with(&out));
    let (results, inputs) = std::mem::take(files).into_iter().partition(is_result);
    *files = inputs;
    results
}

/// What looks like results of an earlier command among the images of a folder, and is taken as
/// input: a folder in it that repeats the names of all images beside it.
pub fn like_results(folder: &Path, images: &[PathBuf]) -> Option<Remark> {
    let depth = folder.components().count();
    let (upper, deeper): (Vec<&PathBuf>, Vec<&PathBuf>) = images
        .iter()
        .partition(|path| path.parent() == Some(folder));
    let names: HashSet<PathBuf> = upper.iter().map(|path| name_in(folder, path)).collect();
    let mut repeated: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in deeper {
        let results: PathBuf = path.components().take(depth + 1).collect();
        if names.contains(&name_in(&results, path)) {
            repeated.entry(results).or_default().push(path.clone());
        }
    }
    // One name may be the same by chance.
    repeated.retain(|_, files| names.len() > 1 && files.len() >= names.len());
    let files: Vec<PathBuf> = repeated.into_values().flatten().collect();
    Remark::of(RemarkKind::LikeResults, &files)
}

/// The files below a folder. Hidden files and folders are left out.
#[derive(Debug, Default)]
pub struct Walked {
    /// Images, sorted by path.
    pub images: Vec<PathBuf>,
    /// Files with other endings, sorted by path.
    pub others: Vec<PathBuf>,
    /// Links to folders that were walked already. A circle of links ends here.
    pub links: Vec<PathBuf>,
    /// Folders of training runs. Their pictures are no data.
    pub runs: Vec<PathBuf>,
}

impl Walked {
    /// Adds what was found below another folder.
    pub(super) fn add(&mut self, other: Self) {
        self.images.extend(other.images);
        self.others.extend(other.others);
        self.links.extend(other.links);
        self.runs.extend(other.runs);
    }

    /// What is no image, one remark for each kind.
    pub(super) fn remarks(&self) -> impl Iterator<Item = Remark> {
        let others = self.others.iter().cloned();
        let (unread, others): (Vec<PathBuf>, _) = others.partition(|path| is_unread_picture(path));
        [
            Remark::of(RemarkKind::UnreadPictures, &unread),
            Remark::of(RemarkKind::OtherEndings, &others),
            Remark::of(RemarkKind::Links, &self.links),
            Remark::of(RemarkKind::Runs, &self.runs),
        ]
        .into_iter()
        .flatten()
    }
}

/// Walks a folder and all folders below it. Links are followed, as in the reference, but each
/// folder is read once. Links come last, so that a folder has its own name.
///
/// # Errors
/// [`DataError::ReadFolder`].
pub fn walk(root: &Path) -> Result<Walked, DataError> {
    let mut walked = Walked::default();
    let mut seen = HashSet::new();
    let real = |folder: &Path| files::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    // Each folder with the path that no link is on.
    let (mut folders, mut links) = (vec![(root.to_owned(), real(root))], VecDeque::new());
    while let Some((folder, real_folder)) = folders.pop().or_else(|| links.pop_front()) {
        if !seen.insert(real_folder.clone()) {
            walked.links.push(folder);
            continue;
        }
        let found = entries(&folder)?;
        if folder != root && is_run(&found) {
            walked.runs.push(folder);
            continue;
        }
        let mut below = Vec::new();
        for path in found {
            if files::is_symlink(&path) && files::is_dir(&path) {
                links.push_back((path.clone(), real(&path)));
            } else if files::is_dir(&path) {
                // The system looks at each part of a path to find the real one. In a deep tree that
                // takes long, so only links are asked for theirs.
                let name = path.file_name().unwrap_or_default();
                below.push((path.clone(), real_folder.join(name)));
            } else if has_image_name(&path) {
                walked.images.push(path);
            } else {
                walked.others.push(path);
            }
        }
        folders.extend(below.into_iter().rev());
    }
    walked.images.sort();
    walked.others.sort();
    walked.links.sort();
    Ok(walked)
}

/// Walks a folder that must have images.
///
/// # Errors
/// Those of [`walk`], and [`DataError::NoImages`].
pub(super) fn walk_images(root: &Path) -> Result<Walked, DataError> {
    match walk(root)? {
        Walked { images, others, .. } if images.is_empty() => Err(DataError::NoImages {
            path: root.to_owned(),
            others,
        }),
        walked => Ok(walked),
    }
}

/// Whether a folder with these entries is that of a training run.
fn is_run(entries: &[PathBuf]) -> bool {
    let has = |name: &str| entries.iter().any(|path| path.ends_with(name));
    has("config.json") && has("checkpoints")
}

/// The folders directly in a folder, sorted. Hidden ones are left out.
pub(super) fn subfolders(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut found = entries(folder)?;
    found.retain(|path| files::is_dir(path));
    Ok(found)
}

/// What lies directly in a folder and is not hidden, sorted.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let folder_error = |source: io::Error| DataError::ReadFolder {
        path: folder.to_owned(),
        source,
    };
    let mut found = files::entries(folder).map_err(folder_error)?;
    found.retain(|path| {
        let name = path.file_name().unwrap_or_default();
        !name.as_encoded_bytes().starts_with(b".")
    });
    found.sort();
    Ok(found)
}

/// Whether a file has the ending of an image, and is not hidden.
pub fn has_image_name(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .and_then(OsStr::to_str)
        .is_some_and(|name| name.starts_with('.'));
    let known = path
        .extension()
        .and_then(OsStr::to_str)
        .is_some_and(|ending| {
            EXTENSIONS
                .iter()
                .any(|known| ending.eq_ignore_ascii_case(known))
        });
    known && !hidden
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use std::fs;

    #[cfg(unix)]
    #[test]
    fn a_walk_reads_each_folder_once_and_ends_in_circles() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("a/deep/.hidden")).unwrap();
        for name in [
            "x.png",
            "a/y.png",
            "a/notes.txt",
            "a/deep/z.jpg",
            "a/deep/.hidden/h.png",
        ] {
            fs::write(root.join(name), b"x").unwrap();
        }
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("far.png"), b"x").unwrap();
        let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, root.join(name)).unwrap();
        link(root, "a/circle");
        link(elsewhere.path(), "far");
        link(&root.join("a"), "twice");
        let walked = walk(root).unwrap();
        let names = ["a/deep/z.jpg", "a/y.png", "far/far.png", "x.png"];
        assert_eq!(walked.images, names.map(|name| root.join(name)));
        assert_eq!(walked.others, [root.join("a/notes.txt")]);
        assert_eq!(walked.links, [root.join("a/circle"), root.join("twice")]);
    }

    #[test]
    fn a_deep_tree_is_walked() {
        let folder = tempfile::tempdir().unwrap();
        let deep: PathBuf = std::iter::repeat_n("d", 1000).collect();
        fs::create_dir_all(folder.path().join(&deep)).unwrap();
        fs::write(folder.path().join(&deep).join("x.png"), b"x").unwrap();
        assert_eq!(walk(folder.path()).unwrap().images.len(), 1);
    }

    #[test]
    fn lists_files_and_folders_sorted_and_tells_what_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("folder.png/below")).unwrap();
        for name in ["b.PNG", "a.jpg", ".hidden.png", "notes.txt", "no_ending"] {
            fs::write(root.join(name), b"x").unwrap();
        }
        let empty = root.join("folder.png");
        let missing = root.join("missing");
        let error = |path: &PathBuf| list_images(std::slice::from_ref(path)).unwrap_err();
        assert!(matches!(error(&empty), DataError::NoImages { .. }));
        assert!(matches!(error(&missing), DataError::NotFound { .. }));
        let deep = root.join("folder.png/below/c.png");
        fs::write(&deep, b"x").unwrap();
        let [lone, a, b] = ["no_ending", "a.jpg", "b.PNG"].map(|name| root.join(name));
        let walked = list_images(&[lone.clone(), root.to_owned()]).unwrap();
        assert_eq!(walked.images, [lone, a, b, deep]);
        let [others] = &walked.remarks[..] else {
            panic!("{:?}", walked.remarks)
        };
        assert_eq!((others.kind, others.count), (RemarkKind::OtherEndings, 2));

        let out = root.join("folder.png");
        let mut files = walked.images;
        assert!(take_results(&mut files, root, root).is_empty());
        assert_eq!(take_results(&mut files, root, &out).len(), 1);
        assert_eq!(files.len(), 3);
    }
}
