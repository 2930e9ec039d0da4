//! Names that are one file where results go. Some file systems make no difference between small and
//! capital letters, or between the ways in which accents are written.

use crate::data::matching::small_letters;
use crate::train::run::folder_of;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Files by names that may be one on some file system, each with what it belongs to.
#[derive(Default)]
struct ByName(HashMap<PathBuf, Vec<(PathBuf, PathBuf)>>);

impl ByName {
    fn add(&mut self, path: PathBuf, owner: PathBuf) {
        let alike = self.0.entry(small_letters(&path)).or_default();
        alike.insert(0, (path, owner));
    }

    /// What this file belongs to. `are_one` is asked of names that are not equal.
    fn owner(&self, path: &Path, are_one: impl Fn(&Path, &Path) -> bool) -> Option<&PathBuf> {
        let mut alike = self.0.get(&small_letters(path))?.iter();
        let found = alike.find(|(other, _)| other == path || are_one(other, path));
        found.map(|(_, owner)| owner)
    }
}

/// The files of inputs.
pub struct Sources(ByName);

impl Sources {
    /// Those of these files that are there.
    pub fn new<'a>(files: impl Iterator<Item = &'a PathBuf>) -> Self {
        let mut sources = ByName::default();
        for file in files {
            if let Ok(full) = file.canonicalize() {
                sources.add(full, file.clone());
            }
        }
        Self(sources)
    }

    /// The input that would be written over at this path.
    pub fn at(&self, path: &Path) -> Option<&PathBuf> {
        self.0.owner(&path.canonicalize().ok()?, is_same_file)
    }
}

/// The files of results, each with the input that it is of.
pub struct Taken<'a> {
    out: &'a Path,
    files: ByName,
    are_one: fn(&Path, [&Path; 2]) -> bool,
}

impl<'a> Taken<'a> {
    /// No results yet in the folder `out`.
    pub fn new(out: &'a Path) -> Self {
        Self {
            out,
            files: ByName::default(),
            are_one,
        }
    }

    /// Notes the file of a result of `input`. It is that of no earlier input any more.
    pub fn add(&mut self, path: PathBuf, input: PathBuf) {
        self.files.add(path, input);
    }

    /// The input whose result would be this file as well.
    pub fn owner(&self, path: &Path) -> Option<&PathBuf> {
        let below = |path: &Path| path.strip_prefix(self.out).ok().map(Path::to_owned);
        self.files.owner(path, |other, path| {
            let both = below(other).zip(below(path));
            both.is_some_and(|(other, path)| (self.are_one)(self.out, [&other, &path]))
        })
    }
}

/// Whether something has this name. A link that leads nowhere has it too.
pub fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Whether a file has no bytes.
pub fn is_empty_file(path: &Path) -> bool {
    let found = path.symlink_metadata();
    found.is_ok_and(|found| found.is_file() && found.len() == 0)
}

/// The first folder on the way up that is there.
pub fn existing_folder(path: &Path) -> &Path {
    let there = path.ancestors().find(|path| is_there(path));
    // The empty path, where nothing of a relative one is there.
    there.unwrap_or(Path::new("."))
}

/// Whether two paths below `folder` would be one file. Only the file system knows, so it is tried.
fn are_one(folder: &Path, below: [&Path; 2]) -> bool {
    let tried = || -> io::Result<bool> {
        let scratch = tempfile::tempdir_in(existing_folder(folder))?;
        let [first, second] = below.map(|path| scratch.path().join(path));
        fs::create_dir_all(folder_of(&first))?;
        File::create(first)?;
        Ok(is_there(&second))
    };
    tried().unwrap_or(false)
}

/// Whether both names lead to one file. Elsewhere than on Unix full paths say it.
fn is_same_file(first: &Path, second: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
        identity(first).is_some() && identity(first) == identity(second)
    }
    #[cfg(not(unix))]
    {
        first == second
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A file system that makes no difference between letters.
    fn by_letters(_: &Path, [first, second]: [&Path; 2]) -> bool {
        small_letters(first) == small_letters(second)
    }

    #[test]
    fn names_clash_where_the_file_system_takes_them_for_one() {
        let out = Path::new("out");
        let (first, second) = (out.join("day/A.png"), out.join("Day/a.png"));
        for (are_one, expected) in [
            (by_letters as fn(&Path, [&Path; 2]) -> bool, true),
            (|_, _| false, false),
        ] {
            let mut taken = Taken {
                are_one,
                ..Taken::new(out)
            };
            taken.add(first.clone(), "in/A.png".into());
            assert_eq!(taken.owner(&first).unwrap(), Path::new("in/A.png"));
            assert_eq!(taken.owner(&second).is_some(), expected);
            assert!(taken.owner(&out.join("b.png")).is_none());
        }
    }

    /// The answer is that of the file system which the folder lies on.
    #[test]
    fn the_file_system_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        File::create(folder.path().join("x.png")).unwrap();
        let same = folder.path().join("X.png").exists();
        let new = folder.path().join("not/there");
        assert_eq!(are_one(&new, ["a/x.png", "A/X.png"].map(Path::new)), same);
        assert!(are_one(&new, ["x.png"; 2].map(Path::new)));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    /// A second name of one file stands for a file system where letters make no difference.
    #[cfg(unix)]
    #[test]
    fn an_input_is_known_by_another_name_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let [small, capital] = ["a.png", "A.png"].map(|name| folder.path().join(name));
        File::create(&small).unwrap();
        let sources = Sources::new([&small].into_iter());
        assert_eq!(sources.at(&small), Some(&small));
        File::create(&capital).unwrap();
        let are_one = fs::read_dir(folder.path()).unwrap().count() == 1;
        assert_eq!(sources.at(&capital).is_some(), are_one);
        if !are_one {
            fs::remove_file(&capital).unwrap();
            fs::hard_link(&small, &capital).unwrap();
            assert_eq!(sources.at(&capital), Some(&small));
        }
    }
}
