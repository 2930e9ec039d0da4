//! Floor 0: the files that are read. They lie on disk, or in a folder in memory: a browser's tab
//! has no disk, and gets the bytes of a dropped folder or an opened archive.
//!
//! A [`MemoryFolder`] has a name. While it lives, paths that begin with this name are its files,
//! and what reads data sets, pictures and weights reads them. So the same code understands both,
//! with the same checks and the same messages.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use thiserror::Error;

/// The folders in memory, by their names.
static FOLDERS: RwLock<BTreeMap<String, Arc<Tree>>> = RwLock::new(BTreeMap::new());

/// What lies below a folder in memory and the folder itself, by their whole paths.
type Tree = BTreeMap<PathBuf, Entry>;

#[derive(Debug)]
enum Entry {
    /// What lies directly in it.
    Folder(Vec<PathBuf>),
    File(Arc<[u8]>),
}

/// Files that make no folder in memory.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FolderError {
    /// The name is none.
    #[error("{name:?} is no name of a folder; take one without slashes, not . and not ..")]
    Name {
        /// The name.
        name: String,
    },
    /// The name is in use.
    #[error("{name}: a folder in memory has this name already; take another name")]
    Taken {
        /// The name.
        name: String,
    },
    /// A path that leads out of the folder, or to no file.
    #[error("{folder}: {path:?} is no path below this folder; name the files in it")]
    Path {
        /// The folder.
        folder: String,
        /// The path.
        path: String,
    },
    /// Two files of one path, or a file where a folder is.
    #[error("{}: is there twice; leave one of them out", path.display())]
    Twice {
        /// The path.
        path: PathBuf,
    },
}

/// A folder whose files are in memory. When it is dropped, they are gone.
#[derive(Debug)]
pub struct MemoryFolder {
    name: String,
}

impl MemoryFolder {
    /// A folder of these files, each with its path below the folder (`train/A/1.png`) and bytes.
    ///
    /// # Errors
    /// A name or a path that is none, and files that are there twice.
    pub fn new(
        name: &str,
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> Result<Self, FolderError> {
        if !is_name(name) {
            let name = name.to_owned();
            return Err(FolderError::Name { name });
        }
        let mut tree = Tree::from([(name.into(), Entry::Folder(Vec::new()))]);
        for (path, bytes) in files {
            if !path.split('/').all(is_name) {
                let folder = name.to_owned();
                return Err(FolderError::Path { folder, path });
            }
            add(
                &mut tree,
                &Path::new(name).join(path),
                Entry::File(bytes.into()),
            )?;
        }
        let mut folders = FOLDERS.write().unwrap_or_else(PoisonError::into_inner);
        if folders.contains_key(name) {
            let name = name.to_owned();
            return Err(FolderError::Taken { name });
        }
        folders.insert(name.to_owned(), Arc::new(tree));
        let name = name.to_owned();
        Ok(Self { name })
    }

    /// Its path, which is its name.
    pub fn path(&self) -> &Path {
        Path::new(&self.name)
    }
}

impl Drop for MemoryFolder {
    fn drop(&mut self) {
        let mut folders = FOLDERS.write().unwrap_or_else(PoisonError::into_inner);
        folders.remove(&self.name);
    }
}

/// Whether this is the name of one file or folder on every system.
pub fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\\', '\0', ':'])
}

/// Adds a file or folder, and the folders that it lies in.
fn add(tree: &mut Tree, path: &Path, entry: Entry) -> Result<(), FolderError> {
    let twice = || FolderError::Twice {
        path: path.to_owned(),
    };
    match (tree.get(path), &entry) {
        (None, _) => {}
        (Some(Entry::Folder(_)), Entry::Folder(_)) => return Ok(()),
        (Some(_), _) => return Err(twice()),
    }
    tree.insert(path.to_owned(), entry);
    let above = path.parent().ok_or_else(twice)?;
    add_folder(tree, above).map_err(|_| twice())?;
    if let Some(Entry::Folder(names)) = tree.get_mut(above) {
        names.push(path.to_owned());
    }
    Ok(())
}

fn add_folder(tree: &mut Tree, path: &Path) -> Result<(), FolderError> {
    add(tree, path, Entry::Folder(Vec::new()))
}

/// The folder in memory that a path leads into, if it does.
fn tree_of(path: &Path) -> Option<Arc<Tree>> {
    let Some(Component::Normal(first)) = path.components().next() else {
        return None;
    };
    let folders = FOLDERS.read().unwrap_or_else(PoisonError::into_inner);
    folders.get(first.to_str()?).cloned()
}

/// What `in_memory` makes of the entry of a path that leads into memory, and `on_disk` of another.
fn either<T>(
    path: &Path,
    in_memory: impl FnOnce(Option<&Entry>) -> T,
    on_disk: impl FnOnce() -> T,
) -> T {
    match tree_of(path) {
        Some(tree) => in_memory(tree.get(path)),
        None => on_disk(),
    }
}

fn not_found() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "no such file in memory")
}

fn no_file() -> io::Error {
    io::Error::other("not a regular file")
}

/// Whether this is a folder, also by a link.
pub fn is_dir(path: &Path) -> bool {
    let is_folder = |entry: Option<&Entry>| matches!(entry, Some(Entry::Folder(_)));
    either(path, is_folder, || path.is_dir())
}

/// Whether this is a regular file, also by a link.
pub fn is_file(path: &Path) -> bool {
    let is_file = |entry: Option<&Entry>| matches!(entry, Some(Entry::File(_)));
    either(path, is_file, || path.is_file())
}

/// Whether something is there.
pub fn exists(path: &Path) -> bool {
    either(path, |entry| entry.is_some(), || path.exists())
}

/// Whether this is a link. There are none in memory.
pub fn is_symlink(path: &Path) -> bool {
    either(path, |_| false, || path.is_symlink())
}

/// The path that no link is on.
///
/// # Errors
/// Nothing is there, or the system cannot say.
pub fn canonicalize(path: &Path) -> io::Result<PathBuf> {
    let own = |_: &Entry| path.components().collect();
    let in_memory = |entry: Option<&Entry>| entry.map(own).ok_or_else(not_found);
    either(path, in_memory, || path.canonicalize())
}

/// The paths of what lies directly in a folder, in any order.
///
/// # Errors
/// No folder, or one that cannot be read.
pub fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let in_memory = |entry: Option<&Entry>| match entry {
        // Named by the path that was asked for, as on disk.
        Some(Entry::Folder(below)) => Ok(below
            .iter()
            .map(|path| folder.join(path.file_name().unwrap_or(OsStr::new(""))))
            .collect()),
        Some(Entry::File(_)) => Err(io::Error::from(io::ErrorKind::NotADirectory)),
        None => Err(not_found()),
    };
    let on_disk = || {
        let entries = fs::read_dir(folder)?;
        entries.map(|entry| Ok(entry?.path())).collect()
    };
    either(folder, in_memory, on_disk)
}

/// Bytes of a regular file.
///
/// # Errors
/// Nothing is there, it is no regular file, or the system cannot say.
pub fn length(path: &Path) -> io::Result<u64> {
    let in_memory = |entry: Option<&Entry>| match entry {
        Some(Entry::File(bytes)) => Ok(bytes.len() as u64),
        Some(Entry::Folder(_)) => Err(no_file()),
        None => Err(not_found()),
    };
    let on_disk = || {
        let metadata = fs::metadata(path)?;
        // A pipe would block for ever, and a folder has no bytes.
        match metadata.is_file() {
            true => Ok(metadata.len()),
            false => Err(no_file()),
        }
    };
    either(path, in_memory, on_disk)
}

/// All bytes of a file.
///
/// # Errors
/// As of [`std::fs::read`].
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let in_memory = |entry: Option<&Entry>| match entry {
        Some(Entry::File(bytes)) => Ok(bytes.to_vec()),
        Some(Entry::Folder(_)) => Err(no_file()),
        None => Err(not_found()),
    };
    either(path, in_memory, || fs::read(path))
}

/// A file that is open for reading.
#[derive(Debug)]
pub enum File {
    /// On disk.
    Disk(fs::File),
    /// In memory.
    Memory(Cursor<Arc<[u8]>>),
}

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// As of [`std::fs::File::open`].
    pub fn open(path: &Path) -> io::Result<Self> {
        let in_memory = |entry: Option<&Entry>| match entry {
            Some(Entry::File(bytes)) => Ok(Self::Memory(Cursor::new(bytes.clone()))),
            Some(Entry::Folder(_)) => Err(no_file()),
            None => Err(not_found()),
        };
        either(path, in_memory, || fs::File::open(path).map(Self::Disk))
    }
}

impl Read for File {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Disk(file) => file.read(bytes),
            Self::Memory(file) => file.read(bytes),
        }
    }
}

impl Seek for File {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Disk(file) => file.seek(place),
            Self::Memory(file) => file.seek(place),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn files(paths: &[&str]) -> Vec<(String, Vec<u8>)> {
        let file = |path: &&str| ((*path).to_owned(), path.as_bytes().to_vec());
        paths.iter().map(file).collect()
    }

    #[test]
    fn a_folder_in_memory_is_read_by_its_paths_while_it_lives() {
        let folder = MemoryFolder::new("read in memory", files(&["a/b.txt", "c.txt"])).unwrap();
        let path = |name: &str| folder.path().join(name);
        assert!(is_dir(folder.path()) && is_dir(&path("a")) && !is_dir(&path("c.txt")));
        assert!(is_file(&path("./a/b.txt")) && !is_file(&path("a")) && !exists(&path("d")));
        assert_eq!(entries(folder.path()).unwrap().len(), 2);
        assert_eq!(entries(&path("a")).unwrap(), [path("a/b.txt")]);
        assert_eq!(read(&path("a/b.txt")).unwrap(), b"a/b.txt");
        assert_eq!(length(&path("c.txt")).unwrap(), 5);
        let mut file = File::open(&path("c.txt")).unwrap();
        let mut text = String::new();
        file.seek(SeekFrom::Start(2)).unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "txt");
        assert!(length(&path("a")).is_err() && entries(&path("c.txt")).is_err());
        let gone = path("c.txt");
        drop(folder);
        assert!(!exists(&gone) && read(&gone).is_err());
    }

    #[test]
    fn names_and_paths_that_are_none_are_refused() {
        let name = |name: &str| MemoryFolder::new(name, []).unwrap_err();
        for bad in ["", ".", "..", "a/b", "a\\b", "c:"] {
            assert!(matches!(name(bad), FolderError::Name { .. }), "{bad}");
        }
        let of = |paths: &[&str]| MemoryFolder::new("refused", files(paths)).unwrap_err();
        for bad in [
            "", "/etc/x", "../x", "a/../x", "a//x", "a/", "a\\x", "./x", "c:/x",
        ] {
            assert!(matches!(of(&[bad]), FolderError::Path { .. }), "{bad}");
        }
        for twice in [["x", "x"], ["x", "x/y"], ["x/y", "x"]] {
            assert!(matches!(of(&twice), FolderError::Twice { .. }), "{twice:?}");
        }
        let first = MemoryFolder::new("refused", []).unwrap();
        assert!(matches!(name("refused"), FolderError::Taken { .. }));
        drop(first);
        MemoryFolder::new("refused", []).unwrap();
    }
}
