//! The header of a TIFF file (TIFF 6.0) that is written from its first row on.

use std::io::{self, Cursor};

use ::tiff::TiffResult;
use ::tiff::encoder::TiffEncoder;
use ::tiff::tags::{CompressionMethod, ExtraSamples, PhotometricInterpretation, SampleFormat, Tag};

use super::density::Density;
use super::depth::PictureLayout;
use super::geo_tags::GeoTags;

/// Bytes of a strip, about. A reader holds one strip at a time.
const STRIP_BYTES: usize = 1 << 16;

/// The type of the samples in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    /// Whole numbers of the picture's depth.
    Whole,
    /// Floats of 32 bits.
    Float,
}

impl Sample {
    fn bytes(self, layout: PictureLayout) -> usize {
        match self {
            Sample::Whole => layout.depth.bytes(),
            Sample::Float => size_of::<f32>(),
        }
    }

    fn row_bytes(self, layout: PictureLayout) -> usize {
        layout.width as usize * layout.channels * self.bytes(layout)
    }
}

/// The bytes in front of the rows of an uncompressed file of any number of channels. The rows
/// follow as they are, samples in the machine's byte order. `of_any_meaning` says that no channel
/// is opacity, `place` where the picture lies on Earth, and `density` how many pixels an inch has.
pub(super) fn header(
    (layout, sample): (PictureLayout, Sample),
    of_any_meaning: bool,
    (place, density): (Option<&GeoTags>, Option<Density>),
) -> io::Result<Vec<u8>> {
    let rows = u64::from(layout.height).saturating_mul(sample.row_bytes(layout) as u64);
    // The header holds the place of each strip and the meaning of each channel. It is smaller than
    // this.
    let place_bytes = place.map_or(0, GeoTags::bytes) as u64;
    let entries = 8 * u64::from(layout.height) + 4 * layout.channels as u64 + place_bytes + 1024;
    if rows.saturating_add(entries) > u64::from(u32::MAX) {
        return Err(io::Error::other(format!(
            "{} MiB are more than a TIFF file holds (4 GiB); write PNG",
            rows >> 20
        )));
    }
    // The length of the header does not depend on where the rows begin.
    let write = |first| {
        let written = directory((layout, sample), of_any_meaning, (place, density), first);
        written.map_err(io::Error::other)
    };
    write(write(0)?.len())
}

/// The header of a file whose rows begin at byte `first`.
fn directory(
    (layout, sample): (PictureLayout, Sample),
    of_any_meaning: bool,
    (place, density): (Option<&GeoTags>, Option<Density>),
    first: usize,
) -> TiffResult<Vec<u8>> {
    let PictureLayout {
        width,
        height,
        channels,
        ..
    } = layout;
    let row_bytes = sample.row_bytes(layout);
    let (first, rows) = (u32::try_from(first)?, height * row_bytes as u32);
    let strip_rows = (STRIP_BYTES / row_bytes.max(1)).max(1) as u32;
    let strip = strip_rows * row_bytes as u32;
    let starts: Vec<u32> = (0..height.div_ceil(strip_rows))
        .map(|index| index * strip)
        .collect();
    let offsets: Vec<u32> = starts.iter().map(|start| first + start).collect();
    let counts: Vec<u32> = starts.iter().map(|start| strip.min(rows - start)).collect();
    // Three and four channels are RGB without and with opacity, two are grey with it; others are
    // grey with more of anything behind.
    let (kind, colours, extra) = match channels {
        3 | 4 => (
            PhotometricInterpretation::RGB,
            3,
            ExtraSamples::UnassociatedAlpha,
        ),
        2 => (
            PhotometricInterpretation::BlackIsZero,
            1,
            ExtraSamples::UnassociatedAlpha,
        ),
        _ => (
            PhotometricInterpretation::BlackIsZero,
            1,
            ExtraSamples::Unspecified,
        ),
    };

    let mut bytes = Cursor::new(Vec::new());
    let mut file = TiffEncoder::new(&mut bytes)?;
    let mut entries = file.image_directory()?;
    entries.write_tag(Tag::ImageWidth, width)?;
    entries.write_tag(Tag::ImageLength, height)?;
    entries.write_tag(
        Tag::BitsPerSample,
        &vec![8 * sample.bytes(layout) as u16; channels][..],
    )?;
    entries.write_tag(Tag::Compression, CompressionMethod::None)?;
    entries.write_tag(Tag::PhotometricInterpretation, kind)?;
    entries.write_tag(Tag::SamplesPerPixel, channels as u16)?;
    entries.write_tag(Tag::RowsPerStrip, strip_rows)?;
    entries.write_tag(Tag::StripOffsets, &offsets[..])?;
    entries.write_tag(Tag::StripByteCounts, &counts[..])?;
    let extra = if of_any_meaning {
        ExtraSamples::Unspecified
    } else {
        extra
    };
    if channels > colours {
        entries.write_tag(Tag::ExtraSamples, &vec![extra; channels - colours][..])?;
    }
    if sample == Sample::Float {
        let format = vec![SampleFormat::IEEEFP; channels];
        entries.write_tag(Tag::SampleFormat, &format[..])?;
    }
    place.map_or(Ok(()), |place| place.write(&mut entries))?;
    density.map_or(Ok(()), |density| density.write(&mut entries))?;
    entries.finish()?;
    Ok(bytes.into_inner())
}
