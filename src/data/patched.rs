//! A file of which some bytes are read as others.

use std::io::{self, Read, Seek, SeekFrom};

/// The file, and the bytes that are read in place of its own.
pub(super) struct Patched<R> {
    file: R,
    at: u64,
    patches: Vec<(u64, Vec<u8>)>,
}

impl<R: Read + Seek> Patched<R> {
    /// The file from its start on. Each patch has its place.
    pub fn new(mut file: R, patches: Vec<(u64, Vec<u8>)>) -> io::Result<Self> {
        file.rewind()?;
        let at = 0;
        Ok(Self { file, at, patches })
    }
}

impl<R: Read> Read for Patched<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(bytes)?;
        for (place, patch) in &self.patches {
            for (at, byte) in (*place..).zip(patch) {
                let index = at
                    .checked_sub(self.at)
                    .and_then(|at| usize::try_from(at).ok());
                if let Some(read) = index.and_then(|index| bytes[..count].get_mut(index)) {
                    *read = *byte;
                }
            }
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl<R: Seek> Seek for Patched<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = self.file.seek(to)?;
        Ok(self.at)
    }

    fn seek_relative(&mut self, offset: i64) -> io::Result<()> {
        self.file.seek_relative(offset)?;
        self.at = self.at.wrapping_add_signed(offset);
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn patches_are_read_in_every_way() {
        let patches = vec![(2, b"XY".to_vec()), (7, b"Z!".to_vec())];
        let mut file = Patched::new(Cursor::new(b"abcdefgh"), patches).unwrap();
        let mut all = String::new();
        file.read_to_string(&mut all).unwrap();
        assert_eq!(all, "abXYefgZ");
        for start in 0..8 {
            for length in 1..4 {
                file.seek(SeekFrom::Start(1)).unwrap();
                file.seek_relative(start - 1).unwrap();
                let mut part = String::new();
                file.by_ref()
                    .take(length)
                    .read_to_string(&mut part)
                    .unwrap();
                let end = (start + length as i64).min(8) as usize;
                assert_eq!(part, all[start as usize..end]);
            }
        }
    }
}
