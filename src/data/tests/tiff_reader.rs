//! TIFF files that are written here entry by entry, read whole and by rows.

use crate::data::limits::MAX_SIDE;
use crate::data::read::decode;
use crate::data::{DataError, Picture, Pixels, RowReader};
use ::tiff::encoder::{DirectoryEncoder, TiffEncoder, TiffKindStandard};
use ::tiff::tags::Tag;
use std::io::{Cursor, Seek, Write};
use std::path::Path;

const BLACK_IS_ZERO: u16 = 1;
const RGB: u16 = 2;

/// A page of 5 x 3 pixels whose samples count up.
#[derive(Clone, Copy)]
struct TiffPage {
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

const FIVE: TiffPage = TiffPage {
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

impl TiffPage {
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
            for row in bytemuck::cast_slice_mut::<u8, u16>(&mut strips).chunks_exact_mut(5 * pixel)
            {
                (pixel..5 * pixel)
                    .rev()
                    .for_each(|at| row[at] = row[at].wrapping_sub(row[at - pixel]));
            }
        }
        strips
    }
}

fn file(pages: &[TiffPage]) -> Vec<u8> {
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
        directory.write_tag(Tag::Compression, 1u16).unwrap();
        directory
            .write_tag(
                offsets,
                &(0..planes)
                    .map(|plane| start + plane * length)
                    .collect::<Vec<u32>>()[..],
            )
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
        describe_samples(&mut directory, page);
        directory.finish().unwrap();
    }
    bytes.into_inner()
}

/// What a sample is, and what the channels mean.
fn describe_samples<W: Write + Seek>(
    directory: &mut DirectoryEncoder<W, TiffKindStandard>,
    page: &TiffPage,
) {
    for (tag, value) in [
        (Tag::PhotometricInterpretation, page.photometric),
        (Tag::SamplesPerPixel, page.channels),
        (Tag::Predictor, page.predictor),
    ] {
        directory.write_tag(tag, value).unwrap();
    }
    directory.write_tag(Tag::ExtraSamples, page.extra).unwrap();
    for (tag, value) in [
        (Tag::BitsPerSample, page.bits),
        (Tag::SampleFormat, page.format),
    ] {
        directory
            .write_tag(tag, &vec![value; page.channels.into()][..])
            .unwrap();
    }
}

fn read(pages: &[TiffPage]) -> Result<Picture, DataError> {
    decode(Path::new("a.tif"), &file(pages), &Default::default())
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
            let page = TiffPage {
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
fn channels_beside_colours_are_read_and_counted_but_for_opacity() {
    for (extra, surplus) in [(&[2][..], 0), (&[0], 1), (&[0; 2], 2), (&[2, 0], 1)] {
        let page = TiffPage {
            channels: 3 + extra.len() as u16,
            photometric: RGB,
            extra,
            ..FIVE
        };
        let picture = read(&[page]).unwrap();
        assert_eq!(picture.bytes(), page.bytes(), "{extra:?}");
        assert_eq!(picture.surplus(), surplus, "{extra:?}");
        let path = Path::new("a.tif");
        let rgb = Pixels::Rgb.colours(&picture, path);
        let all = Pixels::Channels(picture.channels()).colours(&picture, path);
        assert_eq!(rgb.is_ok(), surplus == 0, "{extra:?}");
        assert_eq!(all.unwrap().bytes(), page.bytes(), "{extra:?}");
    }
}

#[test]
fn several_pages_are_refused_and_smaller_versions_are_none() {
    let colours = TiffPage {
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
        let smaller = [[1, 1], [4, 1], [5, 1], [0, 2]].map(|kind| TiffPage { kind, ..page });
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
fn refusal(page: TiffPage) -> DataError {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    std::fs::write(&path, file(&[page])).unwrap();
    let (whole, rows) = (
        read(&[page]).unwrap_err(),
        RowReader::open(&path, &Default::default())
            .map(drop)
            .unwrap_err(),
    );
    assert!(rows.to_string().ends_with(&whole.to_string()), "{rows}");
    whole
}

/// Colours that are stored as differences.
const PREDICTED: TiffPage = TiffPage {
    channels: 3,
    photometric: RGB,
    extra: &[],
    predictor: 2,
    ..FIVE
};

#[test]
fn a_predictor_is_undone() {
    let opaque = TiffPage {
        channels: 4,
        extra: &[2],
        ..PREDICTED
    };
    for page in [
        TiffPage {
            predictor: 2,
            ..FIVE
        },
        TiffPage {
            predictor: 2,
            is_planar: true,
            ..FIVE
        },
        PREDICTED,
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
}

#[test]
fn a_predictor_is_undone_where_there_are_samples_beside_colours() {
    let infrared = TiffPage {
        channels: 4,
        extra: &[0],
        ..PREDICTED
    };
    let two = TiffPage {
        channels: 5,
        extra: &[2, 0],
        ..PREDICTED
    };
    let planes = TiffPage {
        is_planar: true,
        ..infrared
    };
    for page in [infrared, two, planes] {
        assert_eq!(read(&[page]).unwrap().bytes(), page.bytes());
    }
}

#[test]
fn what_would_take_too_much_memory_is_refused() {
    let infrared = TiffPage {
        channels: 4,
        bits: 8,
        photometric: RGB,
        extra: &[0],
        ..FIVE
    };
    for (page, words) in [
        (
            TiffPage {
                tile: 1 << 31,
                ..infrared
            },
            "far larger than its picture",
        ),
        (
            TiffPage {
                tile: 1 << 31,
                ..FIVE
            },
            "far larger than its picture",
        ),
        (
            TiffPage {
                size: [MAX_SIDE; 2],
                is_planar: true,
                bits: 8,
                ..FIVE
            },
            "16384x16384 pixels",
        ),
        (
            TiffPage {
                size: [MAX_SIDE; 2],
                ..FIVE
            },
            "16384x16384 pixels",
        ),
    ] {
        let error = read(&[page]).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    refusal(TiffPage {
        tile: 1 << 31,
        ..infrared
    });
}

#[test]
fn what_is_not_read_is_told() {
    for (page, words) in [
        (
            TiffPage { format: 2, ..FIVE },
            "its numbers have a sign, between 0 and 15614",
        ),
        (
            TiffPage {
                bits: 8,
                format: 2,
                ..FIVE
            },
            "its numbers have a sign, between -126 and 127",
        ),
        (
            TiffPage {
                photometric: 0,
                ..FIVE
            },
            "photometric",
        ),
        (
            TiffPage {
                channels: 3,
                bits: 8,
                photometric: 6,
                extra: &[],
                ..FIVE
            },
            "its colours are stored as YCbCr",
        ),
    ] {
        let error = read(&[page]).unwrap_err();
        assert!(
            matches!(error, DataError::NotAnImage { .. } | DataError::Value(_))
                && error.to_string().contains(words),
            "{error}"
        );
    }
    let whole = file(&[FIVE]);
    for length in 0..whole.len() {
        let error = decode(Path::new("a.tif"), &whole[..length], &Default::default()).unwrap_err();
        assert!(error.to_string().contains("a.tif"), "{error}");
    }
}
