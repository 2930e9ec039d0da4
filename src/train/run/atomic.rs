//! Files that are either the old ones or the new ones, never half of one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile, PathPersistError, TempPath};

use super::error::RunError;

const TEMPORARY_PREFIX: &str = ".pix2pix-";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Writes `path` through `write`. After a crash, a full disk or an error, the old file is still
/// there: see [`AtomicFile`].
///
/// # Errors
/// [`RunError::DiskFull`] or [`RunError::Write`], naming `path`, for errors of the file system and
/// for those that `write` returns.
pub fn write_atomic(
    path: &Path,
    write: impl FnOnce(&mut AtomicFile) -> io::Result<()>,
) -> Result<(), RunError> {
    AtomicFile::create(path)?.fill(write)
}

/// A file that is written part by part and appears only when it is complete.
///
/// The bytes go to a temporary file in the same folder. This is flushed and synced, and then takes
/// the place of the file in one rename. On Unix the folder is synced too, so that the rename
/// survives a power cut. Without a commit the temporary file is removed.
pub struct AtomicFile {
    path: PathBuf,
    replaces: bool,
    // Closed before the temporary file is renamed or removed: Windows does neither with an open
    // file.
    writer: BufWriter<File>,
    temporary: TempPath,
}

impl AtomicFile {
    /// Begins to write `path`.
    ///
    /// # Errors
    /// [`RunError::DiskFull`] or [`RunError::Write`], naming `path`.
    pub fn create(path: &Path) -> Result<Self, RunError> {
        Self::begin(path, true)
    }

    /// The same for a file that takes the place of no other: one that is there at the end stays.
    ///
    /// # Errors
    /// Those of [`AtomicFile::create`].
    pub fn create_new(path: &Path) -> Result<Self, RunError> {
        Self::begin(path, false)
    }

    fn begin(path: &Path, replaces: bool) -> Result<Self, RunError> {
        let temporary =
            temporary_in(folder_of(path)).map_err(|error| RunError::write(path, error))?;
        let (file, temporary) = temporary.into_parts();
        Ok(Self {
            path: path.to_owned(),
            replaces,
            writer: BufWriter::new(file),
            temporary,
        })
    }

    /// Where the file will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes all of it through `write`, and commits.
    ///
    /// # Errors
    /// Those of [`AtomicFile::commit`], and the errors of `write` as such.
    pub fn fill(mut self, write: impl FnOnce(&mut Self) -> io::Result<()>) -> Result<(), RunError> {
        write(&mut self).map_err(|error| RunError::write(&self.path, error))?;
        self.commit()
    }

    /// Gives the new file its name. It takes the place of an old one, unless it must not.
    ///
    /// # Errors
    /// [`RunError::DiskFull`], [`RunError::Write`], or [`RunError::Appeared`] for a file that takes
    /// the place of no other. The old file stays then.
    pub fn commit(self) -> Result<(), RunError> {
        let Self {
            path,
            replaces,
            writer,
            temporary,
        } = self;
        let place = if replaces { replace } else { add };
        let placed = complete(writer)
            .and_then(|()| place(temporary, &path))
            .and_then(|()| sync_folder(folder_of(&path)));
        placed.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists if !replaces => RunError::Appeared { path },
            _ => RunError::write(&path, error),
        })
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.writer.seek(position)
    }
}

/// Brings all bytes to the disk, and closes the file.
fn complete(writer: BufWriter<File>) -> io::Result<()> {
    let file = writer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    file.sync_all()
}

fn replace(temporary: TempPath, path: &Path) -> io::Result<()> {
    Ok(temporary.persist(path)?)
}

/// Fails if there is a file of this name.
fn add(temporary: TempPath, path: &Path) -> io::Result<()> {
    let PathPersistError {
        error,
        path: temporary,
    } = match temporary.persist_noclobber(path) {
        Err(failed) if failed.error.kind() != io::ErrorKind::AlreadyExists => failed,
        done => return Ok(done?),
    };
    // Some network file systems can neither rename like this nor link. They can make a file that
    // is not there yet, and this one may be replaced.
    if File::create_new(path).is_err() {
        return Err(error);
    }
    replace(temporary, path).inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}

/// Fails if no file can be made in `folder`. It is called before hours are spent on what should go
/// there.
///
/// # Errors
/// [`RunError::DiskFull`] or [`RunError::Write`], naming `folder`.
pub fn check_writable(folder: &Path) -> Result<(), RunError> {
    temporary_in(folder)
        .and_then(|probe| probe.as_file().write_all(b"?"))
        .map_err(|error| RunError::write(folder, error))
}

/// Removes the temporary files that a killed process left in `folder`. No other process may be
/// writing there.
pub(super) fn sweep(folder: &Path) -> Result<(), RunError> {
    let entries = fs::read_dir(folder).map_err(|error| RunError::read(folder, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| RunError::read(folder, error))?;
        if is_temporary(&entry.file_name().to_string_lossy()) {
            let path = entry.path();
            fs::remove_file(&path).map_err(|error| RunError::write(&path, error))?;
        }
    }
    Ok(())
}

/// Whether a temporary file of this program has this name.
pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY_PREFIX) && name.ends_with(TEMPORARY_SUFFIX)
}

/// The folder that `path` lies in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// A new file in `folder` that is removed when it goes out of scope without a rename.
fn temporary_in(folder: &Path) -> io::Result<NamedTempFile> {
    // With the permissions of any new file. The crate's own default lets only the owner read it.
    Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .suffix(TEMPORARY_SUFFIX)
        .make_in(folder, |path| File::create_new(path))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some network file systems cannot sync a folder. Some folders can be written but not read.
        // The file itself is safe.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput
                    | io::ErrorKind::Unsupported
                    | io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(())
        }
        result => result,
    }
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn new_content_replaces_old() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for content in ["first, and longer", "second"] {
            write_atomic(&path, |writer| writer.write_all(content.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn a_new_file_replaces_none_that_appeared_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let [path, taken] = ["file", "taken"].map(|name| folder.path().join(name));
        fs::create_dir(&taken).unwrap();
        let write = |path: &Path, meanwhile: &dyn Fn()| {
            AtomicFile::create_new(path).unwrap().fill(|out| {
                meanwhile();
                out.write_all(b"new")
            })
        };
        write(&path, &|| ()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        fs::remove_file(&path).unwrap();
        let appeared = write(&path, &|| fs::write(&path, "theirs").unwrap());
        assert!(matches!(appeared, Err(RunError::Appeared { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        assert!(matches!(
            write(&taken, &|| ()),
            Err(RunError::Appeared { .. })
        ));
        let mut left = names(folder.path());
        left.sort();
        assert_eq!(left, ["file", "taken"], "no temporary file");
    }

    #[cfg(unix)]
    #[test]
    fn the_file_has_the_rights_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        let (plain, atomic) = (folder.path().join("plain"), folder.path().join("atomic"));
        fs::write(&plain, "x").unwrap();
        write_atomic(&atomic, |writer| writer.write_all(b"x")).unwrap();
        assert_eq!(mode(&atomic), mode(&plain));
    }

    #[test]
    fn full_disk_keeps_the_old_file_and_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        fs::write(&path, "old").unwrap();
        let error = write_atomic(&path, |writer| {
            writer.write_all(b"half of the new")?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert!(matches!(error, RunError::DiskFull { .. }));
        assert!(error.to_string().contains("weights.safetensors"));
        assert!(error.to_string().contains("free some space"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["weights.safetensors"]);
    }

    #[test]
    fn missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nowhere/file");
        let error = write_atomic(&path, |_| Ok(())).unwrap_err();
        assert!(matches!(error, RunError::Write { .. }));
        assert!(error.to_string().contains("nowhere"));
        assert!(!error.to_string().contains(TEMPORARY_PREFIX), "{error}");
        assert!(check_writable(&folder.path().join("nowhere")).is_err());
    }

    #[test]
    fn a_folder_in_the_way_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        assert!(write_atomic(&path, |writer| writer.write_all(b"x")).is_err());
        assert_eq!(names(folder.path()), ["taken"]);
        assert!(path.is_dir());
    }

    #[test]
    fn sweep_removes_only_temporaries() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".pix2pix-1-0.tmp"), "left").unwrap();
        fs::write(folder.path().join("mine.tmp"), "kept").unwrap();
        sweep(folder.path()).unwrap();
        assert_eq!(names(folder.path()), ["mine.tmp"]);
    }

    #[test]
    fn a_bare_file_name_lies_in_the_working_folder() {
        assert_eq!(folder_of(Path::new("file")), Path::new("."));
    }
}
