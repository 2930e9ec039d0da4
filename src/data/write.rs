//! Writing a picture to a file, from its first row on: as PNG or TIFF of 8 or 16 bits, as TIFF of
//! floats in the units of a value range, or as JPEG.
//! A TIFF has any number of channels, a PNG at most four, a JPEG one or three.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use super::density::Density;
use super::depth::{Depth, PictureLayout};
use super::geo_tags::GeoTags;
use super::picture::Picture;
use super::pixels::MOST_COLOURS;
use super::tiff;
use super::values::ValueRange;

/// The format of a picture's file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Format {
    /// PNG
    #[default]
    Png,
    /// TIFF
    ///
    /// Uncompressed.
    Tiff,
    /// JPEG
    ///
    /// 8 bits, smaller, and not exact.
    #[cfg_attr(feature = "cli", value(alias = "jpeg"))]
    Jpg,
    /// PPM, or PGM where there is one channel
    ///
    /// Uncompressed.
    #[cfg_attr(feature = "cli", value(alias = "ppm"))]
    Pnm,
}

/// The quality of JPEG files, 1 to 100. Other formats do not use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quality(u8);

impl Quality {
    /// A quality of 1 to 100. `None` for any other number.
    pub fn new(quality: u8) -> Option<Self> {
        (1..=100).contains(&quality).then_some(Self(quality))
    }

    /// The number.
    pub fn get(self) -> u8 {
        self.0
    }
}

impl Default for Quality {
    /// 90.
    fn default() -> Self {
        Self(90)
    }
}

/// The numbers of a TIFF of 32-bit floats: black and white are the ends of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floats {
    /// The range. Opacity goes from 0 to 1.
    pub range: ValueRange,
    /// No channel is opacity.
    pub all_channels: bool,
}

/// How samples are written, beside their format.
#[derive(Clone, Copy, Default)]
pub struct Encoding<'a> {
    /// The quality of a JPEG.
    pub quality: Quality,
    /// A TIFF of floats in place of one of whole numbers.
    pub floats: Option<Floats>,
    /// Whether the channels are of any meaning. Otherwise the last of two or four is opacity. Only
    /// a TIFF can say that none is.
    pub of_any_meaning: bool,
    /// Where the picture lies on Earth, which only a TIFF says.
    pub place: Option<&'a GeoTags>,
    /// Pixels of an inch, which no PNM says.
    pub density: Option<Density>,
}

impl Floats {
    /// The floats of these rows, in the machine's byte order.
    fn bytes(&self, rows: &Picture) -> Vec<u8> {
        let (channels, white) = (rows.channels(), f64::from(rows.depth().max()));
        let opacity = rows.has_opacity() && !self.all_channels;
        let float = |(index, sample): (usize, u16)| {
            let share = f64::from(sample) / white;
            let is_opacity = opacity && index % channels == channels - 1;
            let number = if is_opacity {
                share
            } else {
                self.range.at(share)
            };
            (number as f32).to_ne_bytes()
        };
        rows.samples().enumerate().flat_map(float).collect()
    }
}

impl From<Quality> for Encoding<'_> {
    fn from(quality: Quality) -> Self {
        Self {
            quality,
            ..Self::default()
        }
    }
}

/// The longest side of a JPEG file: its header has 16 bits for each side.
const MAX_JPEG_SIDE: u32 = u16::MAX as u32;

impl Format {
    /// The ending of such a file, with its dot.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Png => ".png",
            Format::Tiff => ".tiff",
            Format::Jpg => ".jpg",
            Format::Pnm => ".pnm",
        }
    }

    /// The ending of such a file that is made of the file `source`, with its dot. A TIFF keeps the
    /// form that `source` has: `.tif` stays `.tif`.
    pub fn ending_like(self, source: &Path) -> String {
        let ending = source.extension().and_then(|ending| ending.to_str());
        match ending {
            Some(ending) if self == Format::Tiff && Self::of(source) == Some(self) => {
                format!(".{ending}")
            }
            _ => self.ending().to_owned(),
        }
    }

    /// Whether such a file can say where its picture lies on Earth.
    pub fn holds_places(self) -> bool {
        self == Format::Tiff
    }

    /// Whether such a file can have so many channels.
    pub fn holds(self, channels: usize) -> bool {
        match self {
            Format::Png => (1..=MOST_COLOURS).contains(&channels),
            Format::Tiff => (1..=usize::from(u16::MAX)).contains(&channels),
            Format::Jpg | Format::Pnm => matches!(channels, 1 | 3),
        }
    }

    /// Whether such a file can have samples of 16 bits.
    pub fn holds_16_bits(self) -> bool {
        self != Format::Jpg
    }

    /// The format that the ending of a file's name stands for, in any letter case.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "png" => Some(Format::Png),
            "tif" | "tiff" => Some(Format::Tiff),
            "jpg" | "jpeg" | "jpe" => Some(Format::Jpg),
            "pnm" | "ppm" | "pgm" => Some(Format::Pnm),
            _ => None,
        }
    }
}

/// A picture's file while it is written. It holds a few rows, whatever the picture's height. Only a
/// JPEG is held whole: its encoder takes all rows at once.
pub struct RowWriter<W: Write + 'static> {
    layout: PictureLayout,
    /// Rows that are still to come.
    missing: u32,
    encoder: Encoder<W>,
}

enum Encoder<W: Write + 'static> {
    Png {
        encoder: Box<png::StreamWriter<'static, Shared<W>>>,
        out: Shared<W>,
    },
    /// The rows are the rest of the file, the high byte of a sample first.
    Pnm(W),
    /// The rows are the rest of the file.
    Tiff(W, Option<Floats>),
    Jpeg {
        rows: Vec<u8>,
        quality: Quality,
        density: Option<Density>,
        out: W,
    },
}

impl<W: Write + 'static> RowWriter<W> {
    /// Begins a file for a picture. PNG and TIFF keep every bit of the samples.
    ///
    /// # Errors
    /// Those of `out`, more channels, bits or pixels than the format has, and floats in another
    /// format than TIFF.
    pub fn new<'a>(
        format: Format,
        encoding: impl Into<Encoding<'a>>,
        layout: PictureLayout,
        mut out: W,
    ) -> io::Result<Self> {
        let Encoding {
            quality,
            floats,
            of_any_meaning,
            place,
            density,
        } = encoding.into();
        check_layout(format, layout)?;
        if floats.is_some() && format != Format::Tiff {
            return Err(io::Error::other(format!("{format:?} files hold no floats")));
        }
        let encoder = match format {
            Format::Png => Self::png(layout, density, out)?,
            Format::Tiff => {
                let sample = floats.map_or(tiff::TiffSample::Whole, |_| tiff::TiffSample::Float);
                out.write_all(&tiff::header(
                    (layout, sample),
                    of_any_meaning,
                    (place, density),
                )?)?;
                Encoder::Tiff(out, floats)
            }
            Format::Pnm => {
                let kind = if layout.channels == 1 { 5 } else { 6 };
                let (width, height, most) = (layout.width, layout.height, layout.depth.max());
                write!(out, "P{kind}\n{width} {height}\n{most}\n")?;
                Encoder::Pnm(out)
            }
            Format::Jpg => Encoder::Jpeg {
                rows: Vec::new(),
                quality,
                density,
                out,
            },
        };
        Ok(Self {
            layout,
            missing: layout.height,
            encoder,
        })
    }

    fn png(layout: PictureLayout, density: Option<Density>, out: W) -> io::Result<Encoder<W>> {
        let colour = match layout.channels {
            1 => png::ColorType::Grayscale,
            2 => png::ColorType::GrayscaleAlpha,
            3 => png::ColorType::Rgb,
            _ => png::ColorType::Rgba,
        };
        let out = Shared::new(out);
        let mut encoder = png::Encoder::new(out.clone(), layout.width, layout.height);
        encoder.set_color(colour);
        encoder.set_pixel_dims(density.map(Density::png));
        encoder.set_depth(if layout.depth == Depth::Sixteen {
            png::BitDepth::Sixteen
        } else {
            png::BitDepth::Eight
        });
        // Fast. The crate's own "fast" makes files of noise larger than their samples; this does
        // not.
        encoder.set_deflate_compression(png::DeflateCompression::Level(1));
        encoder.set_filter(png::Filter::Adaptive);
        let encoder = encoder
            .write_header()
            .and_then(png::Writer::into_stream_writer)
            .map_err(|error| out.explain(error))?;
        Ok(Encoder::Png {
            encoder: Box::new(encoder),
            out,
        })
    }

    /// Writes the next rows of the picture, a picture of its width, channels and depth.
    ///
    /// # Errors
    /// Those of what is written to, and rows of another picture.
    pub fn push(&mut self, rows: &Picture) -> io::Result<()> {
        let alike = rows.layout()
            == PictureLayout {
                height: rows.height(),
                ..self.layout
            };
        let Some(missing) = self.missing.checked_sub(rows.height()).filter(|_| alike) else {
            return Err(io::Error::other(format!(
                "{:?} are no rows of {:?}",
                rows.layout(),
                self.layout
            )));
        };
        self.missing = missing;
        match &mut self.encoder {
            Encoder::Png { encoder, out } => {
                let written = write_high_bytes_first(encoder, rows);
                written.map_err(|error| out.explain(error))
            }
            Encoder::Pnm(out) => write_high_bytes_first(out, rows),
            Encoder::Tiff(out, None) => out.write_all(rows.bytes()),
            Encoder::Tiff(out, Some(floats)) => out.write_all(&floats.bytes(rows)),
            Encoder::Jpeg { rows: held, .. } => {
                held.extend_from_slice(rows.bytes());
                Ok(())
            }
        }
    }

    /// Ends the file after its last row and gives back what was written to.
    ///
    /// # Errors
    /// Those of what is written to, and rows that are missing.
    pub fn finish(self) -> io::Result<W> {
        if self.missing > 0 {
            return Err(io::Error::other(format!(
                "the last {} rows are missing",
                self.missing
            )));
        }
        match self.encoder {
            Encoder::Png { encoder, out } => {
                encoder.finish().map_err(|error| out.explain(error))?;
                out.take()
            }
            Encoder::Pnm(mut out) | Encoder::Tiff(mut out, _) => out.flush().map(|()| out),
            Encoder::Jpeg {
                rows,
                quality,
                density,
                out,
            } => {
                let PictureLayout { width, height, .. } = self.layout;
                let colour = match self.layout.channels {
                    1 => ExtendedColorType::L8,
                    _ => ExtendedColorType::Rgb8,
                };
                let mut shared = Shared::new(out);
                let mut encoder = JpegEncoder::new_with_quality(&mut shared, quality.get());
                if let Some(density) = density {
                    encoder.set_pixel_density(density.jpeg());
                }
                encoder
                    .encode(&rows, width, height, colour)
                    .map_err(|error| shared.explain(io::Error::other(error)))?;
                shared.take()
            }
        }
    }
}

/// Writes rows as PNG and PNM have them.
fn write_high_bytes_first(out: &mut impl Write, rows: &Picture) -> io::Result<()> {
    match rows.depth() {
        Depth::Eight => out.write_all(rows.bytes()),
        Depth::Sixteen => {
            let bytes = rows.samples().flat_map(u16::to_be_bytes);
            out.write_all(&bytes.collect::<Vec<u8>>())
        }
    }
}

/// Refuses a picture that the format cannot hold.
fn check_layout(format: Format, layout: PictureLayout) -> io::Result<()> {
    let PictureLayout {
        width,
        height,
        channels,
        depth,
    } = layout;
    let refuse = |what: String| Err(io::Error::other(format!("{format:?} files do not {what}")));
    if !format.holds(channels) {
        return refuse(format!("have {channels} channels"));
    }
    if depth == Depth::Sixteen && !format.holds_16_bits() {
        return refuse("have 16 bits for each channel".to_owned());
    }
    if format == Format::Jpg && width.max(height) > MAX_JPEG_SIDE {
        return refuse(format!("hold {width}x{height} pixels"));
    }
    Ok(())
}

/// What the PNG encoder writes to. The encoder keeps it to the end, and does not report errors of
/// its last bytes. So the first error is kept here.
struct Shared<W>(Rc<RefCell<(W, Option<io::Error>)>>);

impl<W> Clone for Shared<W> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<W: Write> Shared<W> {
    fn new(out: W) -> Self {
        Self(Rc::new(RefCell::new((out, None))))
    }

    /// Gives back what was written to. The encoder must be dropped before.
    fn take(self) -> io::Result<W> {
        let (mut out, error) = Rc::into_inner(self.0)
            .ok_or_else(|| io::Error::other("the encoder still writes"))?
            .into_inner();
        error.map_or(Ok(()), Err)?;
        out.flush()?;
        Ok(out)
    }

    /// The system's own error, if there was one here; else the encoder's. The encoder's error does
    /// not say that a disk is full.
    fn explain(&self, error: impl Into<io::Error>) -> io::Error {
        self.0.borrow_mut().1.take().unwrap_or_else(|| error.into())
    }

    fn remembering<T>(&mut self, action: impl FnOnce(&mut W) -> io::Result<T>) -> io::Result<T> {
        let (out, failed) = &mut *self.0.borrow_mut();
        action(out).inspect_err(|error| {
            // An interrupted call is tried again.
            if error.kind() != io::ErrorKind::Interrupted {
                *failed = Some(error.kind().into());
            }
        })
    }
}

impl<W: Write> Write for Shared<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.remembering(|out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.remembering(Write::flush)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
