//! What the segments in front of the first scan of a JPEG say of its picture (ITU-T T.81, annex B).
//! Nothing is decoded.

use std::io::{Read, Seek};

const FIRST_FRAME: u8 = 0xC0;
const LAST_FRAME: u8 = 0xCF;
/// Markers among those of frame headers that are none: tables, an extension, and conditioning.
const NO_FRAME: [u8; 3] = [0xC4, 0xC8, 0xCC];
const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;
const EXIF: u8 = 0xE1;
/// What a segment of EXIF begins with.
const EXIF_PREFIX: &[u8] = b"Exif\0\0";

/// Width and height by the last frame header in front of the first scan: the decoder takes that
/// one. The file stands at its start.
pub(super) fn size_of_jpeg<R: Read + Seek>(file: &mut R) -> Option<(u32, u32)> {
    let mut size = None;
    while let Some((marker, length)) = next_segment(file) {
        let mut content = file.by_ref().take(length);
        let is_frame = (FIRST_FRAME..=LAST_FRAME).contains(&marker) && !NO_FRAME.contains(&marker);
        if is_frame {
            let mut frame = [0; 5];
            content.read_exact(&mut frame).ok()?;
            let side = |at| u32::from(u16::from_be_bytes([frame[at], frame[at + 1]]));
            size = Some((side(3), side(1)));
        }
        let rest = content.limit();
        file.seek_relative(rest as i64).ok()?;
    }
    size
}

/// The last EXIF in front of the first scan. The file stands at its start.
pub(super) fn exif_of_jpeg<R: Read + Seek>(file: &mut R) -> Option<Vec<u8>> {
    let mut found = None;
    while let Some((marker, length)) = next_segment(file) {
        if marker != EXIF {
            file.seek_relative(length as i64).ok()?;
            continue;
        }
        let mut content = Vec::new();
        file.by_ref().take(length).read_to_end(&mut content).ok()?;
        if let Some(exif) = content.strip_prefix(EXIF_PREFIX) {
            found = Some(exif.to_vec());
        }
    }
    found
}

/// The marker of the next segment, and the bytes of its content, which comes next in the file.
/// `None` at the first scan.
fn next_segment<R: Read>(file: &mut R) -> Option<(u8, u64)> {
    let mut byte = [0];
    loop {
        while byte[0] != 0xFF {
            file.read_exact(&mut byte).ok()?;
        }
        while byte[0] == 0xFF {
            file.read_exact(&mut byte).ok()?;
        }
        match byte[0] {
            // Stuffed data, restart and stand-alone markers have no content.
            0x00 | 0x01 | 0xD0..=0xD8 => {}
            START_OF_SCAN | END_OF_IMAGE => return None,
            marker => {
                let mut length = [0; 2];
                file.read_exact(&mut length).ok()?;
                let content = u16::from_be_bytes(length).checked_sub(2)?;
                return Some((marker, content.into()));
            }
        }
    }
}
