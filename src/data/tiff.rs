//! Baseline TIFF (TIFF 6.0, sections 2 to 6), written from the first row on: the rows as they come, then the directory that describes them.

use std::io::{self, Seek, SeekFrom, Write};

use super::picture::{Depth, Layout};

/// Bytes of a strip, about: a reader holds one at a time.
const STRIP_BYTES: usize = 1 << 16;
/// Bytes in front of the rows: byte order, 42, and where the directory lies.
const HEADER: u32 = 8;
/// Type and bytes of a 16-bit and of a 32-bit number.
const SHORT: u16 = 3;
const LONG: u16 = 4;

/// What a channel behind those of the colour is: anything, or opacity that colours are not multiplied by.
const ANYTHING: u32 = 0;
const OPACITY: u32 = 2;

/// An uncompressed TIFF file in the making.
pub(super) struct TiffWriter<W> {
    layout: Layout,
    /// Bytes of all rows.
    size: u32,
    out: W,
}

impl<W: Write + Seek> TiffWriter<W> {
    /// Begins a file of this layout, of any number of channels.
    pub fn new(layout: Layout, mut out: W) -> io::Result<Self> {
        let rows = layout.height as u64 * layout.row_bytes() as u64;
        // The directory, which says for each strip where it lies, comes behind the rows.
        let limit = u64::from(u32::MAX - HEADER) - u64::from(layout.height) * 8 - 1024;
        let Some(size) = u32::try_from(rows).ok().filter(|&size| u64::from(size) <= limit) else {
            return Err(io::Error::other(format!("{} MiB are more than a TIFF file holds (4 GiB); write PNG", rows >> 20)));
        };
        out.write_all(if cfg!(target_endian = "little") { b"II" } else { b"MM" })?;
        out.write_all(&42u16.to_ne_bytes())?;
        out.write_all(&0u32.to_ne_bytes())?;
        Ok(Self { layout, size, out })
    }

    /// The next rows, samples in the machine's byte order.
    pub fn push(&mut self, rows: &[u8]) -> io::Result<()> {
        self.out.write_all(rows)
    }

    /// Writes the directory and gives back what was written to.
    pub fn finish(mut self) -> io::Result<W> {
        // Everything but rows begins at even positions.
        let directory = (HEADER + self.size).next_multiple_of(2);
        self.out.write_all(&[0][..(directory - HEADER - self.size) as usize])?;
        self.out.write_all(&self.directory(directory))?;
        self.out.seek(SeekFrom::Start(4))?;
        self.out.write_all(&directory.to_ne_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// The entries of the directory at `position`, and behind them the values that do not fit into an entry.
    fn directory(&self, position: u32) -> Vec<u8> {
        let Layout { width, height, channels, depth } = self.layout;
        let strip_rows = (STRIP_BYTES / self.layout.row_bytes().max(1)).max(1) as u32;
        let strip = strip_rows * self.layout.row_bytes() as u32;
        let starts: Vec<u32> = (0..height.div_ceil(strip_rows)).map(|index| index * strip).collect();
        let counts = starts.iter().map(|&start| strip.min(self.size - start)).collect();
        let bits = if depth == Depth::Sixteen { 16 } else { 8 };
        // Three and four channels are RGB without and with opacity, two are grey with it; others are grey with more of anything behind.
        let (colours, extra) = match channels {
            3 | 4 => (3, OPACITY),
            2 => (1, OPACITY),
            _ => (1, ANYTHING),
        };
        let mut entries: Vec<(u16, u16, Vec<u32>)> = vec![
            (256, LONG, vec![width]),
            (257, LONG, vec![height]),
            (258, SHORT, vec![bits; channels]),
            // No compression; black is zero, or red, green and blue.
            (259, SHORT, vec![1]),
            (262, SHORT, vec![if colours == 1 { 1 } else { 2 }]),
            (273, LONG, starts.iter().map(|start| HEADER + start).collect()),
            (277, SHORT, vec![channels as u32]),
            (278, LONG, vec![strip_rows]),
            (279, LONG, counts),
        ];
        if channels > colours {
            entries.push((338, SHORT, vec![extra; channels - colours]));
        }
        let mut bytes = (entries.len() as u16).to_ne_bytes().to_vec();
        let mut behind = Vec::new();
        let end = position + 2 + 12 * entries.len() as u32 + 4;
        for (tag, kind, values) in entries {
            bytes.extend([tag, kind].map(u16::to_ne_bytes).concat());
            bytes.extend((values.len() as u32).to_ne_bytes());
            let mut value: Vec<u8> = match kind {
                SHORT => values.iter().flat_map(|&value| (value as u16).to_ne_bytes()).collect(),
                _ => values.iter().flat_map(|value| value.to_ne_bytes()).collect(),
            };
            if value.len() > 4 {
                let place = end + behind.len() as u32;
                behind.append(&mut value);
                value.extend(place.to_ne_bytes());
            }
            value.resize(4, 0);
            bytes.append(&mut value);
        }
        // No further directory.
        bytes.extend([0; 4]);
        bytes.append(&mut behind);
        bytes
    }
}
