//! How many pixels there are to an inch, as a scan or a plan says it: the chunk pHYs of a PNG, the
//! resolution of a TIFF, the density in the JFIF segment of a JPEG. Without a unit of length it is
//! not looked at.

use std::io::{BufRead, Read, Seek, Write};
use std::path::Path;

use image::ImageFormat;
use image::codecs::jpeg::{PixelDensity, PixelDensityUnit};
use tiff::TiffResult;
use tiff::decoder::ifd::Value;
use tiff::encoder::{DirectoryEncoder, Rational, TiffKind};
use tiff::tags::{ResolutionUnit, Tag};

use super::head::{format_of, open_regular};
use super::orientation::{is_quarter_turn, orientation_of};
use super::read_options::ReadOptions;
use super::tiff_head::open;

const CENTIMETRES: f64 = 2.54;
const METRES: f64 = 0.0254;

/// Pixels of an inch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Density {
    /// From left to right, and from top to bottom.
    pub per_inch: [f64; 2],
}

impl Density {
    /// What a file says of its picture, which is read with these options. `None` if it says
    /// nothing, and if it is damaged: that error comes when the picture is read.
    pub fn of(path: &Path, reading: &ReadOptions) -> Option<Self> {
        let mut file = open_regular(path)?;
        let format = format_of(file.fill_buf().ok()?)?;
        let [across, down] = match format {
            ImageFormat::Png => of_png(&mut file),
            ImageFormat::Tiff => of_tiff(&mut file),
            ImageFormat::Jpeg => of_jpeg(&mut file),
            _ => None,
        }
        .filter(|sides| sides.iter().all(|side| (1e-3..1e6).contains(side)))?;
        file.rewind().ok()?;
        let is_turned = across != down
            && !reading.ignore_orientation
            && is_quarter_turn(orientation_of(format, &mut file));
        let per_inch = match is_turned {
            true => [down, across],
            false => [across, down],
        };
        Some(Self { per_inch })
    }

    /// As the chunk of a PNG.
    pub(super) fn png(self) -> png::PixelDimensions {
        let [xppu, yppu] = self.per_inch.map(|side| (side / METRES).round() as u32);
        let unit = png::Unit::Meter;
        png::PixelDimensions { xppu, yppu, unit }
    }

    /// As the JFIF segment of a JPEG.
    pub(super) fn jpeg(self) -> PixelDensity {
        let [across, down] = self.per_inch.map(|side| side.round().max(1.0) as u16);
        PixelDensity {
            density: (across, down),
            unit: PixelDensityUnit::Inches,
        }
    }

    /// Writes it as tags of a TIFF.
    pub(super) fn write<W, K>(self, entries: &mut DirectoryEncoder<W, K>) -> TiffResult<()>
    where
        W: Write + Seek,
        K: TiffKind,
    {
        let [across, down] = self.per_inch.map(|side| Rational {
            n: (side * 1000.0).round() as u32,
            d: 1000,
        });
        entries.write_tag(Tag::XResolution, across)?;
        entries.write_tag(Tag::YResolution, down)?;
        entries.write_tag(Tag::ResolutionUnit, ResolutionUnit::Inch.to_u16())
    }
}

/// A PNG has whole pixels of a metre, so a whole number of an inch is found again by rounding.
fn of_png(file: &mut (impl BufRead + Seek)) -> Option<[f64; 2]> {
    let mut decoder = png::Decoder::new(file);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_ignore_text_chunk(true);
    let reader = decoder.read_info().ok()?;
    let said = reader.info().pixel_dims?;
    let per_inch = |pixels: u32| {
        let (exact, step) = (f64::from(pixels) * METRES, METRES);
        let whole = exact.round();
        if (exact - whole).abs() < step / 2.0 {
            whole
        } else {
            exact
        }
    };
    (said.unit == png::Unit::Meter).then_some([said.xppu, said.yppu].map(per_inch))
}

fn of_tiff(file: &mut (impl Read + Seek)) -> Option<[f64; 2]> {
    let (head, mut decoder) = open(file).ok()?;
    let mut side = |tag| {
        // The decoder would take memory for all values that a tag says it has.
        head.has_one(tag).then_some(())?;
        match decoder.get_tag(tag) {
            Ok(Value::Rational(pixels, units)) => Some(f64::from(pixels) / f64::from(units)),
            _ => None,
        }
    };
    let sides = [side(Tag::XResolution)?, side(Tag::YResolution)?];
    let unit = head.number(Tag::ResolutionUnit);
    // An inch is the unit of a file that names none (TIFF 6.0).
    match ResolutionUnit::from_u16(unit.map_or(Some(ResolutionUnit::Inch.to_u16()), |unit| {
        unit.try_into().ok()
    })?)? {
        ResolutionUnit::Inch => Some(sides),
        ResolutionUnit::Centimeter => Some(sides.map(|side| side * CENTIMETRES)),
        _ => None,
    }
}

/// The segment stands behind the first two bytes (JFIF 1.02).
fn of_jpeg(file: &mut impl Read) -> Option<[f64; 2]> {
    let mut start = [0; 18];
    file.read_exact(&mut start).ok()?;
    let [
        0xFF,
        0xD8,
        0xFF,
        0xE0,
        _,
        _,
        b'J',
        b'F',
        b'I',
        b'F',
        0,
        _,
        _,
        unit,
        x @ ..,
        y1,
        y2,
    ] = start
    else {
        return None;
    };
    let sides = [x, [y1, y2]].map(|side| f64::from(u16::from_be_bytes(side)));
    match unit {
        1 => Some(sides),
        2 => Some(sides.map(|side| side * CENTIMETRES)),
        _ => None,
    }
}
