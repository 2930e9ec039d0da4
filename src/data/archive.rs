//! The files of a ZIP archive, as a folder in memory: within limits, because a small archive may
//! unpack to far more than there is memory for.

use std::collections::BTreeSet;
use std::io::{Cursor, Read};

use thiserror::Error;
use zip::ZipArchive;
use zip::result::ZipError;

use super::folders::{find_sides, find_split};
use super::split::Split;
use crate::files::{FolderError, MemoryFolder, is_name};

/// What an archive may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Files and folders.
    pub entries: usize,
    /// Bytes of all files when they are unpacked.
    pub bytes: u64,
    /// So many times larger may they be than the archive. Pictures hardly shrink.
    pub ratio: u64,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self {
            entries: 200_000,
            bytes: 1 << 30,
            ratio: 100,
        }
    }
}

/// An archive whose files are not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It is none, or damaged.
    #[error("{name}: is no ZIP archive that can be read ({reason}); pack the folder again")]
    Damaged {
        /// The archive.
        name: String,
        /// What the reader says.
        reason: String,
    },
    /// It holds too much.
    #[error("{name}: {what}; take fewer or smaller pictures, or open the folder itself")]
    TooLarge {
        /// The archive.
        name: String,
        /// What is too much.
        what: String,
    },
    /// A file in it cannot be unpacked.
    #[error("{name}: {entry:?} {reason}; pack the folder again as a plain ZIP archive")]
    Entry {
        /// The archive.
        name: String,
        /// The file in it.
        entry: String,
        /// Why.
        reason: String,
    },
    /// Its files make no folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// The files of the archive with these `bytes`, as a folder in memory that is called `name`. If all
/// of them lie in one folder, such as `facades/`, that is left out. What macOS puts into
/// `__MACOSX/` is left out too.
///
/// # Errors
/// [`ArchiveError`].
pub fn open_zip(
    name: &str,
    bytes: &[u8],
    limits: ArchiveLimits,
) -> Result<MemoryFolder, ArchiveError> {
    let damaged = |error: ZipError| ArchiveError::Damaged {
        name: name.to_owned(),
        reason: error.to_string(),
    };
    let too_large = |what: String| ArchiveError::TooLarge {
        name: name.to_owned(),
        what,
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    if archive.len() > limits.entries {
        let (found, most) = (archive.len(), limits.entries);
        return Err(too_large(format!("{found} files, and {most} are taken")));
    }
    let by_ratio = limits.ratio.saturating_mul(bytes.len() as u64);
    let most = limits.bytes.min(by_ratio);
    let (mut files, mut rest) = (Vec::new(), most);
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(damaged)?;
        let path = entry.name().map_err(damaged)?.into_owned();
        if entry.is_dir() || path.starts_with("__MACOSX/") {
            continue;
        }
        let refuse = |reason: String| ArchiveError::Entry {
            name: name.to_owned(),
            entry: path.clone(),
            reason,
        };
        if entry.is_symlink() {
            return Err(refuse("is a link".to_owned()));
        }
        // The size in the archive may be wrong, so what comes out is counted.
        let mut unpacked = Vec::new();
        let read = entry.take(rest + 1).read_to_end(&mut unpacked);
        read.map_err(|error| refuse(format!("cannot be unpacked ({error})")))?;
        rest = rest
            .checked_sub(unpacked.len() as u64)
            .ok_or_else(|| too_large(format!("its files have more than {most} bytes unpacked")))?;
        files.push((path, unpacked));
    }
    Ok(MemoryFolder::new(name, without_top(files))?)
}

/// The files without the one folder that all of them lie in, unless a data set calls a part or a
/// side so.
fn without_top(files: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let tops: BTreeSet<Option<&str>> = files
        .iter()
        .map(|(path, _)| path.split_once('/').map(|(top, _)| top))
        .collect();
    let top = match Vec::from_iter(tops)[..] {
        [Some(top)] if is_name(top) => top.to_owned(),
        _ => return files,
    };
    let folders = [(&top).into()];
    let is_known = Split::ALL.into_iter().any(|split| {
        find_split(&folders, split).is_some()
            || find_sides(&folders, split.folder_names()).is_some()
    });
    if is_known || find_sides(&folders, &[""]).is_some() {
        return files;
    }
    let below = |(path, bytes): (String, Vec<u8>)| (path[top.len() + 1..].to_owned(), bytes);
    files.into_iter().map(below).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::files;
    use std::io::Write;
    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let packed = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for (path, bytes) in entries {
            archive.start_file(*path, packed).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    fn open(name: &str, bytes: &[u8]) -> Result<MemoryFolder, ArchiveError> {
        open_zip(name, bytes, ArchiveLimits::default())
    }

    #[test]
    fn files_are_unpacked_and_one_folder_around_them_is_left_out() {
        let text = "the same text again and again ".repeat(9);
        let inside = [
            "facades/train/a.png",
            "facades/val/b.png",
            "__MACOSX/facades/._a",
        ];
        let entries = inside.map(|path| (path, text.as_bytes()));
        let folder = open("unpacked", &zip_of(&entries)).unwrap();
        let read = |path: &str| files::read(&folder.path().join(path)).unwrap();
        assert_eq!(read("train/a.png"), text.as_bytes());
        assert_eq!(files::entries(folder.path()).unwrap().len(), 2);
        for (index, kept) in ["train/a.png", "A/a.png", "trainB/a.png", "a.png"]
            .iter()
            .enumerate()
        {
            let folder = open(&format!("kept {index}"), &zip_of(&[(kept, b"x")])).unwrap();
            assert!(files::is_file(&folder.path().join(kept)), "{kept}");
        }
    }

    #[test]
    fn what_is_damaged_too_large_or_leads_elsewhere_is_refused() {
        let damaged = |bytes: &[u8]| open("refused zip", bytes).unwrap_err();
        assert!(matches!(damaged(b""), ArchiveError::Damaged { .. }));
        let packed = zip_of(&[("a.png", &[7; 4000]), ("b.png", b"x")]);
        for length in [packed.len() / 2, packed.len() - 1] {
            let error = damaged(&packed[..length]);
            assert!(matches!(error, ArchiveError::Damaged { .. }), "{error}");
        }
        for path in [
            "../a.png",
            "/a.png",
            "a/../../b.png",
            "a\\b.png",
            "c:/a.png",
        ] {
            let error = damaged(&zip_of(&[(path, b"x")]));
            assert!(matches!(error, ArchiveError::Folder(_)), "{path}: {error}");
        }
        let usual = ArchiveLimits::default();
        for limits in [
            ArchiveLimits {
                entries: 1,
                ..usual
            },
            ArchiveLimits {
                bytes: 4000,
                ..usual
            },
            ArchiveLimits { ratio: 2, ..usual },
        ] {
            let error = open_zip("refused zip", &packed, limits).unwrap_err();
            assert!(matches!(error, ArchiveError::TooLarge { .. }), "{error}");
        }
        open("refused zip", &packed).unwrap();
    }
}
