//! TIFF files of any number of channels, where these are no colours: multispectral images, depth
//! beside RGB, grey with opacity.

use std::io::{Cursor, Read, Seek};
use std::path::Path;

use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::error::DataError;
use super::picture::{Depth, Picture};
use super::read::{MAX_BYTES, MAX_SIDE, too_large};

/// Bits of NewSubfileType (TIFF 6.0, section 8): a smaller version of another picture, and its
/// mask.
const NO_PAGE: u32 = 0b101;
/// SubfileType, its predecessor, of a smaller version.
const SMALLER: u32 = 2;

/// Reads a TIFF whose channels are grey with more of anything behind. `None` for one of colours;
/// what these have beside them but opacity the decoder leaves out.
///
/// # Errors
/// [`DataError::Pages`] for a file of several pictures, whatever their channels, and those of
/// [`super::read_picture`].
pub(super) fn read_channels(path: &Path, bytes: &[u8]) -> Result<Option<Picture>, DataError> {
    let open = || Decoder::new(Cursor::new(bytes));
    // What is damaged or unknown here is damaged or unknown to the reader of colours as well, which
    // says how.
    let Ok(mut decoder) = open() else {
        return Ok(None);
    };
    if open().is_ok_and(has_pages) {
        return Err(DataError::Pages {
            path: path.to_owned(),
        });
    }
    let Ok(kind) = decoder.colortype() else {
        return Ok(None);
    };
    if mixes_samples(&mut decoder, kind) {
        return Err(unusable(
            path,
            "channels beside its colours, stored with a predictor: save it without one".to_owned(),
        ));
    }
    if chunk_row_bytes(&mut decoder, kind) > MAX_BYTES {
        return Err(too_large(
            path,
            format!(
                "strips or tiles of {} pixels a row",
                decoder.chunk_dimensions().0
            ),
        ));
    }
    let ColorType::Multiband {
        num_samples: channels,
        ..
    } = kind
    else {
        return Ok(None);
    };
    let explain = |error| tiff_error(path, error);
    let (width, height) = decoder.dimensions().map_err(explain)?;
    let layout = decoder.image_buffer_layout().map_err(explain)?;
    // Of planes that are too large the decoder would read the first alone.
    if width.max(height) > MAX_SIDE || layout.complete_len as u64 > MAX_BYTES {
        return Err(too_large(
            path,
            format!("{width}x{height} pixels of {channels} channels"),
        ));
    }
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_BYTES as usize;
    limits.intermediate_buffer_size = MAX_BYTES as usize;
    let mut samples = DecodingResult::U8(Vec::new());
    decoder
        .with_limits(limits)
        .read_image_to_buffer(&mut samples)
        .map_err(explain)?;
    let (depth, bytes) = match samples {
        DecodingResult::U8(bytes) => (Depth::Eight, bytes),
        DecodingResult::U16(words) => (Depth::Sixteen, bytemuck::cast_slice(&words).to_vec()),
        _ => {
            return Err(unusable(
                path,
                format!("{channels} channels of other than unsigned whole numbers of 8 or 16 bits"),
            ));
        }
    };
    let bytes = if layout.planes > 1 {
        interleave(&bytes, channels.into(), depth.bytes())
    } else {
        bytes
    };
    let picture = Picture::from_bytes(width, height, channels.into(), depth, bytes);
    picture
        .map(Some)
        .ok_or_else(|| unusable(path, format!("{channels} channels of less than 8 bits")))
}

/// Whether samples come out wrong: the decoder leaves out those beside the colours first, and
/// undoes the predictor with the number of the file's then (tiff 0.11.3). In planes each sample is
/// alone.
pub(super) fn mixes_samples<R: Read + Seek>(decoder: &mut Decoder<R>, kind: ColorType) -> bool {
    tag_or_one(decoder, Tag::Predictor) != 1
        && tag_or_one(decoder, Tag::PlanarConfiguration) == 1
        && tag_or_one(decoder, Tag::SamplesPerPixel) > kind.num_samples().into()
}

/// Bytes of a row of a strip or tile, which the decoder may hold: a tile's can be far wider than
/// the picture.
pub(super) fn chunk_row_bytes<R: Read + Seek>(decoder: &mut Decoder<R>, kind: ColorType) -> u64 {
    let samples = u64::from(decoder.chunk_dimensions().0)
        .saturating_mul(tag_or_one(decoder, Tag::SamplesPerPixel).into());
    samples.saturating_mul(kind.bit_depth().into()) / 8
}

/// The value of a tag whose default is 1.
fn tag_or_one<R: Read + Seek>(decoder: &mut Decoder<R>, tag: Tag) -> u32 {
    decoder.find_tag_unsigned(tag).ok().flatten().unwrap_or(1)
}

/// Whether there is more than one picture. The first counts, even as a smaller version of another:
/// it is the one that would be read.
pub(super) fn has_pages<R: Read + Seek>(mut decoder: Decoder<R>) -> bool {
    while decoder.more_images() && decoder.next_image().is_ok() {
        let mut kind = |tag| {
            decoder
                .find_tag_unsigned::<u32>(tag)
                .ok()
                .flatten()
                .unwrap_or(0)
        };
        if kind(Tag::NewSubfileType) & NO_PAGE == 0 && kind(Tag::SubfileType) != SMALLER {
            return true;
        }
    }
    false
}

/// `[channels, pixels]` to `[pixels, channels]`, of samples of so many bytes.
fn interleave(planes: &[u8], channels: usize, sample: usize) -> Vec<u8> {
    let plane = planes.len() / channels.max(1);
    let sample_of =
        |pixel: usize, channel: usize| &planes[channel * plane + pixel * sample..][..sample];
    (0..plane / sample)
        .flat_map(|pixel| (0..channels).flat_map(move |channel| sample_of(pixel, channel)))
        .copied()
        .collect()
}

fn unusable(path: &Path, reason: String) -> DataError {
    DataError::NotAnImage {
        path: path.to_owned(),
        reason,
    }
}

pub(super) fn tiff_error(path: &Path, error: TiffError) -> DataError {
    match error {
        TiffError::LimitsExceeded => too_large(path, error.to_string()),
        TiffError::UnsupportedError(what) => unusable(path, what.to_string()),
        other => DataError::Damaged {
            path: path.to_owned(),
            reason: other.to_string(),
        },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::RowReader;
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
        /// SampleFormat: 1 whole numbers, 2 those with a sign, 3 floats.
        format: u16,
        /// 1 none, 2 differences to the pixel on the left.
        predictor: u16,
        /// Width and height that the file claims.
        size: [u32; 2],
        /// The width of its tile; 0 for a strip.
        tile: u32,
    }

    const FIVE: Page = Page {
        channels: 5,
        bits: 16,
        photometric: BLACK_IS_ZERO,
        extra: &[0; 4],
        is_planar: false,
        kind: [0, 1],
        format: 1,
        predictor: 1,
        size: [5, 3],
        tile: 0,
    };

    impl Page {
        /// The samples as a picture has them.
        fn bytes(&self) -> Vec<u8> {
            let words = (0..15 * self.channels).map(|at| at * 211);
            words
                .flat_map(|word| {
                    if self.bits == 8 {
                        vec![word as u8]
                    } else {
                        word.to_ne_bytes().to_vec()
                    }
                })
                .collect()
        }

        /// The same as the file has them.
        fn strips(&self) -> Vec<u8> {
            let (bytes, sample) = (self.bytes(), usize::from(self.bits / 8).min(2));
            let plane = |channel: usize| {
                bytes
                    .chunks_exact(sample)
                    .skip(channel)
                    .step_by(self.channels.into())
                    .flatten()
                    .copied()
            };
            let mut strips: Vec<u8> = if self.is_planar {
                (0..self.channels.into()).flat_map(plane).collect()
            } else {
                bytes
            };
            if self.predictor == 2 {
                let pixel = if self.is_planar {
                    1
                } else {
                    usize::from(self.channels)
                };
                for row in
                    bytemuck::cast_slice_mut::<u8, u16>(&mut strips).chunks_exact_mut(5 * pixel)
                {
                    (pixel..5 * pixel)
                        .rev()
                        .for_each(|at| row[at] = row[at].wrapping_sub(row[at - pixel]));
                }
            }
            strips
        }
    }

    fn file(pages: &[Page]) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
        for page in pages {
            let mut directory = encoder.image_directory().unwrap();
            let strips = page.strips();
            let start = directory.write_data(&strips[..]).unwrap() as u32;
            let planes = if page.is_planar {
                u32::from(page.channels)
            } else {
                1
            };
            let length = strips.len() as u32 / planes;
            directory
                .write_tag(Tag::NewSubfileType, page.kind[0])
                .unwrap();
            directory
                .write_tag(Tag::SubfileType, page.kind[1] as u16)
                .unwrap();
            let [offsets, counts] = match page.tile {
                0 => [Tag::StripOffsets, Tag::StripByteCounts],
                _ => [Tag::TileOffsets, Tag::TileByteCounts],
            };
            for (tag, value) in [
                (Tag::ImageWidth, page.size[0]),
                (Tag::ImageLength, page.size[1]),
                (Tag::TileWidth, page.tile),
                (Tag::TileLength, 16),
            ] {
                directory.write_tag(tag, value).unwrap();
            }
            directory
                .write_tag(
                    Tag::BitsPerSample,
                    &vec![page.bits; page.channels.into()][..],
                )
                .unwrap();
            directory.write_tag(Tag::Compression, 1u16).unwrap();
            directory
                .write_tag(Tag::PhotometricInterpretation, page.photometric)
                .unwrap();
            directory
                .write_tag(
                    offsets,
                    &(0..planes)
                        .map(|plane| start + plane * length)
                        .collect::<Vec<u32>>()[..],
                )
                .unwrap();
            directory
                .write_tag(Tag::SamplesPerPixel, page.channels)
                .unwrap();
            directory
                .write_tag(Tag::RowsPerStrip, page.size[1])
                .unwrap();
            directory
                .write_tag(counts, &vec![length; planes as usize][..])
                .unwrap();
            directory
                .write_tag(
                    Tag::PlanarConfiguration,
                    if page.is_planar { 2u16 } else { 1 },
                )
                .unwrap();
            directory.write_tag(Tag::Predictor, page.predictor).unwrap();
            directory.write_tag(Tag::ExtraSamples, page.extra).unwrap();
            directory
                .write_tag(
                    Tag::SampleFormat,
                    &vec![page.format; page.channels.into()][..],
                )
                .unwrap();
            directory.finish().unwrap();
        }
        bytes.into_inner()
    }

    fn read(pages: &[Page]) -> Result<Picture, DataError> {
        decode(Path::new("a.tif"), &file(pages))
    }

    #[test]
    fn any_number_of_channels_is_read_in_any_order() {
        for (channels, extra) in [
            (2, &[2][..]),
            (2, &[0]),
            (3, &[0; 2]),
            (4, &[0; 3]),
            (5, &[0; 4]),
            (9, &[0; 8]),
        ] {
            for (bits, is_planar) in [(8, false), (8, true), (16, false), (16, true)] {
                let page = Page {
                    channels,
                    bits,
                    extra,
                    is_planar,
                    ..FIVE
                };
                let picture = read(&[page]).unwrap();
                assert_eq!(
                    (picture.dimensions(), picture.channels()),
                    ((5, 3), channels.into())
                );
                assert_eq!(
                    picture.bytes(),
                    page.bytes(),
                    "{channels} channels of {bits} bits, planes {is_planar}"
                );
            }
        }
    }

    #[test]
    fn colours_are_read_without_what_is_beside_them_but_for_opacity() {
        for (extra, channels) in [(&[2][..], 4), (&[0], 3), (&[0; 2], 3), (&[2, 0], 4)] {
            let page = Page {
                channels: 3 + extra.len() as u16,
                photometric: RGB,
                extra,
                ..FIVE
            };
            let expected: Vec<u8> = page
                .bytes()
                .chunks_exact(2 * usize::from(page.channels))
                .flat_map(|pixel| &pixel[..2 * channels])
                .copied()
                .collect();
            assert_eq!(read(&[page]).unwrap().bytes(), expected, "{extra:?}");
        }
    }

    #[test]
    fn several_pages_are_refused_and_smaller_versions_are_none() {
        let colours = Page {
            channels: 3,
            photometric: RGB,
            extra: &[],
            ..FIVE
        };
        for page in [FIVE, colours] {
            let error = read(&[page, page]).unwrap_err();
            assert!(
                matches!(&error, DataError::Pages { .. }) && error.to_string().contains("a.tif"),
                "{error}"
            );
            let smaller = [[1, 1], [4, 1], [5, 1], [0, 2]].map(|kind| Page { kind, ..page });
            assert_eq!(
                read(&[&[page][..], &smaller].concat()).unwrap().bytes(),
                page.bytes()
            );
            // In front, one would be read in the place of the picture.
            smaller.iter().for_each(|&first| {
                assert!(
                    matches!(read(&[first, page]), Err(DataError::Pages { .. })),
                    "{:?}",
                    first.kind
                )
            });
        }
    }

    /// The error of a file, whether it is read at once or by rows.
    fn refusal(page: Page) -> DataError {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tif");
        std::fs::write(&path, file(&[page])).unwrap();
        let (whole, rows) = (
            read(&[page]).unwrap_err(),
            RowReader::open(&path).map(drop).unwrap_err(),
        );
        assert!(rows.to_string().ends_with(&whole.to_string()), "{rows}");
        whole
    }

    #[test]
    fn a_predictor_is_undone_unless_samples_beside_colours_lie_in_between() {
        let colours = Page {
            channels: 3,
            photometric: RGB,
            extra: &[],
            predictor: 2,
            ..FIVE
        };
        let opaque = Page {
            channels: 4,
            extra: &[2],
            ..colours
        };
        for page in [
            Page {
                predictor: 2,
                ..FIVE
            },
            Page {
                predictor: 2,
                is_planar: true,
                ..FIVE
            },
            colours,
            opaque,
        ] {
            assert_eq!(
                read(&[page]).unwrap().bytes(),
                page.bytes(),
                "{} channels, planes {}",
                page.channels,
                page.is_planar
            );
        }
        let infrared = Page {
            channels: 4,
            extra: &[0],
            ..colours
        };
        for page in [
            infrared,
            Page {
                channels: 5,
                extra: &[2, 0],
                ..colours
            },
        ] {
            let error = refusal(page);
            assert!(
                matches!(error, DataError::NotAnImage { .. })
                    && error.to_string().contains("predictor"),
                "{error}"
            );
        }
        let planes = read(&[Page {
            is_planar: true,
            ..infrared
        }])
        .unwrap();
        let expected: Vec<u8> = infrared
            .bytes()
            .chunks_exact(8)
            .flat_map(|pixel| &pixel[..6])
            .copied()
            .collect();
        assert_eq!(planes.bytes(), expected, "planes");
    }

    #[test]
    fn what_would_take_too_much_memory_is_refused() {
        let infrared = Page {
            channels: 4,
            bits: 8,
            photometric: RGB,
            extra: &[0],
            ..FIVE
        };
        for (page, words) in [
            (
                Page {
                    tile: 1 << 31,
                    ..infrared
                },
                "2147483648 pixels a row",
            ),
            (
                Page {
                    tile: 1 << 31,
                    ..FIVE
                },
                "2147483648 pixels a row",
            ),
            (
                Page {
                    size: [MAX_SIDE; 2],
                    is_planar: true,
                    bits: 8,
                    ..FIVE
                },
                "16384x16384 pixels of 5 channels",
            ),
            (
                Page {
                    size: [MAX_SIDE; 2],
                    ..FIVE
                },
                "16384x16384 pixels of 5 channels",
            ),
        ] {
            let error = read(&[page]).unwrap_err();
            assert!(
                matches!(error, DataError::TooLarge { .. }) && error.to_string().contains(words),
                "{error}"
            );
        }
        refusal(Page {
            tile: 1 << 31,
            ..infrared
        });
    }

    #[test]
    fn what_is_not_read_is_told() {
        for (page, words) in [
            (
                Page {
                    bits: 32,
                    format: 3,
                    ..FIVE
                },
                "unsigned whole numbers of 8 or 16 bits",
            ),
            (
                Page {
                    bits: 8,
                    format: 2,
                    ..FIVE
                },
                "unsigned whole numbers of 8 or 16 bits",
            ),
            (
                Page {
                    photometric: 0,
                    ..FIVE
                },
                "photometric",
            ),
        ] {
            let error = read(&[page]).unwrap_err();
            assert!(
                matches!(error, DataError::NotAnImage { .. }) && error.to_string().contains(words),
                "{error}"
            );
        }
        let whole = file(&[FIVE]);
        for length in 0..whole.len() {
            let error = decode(Path::new("a.tif"), &whole[..length]).unwrap_err();
            assert!(error.to_string().contains("a.tif"), "{error}");
        }
    }
}
