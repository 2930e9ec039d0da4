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
pub(super) enum TiffSample {
    /// Whole numbers of the picture's depth.
    Whole,
    /// Floats of 32 bits.
    Float,
}

impl TiffSample {
    fn bytes(self, layout: PictureLayout) -> usize {
        match self {
            TiffSample::Whole => layout.depth.bytes(),
            TiffSample::Float => size_of::<f32>(),
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
    (layout, sample): (PictureLayout, TiffSample),
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
    (layout, sample): (PictureLayout, TiffSample),
    of_any_meaning: bool,
    (place, density): (Option<&GeoTags>, Option<Density>),
    first: usize,
) -> TiffResult<Vec<u8>> {
    let channels = layout.channels;
    let strips = Strips::of(layout.height, sample.row_bytes(layout), first)?;
    let (kind, colours, extra) = meaning(channels, of_any_meaning);
    let mut bytes = Cursor::new(Vec::new());
    let mut file = TiffEncoder::new(&mut bytes)?;
    let mut entries = file.image_directory()?;
    entries.write_tag(Tag::ImageWidth, layout.width)?;
    entries.write_tag(Tag::ImageLength, layout.height)?;
    entries.write_tag(
        Tag::BitsPerSample,
        &vec![8 * sample.bytes(layout) as u16; channels][..],
    )?;
    entries.write_tag(Tag::Compression, CompressionMethod::None)?;
    entries.write_tag(Tag::PhotometricInterpretation, kind)?;
    entries.write_tag(Tag::SamplesPerPixel, channels as u16)?;
    entries.write_tag(Tag::RowsPerStrip, strips.rows)?;
    entries.write_tag(Tag::StripOffsets, &strips.offsets[..])?;
    entries.write_tag(Tag::StripByteCounts, &strips.lengths[..])?;
    if channels > colours {
        entries.write_tag(Tag::ExtraSamples, &vec![extra; channels - colours][..])?;
    }
    if sample == TiffSample::Float {
        let format = vec![SampleFormat::IEEEFP; channels];
        entries.write_tag(Tag::SampleFormat, &format[..])?;
    }
    place.map_or(Ok(()), |place| place.write(&mut entries))?;
    density.map_or(Ok(()), |density| density.write(&mut entries))?;
    entries.finish()?;
    Ok(bytes.into_inner())
}

/// Where the strips lie in a file.
struct Strips {
    /// Rows of each of them but the last.
    rows: u32,
    offsets: Vec<u32>,
    /// Bytes of each.
    lengths: Vec<u32>,
}

impl Strips {
    /// Those of so many rows, which begin at byte `first`.
    fn of(height: u32, row_bytes: usize, first: usize) -> TiffResult<Self> {
        let (first, all) = (u32::try_from(first)?, height * row_bytes as u32);
        let rows = (STRIP_BYTES / row_bytes.max(1)).max(1) as u32;
        let strip = rows * row_bytes as u32;
        let starts = (0..height.div_ceil(rows)).map(|index| index * strip);
        Ok(Self {
            rows,
            offsets: starts.clone().map(|start| first + start).collect(),
            lengths: starts.map(|start| strip.min(all - start)).collect(),
        })
    }
}

/// What so many channels are, how many of them are colours, and what the others are. Three and four
/// are RGB without and with opacity, two are grey with it; others are grey with more of anything
/// behind. `of_any_meaning` says that no channel is opacity.
fn meaning(
    channels: usize,
    of_any_meaning: bool,
) -> (PhotometricInterpretation, usize, ExtraSamples) {
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
    match of_any_meaning {
        true => (kind, colours, ExtraSamples::Unspecified),
        false => (kind, colours, extra),
    }
}
