//! Every kind of TIFF: each number of bits, each form of numbers, channels of each meaning, planes
//! or not, strips or tiles, both sizes of offsets and both orders of bytes. Each is read right, or
//! refused with a reason.

use super::raw_tiff::RawTiff;
use crate::data::read::decode;
use crate::data::{DataError, Depth, Picture, Pixels, RowReader};
use half::f16;
use std::path::Path;

const WIDTH: usize = 20;
const HEIGHT: usize = 18;
const TILE: usize = 16;
const STRIP: usize = 7;

/// How numbers are stored (SampleFormat).
#[derive(Clone, Copy, Debug, PartialEq)]
enum SampleFormat {
    Whole = 1,
    Signed = 2,
    Float = 3,
}

const FORMS: [(SampleFormat, usize); 17] = [
    (SampleFormat::Whole, 1),
    (SampleFormat::Whole, 2),
    (SampleFormat::Whole, 4),
    (SampleFormat::Whole, 8),
    (SampleFormat::Whole, 16),
    (SampleFormat::Whole, 32),
    (SampleFormat::Whole, 64),
    (SampleFormat::Signed, 1),
    (SampleFormat::Signed, 2),
    (SampleFormat::Signed, 4),
    (SampleFormat::Signed, 8),
    (SampleFormat::Signed, 16),
    (SampleFormat::Signed, 32),
    (SampleFormat::Signed, 64),
    (SampleFormat::Float, 16),
    (SampleFormat::Float, 32),
    (SampleFormat::Float, 64),
];

/// What the channels are (PhotometricInterpretation), how many, and what the file says of those
/// behind the colours (ExtraSamples): nothing, or 0 anything, 1 opacity by which the colours are
/// multiplied, 2 opacity. Then how many are neither colours nor opacity.
type Meaning = (u16, usize, Option<&'static [u16]>, usize);

const WHITE_IS_ZERO: u16 = 0;
const BLACK_IS_ZERO: u16 = 1;
const RGB: u16 = 2;
const PALETTE: u16 = 3;

const MEANINGS: [Meaning; 19] = [
    (WHITE_IS_ZERO, 1, None, 0),
    (PALETTE, 1, None, 0),
    (BLACK_IS_ZERO, 1, None, 0),
    (BLACK_IS_ZERO, 2, None, 1),
    (BLACK_IS_ZERO, 2, Some(&[0]), 1),
    (BLACK_IS_ZERO, 2, Some(&[1]), 0),
    (BLACK_IS_ZERO, 2, Some(&[2]), 0),
    (BLACK_IS_ZERO, 3, Some(&[0, 0]), 0),
    (BLACK_IS_ZERO, 4, Some(&[0, 0, 0]), 1),
    (BLACK_IS_ZERO, 4, Some(&[0, 0, 2]), 0),
    (BLACK_IS_ZERO, 4, Some(&[2, 0, 0]), 2),
    (BLACK_IS_ZERO, 7, None, 0),
    (RGB, 3, None, 0),
    (RGB, 4, None, 0),
    (RGB, 4, Some(&[0]), 1),
    (RGB, 4, Some(&[1]), 0),
    (RGB, 4, Some(&[2]), 0),
    (RGB, 5, Some(&[2, 0]), 1),
    (RGB, 6, Some(&[0, 0, 0]), 3),
];

/// One kind of file.
#[derive(Clone, Copy, Debug)]
struct Kind {
    form: SampleFormat,
    bits: usize,
    meaning: Meaning,
    is_planar: bool,
    is_tiled: bool,
    is_big: bool,
    is_little: bool,
}

impl Kind {
    /// The sample of a channel of a pixel, counted in sixty-fourths of the whole range.
    fn step(&self, x: usize, y: usize, channel: usize) -> u64 {
        // In the middle of the range two roundings are right.
        match (7 * x + 11 * y + 23 * channel) as u64 % 65 {
            32 => 33,
            step => step,
        }
    }

    /// The bits of that sample in the file, and the sample of a picture.
    fn sample(&self, step: u64) -> (u64, u16) {
        let unit = step as f64 / 64.0;
        match (self.form, self.bits) {
            (SampleFormat::Float, bits) => {
                let stored = match bits {
                    16 => f16::from_f64(unit).to_bits().into(),
                    32 => (unit as f32).to_bits().into(),
                    _ => unit.to_bits(),
                };
                (stored, (unit * 65_535.0).round() as u16)
            }
            (SampleFormat::Signed, bits) => {
                ((step * 3).wrapping_neg() & (u64::MAX >> (64 - bits)), 0)
            }
            (SampleFormat::Whole, bits @ ..8) => {
                let value = step % (1 << bits);
                (value, (value * 255 / ((1 << bits) - 1)) as u16)
            }
            (SampleFormat::Whole, 8) => (step, step as u16),
            (SampleFormat::Whole, 16) => (step * 1000, (step * 1000) as u16),
            (SampleFormat::Whole, 32) => {
                let value = step * 67_108_863;
                let unit = value as f64 / f64::from(u32::MAX);
                (value, (unit * 65_535.0).round() as u16)
            }
            (SampleFormat::Whole, _) => {
                let value = step * (u64::MAX / 64);
                (value, (value >> 48) as u16)
            }
        }
    }

    /// The bytes of a strip or tile: these channels of this part of the picture, each row from a
    /// byte on.
    fn chunk(&self, file: &RawTiff, at: [usize; 2], size: [usize; 2], part: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for y in at[1]..at[1] + size[1] {
            let (mut held, mut count) = (0u64, 0);
            for x in at[0]..at[0] + size[0] {
                for &channel in part {
                    let (value, _) = self.sample(self.step(x, y, channel));
                    if self.bits >= 8 {
                        bytes.extend(file.number(value, self.bits / 8));
                        continue;
                    }
                    (held, count) = (held << self.bits | value, count + self.bits);
                    if count == 8 {
                        bytes.push(held as u8);
                        (held, count) = (0, 0);
                    }
                }
            }
            if count > 0 {
                bytes.push((held << (8 - count)) as u8);
            }
        }
        bytes
    }

    fn file(&self) -> Vec<u8> {
        let mut file = RawTiff::new(self.is_big, self.is_little);
        let (photometric, channels, extra, _) = self.meaning;
        file.longs(256, &[WIDTH as u32]);
        file.longs(257, &[HEIGHT as u32]);
        file.shorts(258, &vec![self.bits as u16; channels]);
        file.shorts(259, &[1]);
        file.shorts(262, &[photometric]);
        file.shorts(277, &[channels as u16]);
        file.shorts(284, &[1 + u16::from(self.is_planar)]);
        file.shorts(339, &vec![self.form as u16; channels]);
        if let Some(extra) = extra {
            file.shorts(338, extra);
        }
        if photometric == PALETTE && self.bits <= 16 {
            let colours = 1 << self.bits;
            let ramp = |part: usize| (0..colours).map(move |at| (at * (part + 1)) as u16 * 256);
            file.shorts(320, &(0..3).flat_map(ramp).collect::<Vec<_>>());
        }
        let all: Vec<usize> = (0..channels).collect();
        let planes: Vec<&[usize]> = match self.is_planar {
            true => all.chunks(1).collect(),
            false => vec![&all],
        };
        let mut chunks = Vec::new();
        for part in planes {
            if self.is_tiled {
                let corners = [[0, 0], [TILE, 0], [0, TILE], [TILE, TILE]];
                chunks.extend(corners.map(|at| self.chunk(&file, at, [TILE, TILE], part)));
            } else {
                let rows = |top: usize| STRIP.min(HEIGHT - top);
                let strip = |top| self.chunk(&file, [0, top], [WIDTH, rows(top)], part);
                chunks.extend((0..HEIGHT).step_by(STRIP).map(strip));
            }
        }
        if self.is_tiled {
            file.longs(322, &[TILE as u32]);
            file.longs(323, &[TILE as u32]);
            file.finish([324, 325], &chunks)
        } else {
            file.longs(278, &[STRIP as u32]);
            file.finish([273, 279], &chunks)
        }
    }

    /// The samples that a picture has, in their order.
    fn samples(&self) -> Vec<u16> {
        let (photometric, channels, ..) = self.meaning;
        let mut samples = Vec::new();
        for (y, x) in (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (y, x))) {
            for channel in 0..channels {
                let (stored, sample) = self.sample(self.step(x, y, channel));
                let white = if self.depth() == Depth::Eight {
                    255
                } else {
                    65_535
                };
                match photometric {
                    PALETTE => samples.extend((1..4).map(|part| (stored * part) as u8 as u16)),
                    WHITE_IS_ZERO => samples.push(white - sample),
                    _ => samples.push(sample),
                }
            }
        }
        samples
    }

    fn depth(&self) -> Depth {
        match self.meaning.0 {
            PALETTE => Depth::Eight,
            _ if self.bits <= 8 => Depth::Eight,
            _ => Depth::Sixteen,
        }
    }

    /// Why such a file is refused; nothing if it is read.
    fn refusal(&self) -> Option<&'static str> {
        match (self.meaning.0, self.form, self.bits) {
            (PALETTE, SampleFormat::Whole, 32..) => Some("a palette with indices of"),
            (PALETTE, SampleFormat::Whole, _) => None,
            (PALETTE, _, _) => Some("indices"),
            (_, SampleFormat::Signed, _) => Some("its numbers have a sign, between"),
            _ => None,
        }
    }
}

fn kinds() -> Vec<Kind> {
    let mut kinds = Vec::new();
    for (form, bits) in FORMS {
        for meaning in MEANINGS {
            for at in 0..16 {
                let bit = |place: u32| at >> place & 1 == 1;
                kinds.push(Kind {
                    form,
                    bits,
                    meaning,
                    is_planar: bit(0),
                    is_tiled: bit(1),
                    is_big: bit(2),
                    is_little: bit(3),
                });
            }
        }
    }
    kinds
}

#[test]
fn every_kind_is_read_right_or_refused() {
    for kind in kinds() {
        let read = decode(Path::new("a.tif"), &kind.file(), &Default::default());
        match (read, kind.refusal()) {
            (Ok(picture), None) => {
                assert_eq!(
                    picture.dimensions(),
                    (WIDTH as u32, HEIGHT as u32),
                    "{kind:?}"
                );
                assert_eq!(picture.depth(), kind.depth(), "{kind:?}");
                assert!(picture.samples().eq(kind.samples()), "{kind:?}");
                assert_eq!(picture.surplus(), kind.meaning.3, "{kind:?}");
                check_meaning(&picture, kind);
            }
            (Ok(_), Some(words)) => panic!("{kind:?} is read, and not refused: {words}"),
            (Err(error), words) => {
                let text = error.to_string();
                assert!(
                    words.is_some_and(|words| text.contains(words)),
                    "{kind:?}: {text}"
                );
                assert!(text.contains("a.tif"), "{text}");
            }
        }
    }
}

/// All channels are there where channels are asked for. Nothing but opacity is taken for opacity.
fn check_meaning(picture: &Picture, kind: Kind) {
    let path = Path::new("a.tif");
    let (_, channels, extra, surplus) = kind.meaning;
    let all = Pixels::Channels(picture.channels()).colours(picture, path);
    assert_eq!(&all.unwrap(), picture, "{kind:?}");
    let rgb = Pixels::Rgb.colours(picture, path);
    if surplus > 0 || channels > 4 {
        assert!(matches!(rgb, Err(DataError::NoColours { .. })), "{kind:?}");
    } else {
        assert_eq!(rgb.unwrap().channels(), 3);
    }
    let is_opacity = surplus == 0 && matches!(channels, 2 | 4);
    assert_eq!(picture.has_opacity(), is_opacity, "{kind:?}: {extra:?}");
    let is_said = surplus == 1 && channels == 4;
    assert_eq!(
        Pixels::Rgba.colours(picture, path).is_ok(),
        channels <= 4 && surplus == 0 || is_said,
        "{kind:?}"
    );
}

#[test]
fn rows_of_every_kind_are_those_of_the_whole_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    let is_plain = |kind: &Kind| kind.form == SampleFormat::Whole && matches!(kind.bits, 8 | 16);
    for kind in kinds().into_iter().filter(is_plain).step_by(3) {
        std::fs::write(&path, kind.file()).unwrap();
        let mut reader = RowReader::open(&path, &Default::default()).unwrap();
        let mut whole = Picture::default();
        while whole.height() < reader.layout().height {
            whole.append(reader.read(5).unwrap());
        }
        let expected = decode(&path, &kind.file(), &Default::default()).unwrap();
        assert_eq!(whole, expected, "{kind:?}");
    }
}
