//! TIFF files of any number of channels, where these are no colours: multispectral images, depth beside RGB, grey with opacity.

use std::io::{Cursor, Read, Seek};
use std::path::Path;

use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::error::DataError;
use super::picture::{Depth, Picture};
use super::read::{MAX_BYTES, MAX_SIDE, too_large};

/// Bits of NewSubfileType (TIFF 6.0, section 8): a smaller version of another picture, and its mask.
const NO_PAGE: u32 = 0b101;
/// SubfileType, its predecessor, of a smaller version.
const SMALLER: u32 = 2;

/// Reads a TIFF whose channels are grey with more of anything behind. `None` for one of colours; what these have beside them but opacity
/// the decoder leaves out.
///
/// # Errors
/// [`DataError::Pages`] for a file of several pictures, whatever their channels, and those of [`super::read_picture`].
pub(super) fn read_channels(path: &Path, bytes: &[u8]) -> Result<Option<Picture>, DataError> {
    let open = || Decoder::new(Cursor::new(bytes));
    // What is damaged or unknown here is damaged or unknown to the reader of colours as well, which says how.
    let Ok(mut decoder) = open() else { return Ok(None) };
    if open().is_ok_and(has_pages) {
        return Err(DataError::Pages { path: path.to_owned() });
    }
    let Ok(ColorType::Multiband { num_samples: channels, .. }) = decoder.colortype() else { return Ok(None) };
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_BYTES as usize;
    limits.intermediate_buffer_size = MAX_BYTES as usize;
    let explain = |error| tiff_error(path, error);
    let (width, height) = decoder.dimensions().map_err(explain)?;
    if width.max(height) > MAX_SIDE {
        return Err(too_large(path, format!("{width}x{height} pixels")));
    }
    let mut samples = DecodingResult::U8(Vec::new());
    let layout = decoder.with_limits(limits).read_image_to_buffer(&mut samples).map_err(explain)?;
    let (depth, bytes) = match samples {
        DecodingResult::U8(bytes) => (Depth::Eight, bytes),
        DecodingResult::U16(words) => (Depth::Sixteen, bytemuck::cast_slice(&words).to_vec()),
        _ => return Err(unusable(path, format!("{channels} channels of numbers other than 8 or 16 bits"))),
    };
    let bytes = if layout.planes > 1 { interleave(&bytes, channels.into(), depth.bytes()) } else { bytes };
    let picture = Picture::from_bytes(width, height, channels.into(), depth, bytes);
    picture.map(Some).ok_or_else(|| unusable(path, format!("{channels} channels of less than 8 bits")))
}

/// Whether there is more than one picture.
pub(super) fn has_pages<R: Read + Seek>(mut decoder: Decoder<R>) -> bool {
    let mut pages = 0;
    loop {
        let mut kind = |tag| decoder.find_tag_unsigned::<u32>(tag).ok().flatten().unwrap_or(0);
        pages += u32::from(kind(Tag::NewSubfileType) & NO_PAGE == 0 && kind(Tag::SubfileType) != SMALLER);
        if pages > 1 || !decoder.more_images() || decoder.next_image().is_err() {
            return pages > 1;
        }
    }
}

/// `[channels, pixels]` to `[pixels, channels]`, of samples of so many bytes.
fn interleave(planes: &[u8], channels: usize, sample: usize) -> Vec<u8> {
    let plane = planes.len() / channels.max(1);
    let sample_of = |pixel: usize, channel: usize| &planes[channel * plane + pixel * sample..][..sample];
    (0..plane / sample).flat_map(|pixel| (0..channels).flat_map(move |channel| sample_of(pixel, channel))).copied().collect()
}

fn unusable(path: &Path, reason: String) -> DataError {
    DataError::NotAnImage { path: path.to_owned(), reason }
}

pub(super) fn tiff_error(path: &Path, error: TiffError) -> DataError {
    match error {
        TiffError::LimitsExceeded => too_large(path, error.to_string()),
        TiffError::UnsupportedError(what) => unusable(path, what.to_string()),
        other => DataError::Damaged { path: path.to_owned(), reason: other.to_string() },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::read::decode;
    use tiff::encoder::TiffEncoder;

    const BLACK_IS_ZERO: u16 = 1;
    const RGB: u16 = 2;

    /// A page of 5 x 3 pixels whose samples count up.
    #[derive(Clone, Copy)]
    struct Page {
        channels: u16,
        bits: u16,
        photometric: u16,
        /// What the channels behind those of colours are: 0 anything, 2 opacity.
        extra: &'static [u16],
        is_planar: bool,
        /// NewSubfileType and SubfileType.
        kind: [u32; 2],
        /// SampleFormat: 1 whole numbers, 3 floats.
        format: u16,
    }

    const FIVE: Page =
        Page { channels: 5, bits: 16, photometric: BLACK_IS_ZERO, extra: &[0; 4], is_planar: false, kind: [0, 1], format: 1 };

    impl Page {
        /// The samples as a picture has them.
        fn bytes(&self) -> Vec<u8> {
            let words = (0..15 * self.channels).map(|at| at * 211);
            words.flat_map(|word| if self.bits == 8 { vec![word as u8] } else { word.to_ne_bytes().to_vec() }).collect()
        }

        /// The same in the order of the file.
        fn strips(&self) -> Vec<u8> {
            let (bytes, sample) = (self.bytes(), usize::from(self.bits / 8).min(2));
            let plane = |channel: usize| bytes.chunks_exact(sample).skip(channel).step_by(self.channels.into()).flatten().copied();
            if self.is_planar { (0..self.channels.into()).flat_map(plane).collect() } else { bytes }
        }
    }

    fn file(pages: &[Page]) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
        for page in pages {
            let mut directory = encoder.image_directory().unwrap();
            let strips = page.strips();
            let start = directory.write_data(&strips[..]).unwrap() as u32;
            let planes = if page.is_planar { u32::from(page.channels) } else { 1 };
            let length = strips.len() as u32 / planes;
            directory.write_tag(Tag::NewSubfileType, page.kind[0]).unwrap();
            directory.write_tag(Tag::SubfileType, page.kind[1] as u16).unwrap();
            directory.write_tag(Tag::ImageWidth, 5u32).unwrap();
            directory.write_tag(Tag::ImageLength, 3u32).unwrap();
            directory.write_tag(Tag::BitsPerSample, &vec![page.bits; page.channels.into()][..]).unwrap();
            directory.write_tag(Tag::Compression, 1u16).unwrap();
            directory.write_tag(Tag::PhotometricInterpretation, page.photometric).unwrap();
            directory.write_tag(Tag::StripOffsets, &(0..planes).map(|plane| start + plane * length).collect::<Vec<u32>>()[..]).unwrap();
            directory.write_tag(Tag::SamplesPerPixel, page.channels).unwrap();
            directory.write_tag(Tag::RowsPerStrip, 3u32).unwrap();
            directory.write_tag(Tag::StripByteCounts, &vec![length; planes as usize][..]).unwrap();
            directory.write_tag(Tag::PlanarConfiguration, if page.is_planar { 2u16 } else { 1 }).unwrap();
            directory.write_tag(Tag::ExtraSamples, page.extra).unwrap();
            directory.write_tag(Tag::SampleFormat, &vec![page.format; page.channels.into()][..]).unwrap();
            directory.finish().unwrap();
        }
        bytes.into_inner()
    }

    fn read(pages: &[Page]) -> Result<Picture, DataError> {
        decode(Path::new("a.tif"), &file(pages))
    }

    #[test]
    fn any_number_of_channels_is_read_in_any_order() {
        for (channels, extra) in [(2, &[2][..]), (2, &[0]), (3, &[0; 2]), (4, &[0; 3]), (5, &[0; 4]), (9, &[0; 8])] {
            for (bits, is_planar) in [(8, false), (8, true), (16, false), (16, true)] {
                let page = Page { channels, bits, extra, is_planar, ..FIVE };
                let picture = read(&[page]).unwrap();
                assert_eq!((picture.dimensions(), picture.channels()), ((5, 3), channels.into()));
                assert_eq!(picture.bytes(), page.bytes(), "{channels} channels of {bits} bits, planes {is_planar}");
            }
        }
    }

    #[test]
    fn colours_are_read_without_what_is_beside_them_but_for_opacity() {
        for (extra, channels) in [(&[2][..], 4), (&[0], 3), (&[0; 2], 3), (&[2, 0], 4)] {
            let page = Page { channels: 3 + extra.len() as u16, photometric: RGB, extra, ..FIVE };
            let expected: Vec<u8> =
                page.bytes().chunks_exact(2 * usize::from(page.channels)).flat_map(|pixel| &pixel[..2 * channels]).copied().collect();
            assert_eq!(read(&[page]).unwrap().bytes(), expected, "{extra:?}");
        }
    }

    #[test]
    fn several_pages_are_refused_and_smaller_versions_are_none() {
        let colours = Page { channels: 3, photometric: RGB, extra: &[], ..FIVE };
        for page in [FIVE, colours] {
            let error = read(&[page, page]).unwrap_err();
            assert!(matches!(&error, DataError::Pages { .. }) && error.to_string().contains("a.tif"), "{error}");
            let smaller = [[1, 1], [4, 1], [5, 1], [0, 2]].map(|kind| Page { kind, ..page });
            assert_eq!(read(&[&[page][..], &smaller].concat()).unwrap().bytes(), page.bytes());
        }
    }

    #[test]
    fn what_is_not_read_is_told() {
        for (page, words) in [(Page { bits: 32, format: 3, ..FIVE }, "8 or 16 bits"), (Page { photometric: 0, ..FIVE }, "photometric")] {
            let error = read(&[page]).unwrap_err();
            assert!(matches!(error, DataError::NotAnImage { .. }) && error.to_string().contains(words), "{error}");
        }
        let whole = file(&[FIVE]);
        for length in 0..whole.len() {
            let error = decode(Path::new("a.tif"), &whole[..length]).unwrap_err();
            assert!(error.to_string().contains("a.tif"), "{error}");
        }
    }
}
