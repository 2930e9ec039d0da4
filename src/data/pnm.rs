//! Netpbm's formats: bitmaps, grey maps and colour maps, plain and raw (P1 to P6), and PAM (P7).

use std::path::Path;

use image::codecs::pnm::{ArbitraryTuplType, PnmDecoder, PnmHeader, SampleEncoding};
use image::{DynamicImage, ImageDecoder};

use super::error::{AS_PICTURE, DataError};
use super::limits::SizeLimit;
use super::picture::{Extra, Picture};

/// Reads a file of one picture.
///
/// # Errors
/// [`DataError::Pages`] for several, [`DataError::Damaged`] where samples are missing or brighter
/// than white, and those of [`super::read_picture`].
pub(super) fn read_pnm(path: &Path, bytes: &[u8], limit: SizeLimit) -> Result<Picture, DataError> {
    let explain = |error| DataError::of_decoder(path, error, limit);
    let damaged = |reason: String| DataError::Damaged {
        path: path.to_owned(),
        reason,
    };
    let (after_header, header) = PnmDecoder::new(bytes).map_err(explain)?.into_inner();
    let decoder = PnmDecoder::new(bytes).map_err(explain)?;
    limit.check(path, decoder.dimensions(), decoder.total_bytes())?;
    if let Some(reason) = guessed(&header) {
        return Err(DataError::NotAnImage {
            path: path.to_owned(),
            reason: reason.to_owned(),
            remedy: AS_PICTURE,
        });
    }
    let shortest = shortest(&header, decoder.total_bytes());
    if (after_header.len() as u64) < shortest {
        return Err(damaged("samples are missing at its end".to_owned()));
    }
    // Each sample would be taken for its neighbour.
    let (head, is_raw) = (bytes.len() - after_header.len(), !is_plain(&header));
    let is_longer = after_header.len() as u64 == shortest + 1 && after_header.starts_with(b"\n");
    if is_raw && is_longer && bytes[..head].ends_with(b"\r") {
        return Err(damaged(
            "its header was written as text, with CR and LF".to_owned(),
        ));
    }
    let mut rest = bytes;
    let decoder = PnmDecoder::new(&mut rest).map_err(explain)?;
    let picture = Picture::from(DynamicImage::from_decoder(decoder).map_err(explain)?);
    let samples = &after_header[..after_header.len() - rest.len()];
    if let Some(sample) = too_bright(&header, samples) {
        let white = header.maximal_sample();
        let reason = format!("a sample is {sample}, and its header says {white} is white");
        return Err(damaged(reason));
    }
    if is_start(rest.trim_ascii_start()) {
        return Err(DataError::Pages {
            path: path.to_owned(),
        });
    }
    let is_said = header
        .as_arbitrary()
        .is_none_or(|map| map.tupltype.is_some());
    let surplus = usize::from(!is_said && picture.has_opacity());
    Ok(picture.with_extra(Extra {
        surplus,
        ..Extra::default()
    }))
}

/// What would have to be guessed of a PAM: the decoder takes it for 8 bits.
fn guessed(header: &PnmHeader) -> Option<&'static str> {
    let map = header.as_arbitrary()?;
    match (&map.tupltype, map.depth, map.maxval) {
        (_, 0, _) => Some("a PAM whose DEPTH is 0"),
        (None, _, 256..) => Some("a PAM of more than 8 bits without TUPLTYPE"),
        _ => None,
    }
}

/// Whether samples are written as text.
fn is_plain(header: &PnmHeader) -> bool {
    header.subtype().sample_encoding() == SampleEncoding::Ascii
}

/// The fewest bytes that samples can have which are so many bytes once they are decoded.
fn shortest(header: &PnmHeader, decoded: u64) -> u64 {
    match (header.as_bitmap(), is_plain(header)) {
        (Some(_), false) => u64::from(header.width().div_ceil(8)) * u64::from(header.height()),
        (None, true) if header.maximal_sample() > u8::MAX.into() => decoded / 2,
        _ => decoded,
    }
}

/// The first sample that is brighter than white.
fn too_bright(header: &PnmHeader, samples: &[u8]) -> Option<u32> {
    let white = header.maximal_sample();
    if header.as_bitmap().is_some() || is_bits(header) {
        return None;
    }
    let is_bright = |sample: &u32| *sample > white;
    match (is_plain(header), white) {
        (true, _) => {
            let words = samples.split(u8::is_ascii_whitespace);
            let numbers = words.filter_map(|word| std::str::from_utf8(word).ok()?.parse().ok());
            numbers.into_iter().find(is_bright)
        }
        (false, ..256) => samples.iter().copied().map(u32::from).find(is_bright),
        (false, _) => {
            let words = samples.chunks_exact(2);
            let numbers = words.map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
            numbers.into_iter().find(is_bright)
        }
    }
}

/// Whether samples are black and white, which the decoder checks.
fn is_bits(header: &PnmHeader) -> bool {
    let kind = header.as_arbitrary().and_then(|map| map.tupltype.as_ref());
    matches!(
        kind,
        Some(ArbitraryTuplType::BlackAndWhite | ArbitraryTuplType::BlackAndWhiteAlpha)
    )
}

/// Whether these bytes begin another picture.
fn is_start(bytes: &[u8]) -> bool {
    matches!(bytes, [b'P', b'1'..=b'7', space, ..] if space.is_ascii_whitespace())
}
