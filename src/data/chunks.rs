//! The chunks of a PNG (PNG specification, third edition, 5.3) or a WebP (RFC 9649, 2.3), without
//! what is in them. Their lengths are not believed: nothing is taken from memory for them.

use std::io::{BufReader, Read, Seek};

/// The chunks of a file that stands at its first byte.
pub(super) struct Chunks<'a, R> {
    file: &'a mut BufReader<R>,
    is_png: bool,
    /// Bytes up to the next chunk.
    ahead: i64,
    /// Bytes of this chunk's data.
    length: u32,
}

impl<'a, R: Read + Seek> Chunks<'a, R> {
    pub fn of_png(file: &'a mut BufReader<R>) -> Self {
        Self {
            file,
            is_png: true,
            ahead: 8,
            length: 0,
        }
    }

    pub fn of_webp(file: &'a mut BufReader<R>) -> Self {
        Self {
            file,
            is_png: false,
            ahead: 12,
            length: 0,
        }
    }

    /// Goes to the next chunk of this kind. `None` if there is none, or one of the kind `end` comes
    /// first.
    pub fn find(&mut self, kind: &[u8; 4], end: Option<&[u8; 4]>) -> Option<()> {
        loop {
            match &self.next()? {
                found if found == kind => return Some(()),
                found if Some(found) == end => return None,
                _ => {}
            }
        }
    }

    /// Goes to the next chunk, whose kind this is.
    fn next(&mut self) -> Option<[u8; 4]> {
        self.file.seek_relative(self.ahead).ok()?;
        let [mut first, mut second] = [[0; 4]; 2];
        self.file.read_exact(&mut first).ok()?;
        self.file.read_exact(&mut second).ok()?;
        let (kind, behind) = if self.is_png {
            self.length = u32::from_be_bytes(first);
            (second, 4)
        } else {
            self.length = u32::from_le_bytes(second);
            (first, self.length % 2)
        };
        self.ahead = i64::from(self.length) + i64::from(behind);
        Some(kind)
    }

    /// Whether the data of this chunk begins so.
    pub fn begins_with(&mut self, start: &[u8]) -> Option<bool> {
        let mut found = vec![0; start.len().min(self.length as usize)];
        self.file.read_exact(&mut found).ok()?;
        self.file.seek_relative(-(found.len() as i64)).ok()?;
        Some(found == start)
    }

    /// The data of this chunk, at most so many bytes of it. It is read once.
    pub fn data(self, most: u32) -> Option<Vec<u8>> {
        let mut data = Vec::new();
        let length = self.length.min(most);
        let read = self.file.take(length.into()).read_to_end(&mut data);
        read.ok().map(|_| data)
    }
}
