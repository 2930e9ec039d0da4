//! Whether a GIF, PNG or WebP is an animation: there are pictures behind the one that is read.

use std::io::{BufReader, Read, Seek};

use image::ImageFormat;

use super::chunks::Chunks;

/// Whether a file of this format, which stands at its first byte, holds further pictures. What is
/// damaged says nothing of them.
pub(super) fn has_further_pictures<R: Read + Seek>(
    format: ImageFormat,
    file: &mut BufReader<R>,
) -> bool {
    let found = match format {
        ImageFormat::Gif => in_gif(file),
        ImageFormat::Png => in_png(Chunks::of_png(file)),
        ImageFormat::WebP => in_webp(Chunks::of_webp(file)),
        _ => None,
    };
    found.unwrap_or(false)
}

/// The chunk that begins an animation has the number of its frames (PNG specification, third
/// edition, 11.3.6.1).
fn in_png<R: Read + Seek>(mut chunks: Chunks<R>) -> Option<bool> {
    chunks.find(b"acTL", Some(b"IDAT"))?;
    let data = chunks.data(4)?;
    Some(data.as_slice() > [0, 0, 0, 1].as_slice())
}

/// Each frame is a chunk (RFC 9649, 2.7.1.1).
fn in_webp<R: Read + Seek>(mut chunks: Chunks<R>) -> Option<bool> {
    chunks.find(b"ANMF", None)?;
    chunks.find(b"ANMF", None)?;
    Some(true)
}

/// Walks the blocks up to the second picture (GIF89a, appendix B).
fn in_gif<R: Read + Seek>(file: &mut BufReader<R>) -> Option<bool> {
    const HEADER: usize = 13;
    let header: [u8; HEADER] = take(file)?;
    file.seek_relative(table_bytes(header[10])).ok()?;
    let mut pictures = 0;
    loop {
        match take::<1, R>(file)? {
            // An extension: its label and its sub-blocks.
            [b'!'] => file.seek_relative(1).ok()?,
            [b','] => {
                pictures += 1;
                if pictures == 2 {
                    return Some(true);
                }
                let descriptor: [u8; 9] = take(file)?;
                // Its own colours, and the size of its codes.
                file.seek_relative(table_bytes(descriptor[8]) + 1).ok()?;
            }
            _ => return Some(false),
        }
        // Sub-blocks; an empty one is the last.
        loop {
            match take(file)? {
                [0] => break,
                [length] => file.seek_relative(length.into()).ok()?,
            }
        }
    }
}

/// Bytes of the colour table that these flags announce.
fn table_bytes(flags: u8) -> i64 {
    if flags & 0x80 == 0 {
        0
    } else {
        3 << ((flags & 7) + 1)
    }
}

fn take<const N: usize, R: Read>(file: &mut BufReader<R>) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}
