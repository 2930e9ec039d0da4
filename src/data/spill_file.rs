//! Bytes that are kept in a nameless file instead of in memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::error::DataError;

/// A file without a name. It is gone when it is closed, also if the program is killed. Bytes that
/// were not written are read as zeros, up to the file's length.
pub struct SpillFile {
    file: File,
    folder: PathBuf,
}

impl SpillFile {
    /// A file of `length` zeros in `folder`. It takes disk space only where it is written. Writing
    /// behind its end makes it longer.
    ///
    /// # Errors
    /// [`DataError::SpillFile`].
    pub fn create(folder: &Path, length: u64) -> Result<Self, DataError> {
        let created =
            tempfile::tempfile_in(folder).and_then(|file| file.set_len(length).map(|()| file));
        let folder = folder.to_owned();
        match created {
            Ok(file) => Ok(Self { file, folder }),
            Err(source) => Err(DataError::SpillFile { folder, source }),
        }
    }

    /// Fills `bytes` with those from `position` on.
    ///
    /// # Errors
    /// [`DataError::SpillFile`], also where the file ends before.
    pub fn read(&mut self, position: u64, bytes: &mut [u8]) -> Result<(), DataError> {
        let read = self
            .file
            .seek(SeekFrom::Start(position))
            .and_then(|_| self.file.read_exact(bytes));
        self.explain(read)
    }

    /// Puts `bytes` at `position`.
    ///
    /// # Errors
    /// [`DataError::SpillFile`], for a full disk above all.
    pub fn write(&mut self, position: u64, bytes: &[u8]) -> Result<(), DataError> {
        let written = self
            .file
            .seek(SeekFrom::Start(position))
            .and_then(|_| self.file.write_all(bytes));
        self.explain(written)
    }

    fn explain(&self, result: io::Result<()>) -> Result<(), DataError> {
        result.map_err(|source| DataError::SpillFile {
            folder: self.folder.clone(),
            source,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_was_written_leaves_no_file_and_says_where_it_cannot_be() {
        let folder = tempfile::tempdir().unwrap();
        let mut scratch = SpillFile::create(folder.path(), 4).unwrap();
        scratch.write(2, &[5, 6, 7]).unwrap();
        let mut bytes = [1; 5];
        scratch.read(0, &mut bytes).unwrap();
        assert_eq!(bytes, [0, 0, 5, 6, 7]);
        assert!(
            matches!(
                scratch.read(1, &mut bytes),
                Err(DataError::SpillFile { .. })
            ),
            "behind the end"
        );
        drop(scratch);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        let nowhere = folder.path().join("nowhere");
        let message = SpillFile::create(&nowhere, 0).err().unwrap().to_string();
        assert!(
            message.contains(nowhere.to_str().unwrap()) && message.contains("check the folder"),
            "{message}"
        );
        let full = DataError::SpillFile {
            folder: nowhere,
            source: io::ErrorKind::StorageFull.into(),
        }
        .to_string();
        assert!(
            full.contains("free some space") && !full.contains("permissions"),
            "{full}"
        );
    }
}
