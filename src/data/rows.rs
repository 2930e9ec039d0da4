//! The rows of one image file in order, some at a time. PNG and TIFF are decoded row by row as they
//! are read, other files as a whole.

use std::io::{BufRead, BufReader, Seek};
use std::path::{Path, PathBuf};

use image::ImageFormat;
use image::metadata::Orientation;

use super::depth::{Depth, PictureLayout};
use super::error::DataError;
use super::head::format_of;
use super::limits::{BESIDE_PIXELS, SizeLimit};
use super::orientation::orientation_of;
use super::picture::Picture;
use super::read::check_regular;
use super::read_options::ReadOptions;
use super::read_tally::{ReadTally, nearly_black};
use super::tiff_rows::TiffRows;
use super::values::ValueMapping;
use super::values::stored::{Origin, mapped};
use crate::files::File;

/// An image file that is read from its first row on.
pub struct RowReader {
    path: PathBuf,
    layout: PictureLayout,
    options: ReadOptions,
    /// Rows that were read.
    next: u32,
    /// The largest sample of the rows that were read, if they are all nearly black and this is
    /// told.
    darkest: Option<u16>,
    /// Colours above their opacity are told. A whole picture was looked at when it was decoded.
    tells_brighter: bool,
    /// What is to be told of what was read so far.
    tally: ReadTally,
    source: RowSource,
}

type PngReader = png::Reader<BufReader<File>>;

enum RowSource {
    /// A PNG whose rows lie in the file in their order, in samples of this depth.
    Png(Box<PngReader>, Depth, Option<ValueMapping>),
    /// A TIFF, by rows of its strips or tiles.
    Tiff(Box<TiffRows>),
    /// The whole picture, for all other files: other formats, pictures that are turned, interlaced
    /// PNGs, and TIFFs whose samples lie in planes or are converted without a value range.
    Whole(Picture),
}

impl RowReader {
    /// Opens an image file of any supported format; the content decides, not the name. PNG and TIFF
    /// may have any height.
    ///
    /// # Errors
    /// Those of [`ReadOptions::read`].
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self, DataError> {
        let mut tally = ReadTally::default();
        let (layout, source) = open_source(path, options, &mut tally)?;
        // A whole picture was looked at when it was decoded.
        let is_whole = matches!(source, RowSource::Whole(_));
        Ok(Self {
            darkest: (options.tells_dark() && !is_whole).then_some(0),
            tells_brighter: !options.are_channels && !is_whole,
            path: path.to_owned(),
            layout,
            options: *options,
            next: 0,
            tally,
            source,
        })
    }

    /// The file.
    pub fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Size, channels and depth of the picture in it. A background takes opacity out of what is
    /// read.
    pub fn layout(&self) -> PictureLayout {
        self.layout
    }

    /// Whether the whole picture was decoded at once.
    #[cfg(test)]
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.source, RowSource::Whole(_))
    }

    /// What is to be told of what was read so far.
    pub fn tally(&self) -> &ReadTally {
        &self.tally
    }

    /// The next `rows` rows, or fewer at the end. Channels and depth are those of
    /// [`ReadOptions::read`].
    ///
    /// # Errors
    /// Those of [`ReadOptions::read`] where the rest of the file is damaged.
    pub fn read(&mut self, rows: u32) -> Result<Picture, DataError> {
        let rows = rows.min(self.layout.height - self.next);
        let top = self.next;
        self.next += rows;
        let picture = self.decode(top, rows)?;
        if self.tells_brighter {
            self.tally.count_brighter(&self.path, &picture);
        }
        let picture = self.options.lay(&self.path, picture, &mut self.tally);
        self.darkest = self
            .darkest
            .and_then(|darkest| Some(nearly_black(&picture)?.max(darkest)));
        if self.next == self.layout.height
            && let Some(darkest) = self.darkest.take()
        {
            self.tally.count_dark(&self.path, darkest, picture.depth());
        }
        Ok(picture)
    }

    fn decode(&mut self, top: u32, rows: u32) -> Result<Picture, DataError> {
        let PictureLayout { width, height, .. } = self.layout;
        match &mut self.source {
            RowSource::Whole(picture) => Ok(picture.crop(0, top, width, rows)),
            RowSource::Tiff(reader) => reader.read(rows, &mut self.tally),
            RowSource::Png(reader, depth, values) => {
                let layout = PictureLayout {
                    height: rows,
                    depth: *depth,
                    ..self.layout
                };
                let picture = read_png(reader, layout, self.next == height)
                    .map_err(|error| png_error(&self.path, error, self.options.limit()))?;
                let Some(values) = values else {
                    return Ok(picture);
                };
                let origin = Origin {
                    path: &self.path,
                    marked: None,
                };
                mapped(&picture, origin, [0, top], values, &mut self.tally)
            }
        }
    }
}

/// Whether the picture of a file is turned when these options read it.
pub fn is_turned(path: &Path, options: &ReadOptions) -> bool {
    let said = || {
        let mut file = BufReader::new(File::open(path).ok()?);
        let format = format_of(file.fill_buf().ok()?)?;
        Some(orientation_of(format, &mut file))
    };
    !options.ignore_orientation && said().is_some_and(|said| said != Orientation::NoTransforms)
}

/// Whether a file is a PNG whose rows lie in it in their order. If it is too large to be read by
/// them all the same, each of them is too long.
pub fn is_png_of_rows(path: &Path) -> bool {
    let read = |file| png::Decoder::new(BufReader::new(file)).read_info().ok();
    let reader = File::open(path).ok().and_then(read);
    reader.is_some_and(|reader| !reader.info().interlaced)
}

fn open_source(
    path: &Path,
    options: &ReadOptions,
    tally: &mut ReadTally,
) -> Result<(PictureLayout, RowSource), DataError> {
    check_regular(path)?;
    let read_error = |source| DataError::ReadFile {
        path: path.to_owned(),
        source,
    };
    let mut file = BufReader::new(File::open(path).map_err(read_error)?);
    let start = file.fill_buf().map_err(read_error)?;
    let format = format_of(start);
    let orientation = match format {
        Some(format) if !options.ignore_orientation => orientation_of(format, &mut file),
        _ => Orientation::NoTransforms,
    };
    file.rewind().map_err(read_error)?;
    let opened = match format {
        _ if orientation != Orientation::NoTransforms => None,
        Some(ImageFormat::Png) => open_png(file, path, options)
            .map_err(|error| png_error(path, error, options.limit()))?,
        Some(ImageFormat::Tiff) => TiffRows::open(file, path, options)
            .map(|reader| (reader.layout(), RowSource::Tiff(Box::new(reader)))),
        _ => None,
    };
    let Some(opened) = opened else {
        let whole = options.read(path, tally)?;
        return Ok((whole.layout(), RowSource::Whole(whole)));
    };
    if let Some(format) = format {
        tally.count_unused(path, format, options.values.is_some(), || {
            File::open(path).ok().map(BufReader::new)
        });
    }
    Ok(opened)
}

/// Opens a PNG whose rows lie in the file in their order; no other.
fn open_png(
    file: BufReader<File>,
    path: &Path,
    options: &ReadOptions,
) -> Result<Option<(PictureLayout, RowSource)>, png::DecodingError> {
    let (values, limit) = (options.values, options.limit());
    let bytes = BESIDE_PIXELS as usize;
    let mut decoder = png::Decoder::new_with_limits(file, png::Limits { bytes });
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_ignore_text_chunk(true);
    // Palettes become colours, and fewer bits than 8 become 8, as the image crate has it.
    decoder.set_transformations(png::Transformations::EXPAND);
    let reader = decoder.read_info()?;
    let (info, (colour, bits)) = (reader.info(), reader.output_color_type());
    let depth = if bits == png::BitDepth::Sixteen {
        Depth::Sixteen
    } else {
        Depth::Eight
    };
    let layout = PictureLayout {
        width: info.width,
        height: info.height,
        channels: colour.samples(),
        depth: values.map_or(depth, |_| Depth::Sixteen),
    };
    let row = layout.row_bytes() as u64;
    let decoded = row.saturating_mul(layout.height.into());
    let is_by_rows = !info.interlaced
        && row <= limit.bytes()
        && limit.fits_by_rows(path, (layout.width, layout.height), decoded);
    Ok(is_by_rows.then(|| (layout, RowSource::Png(Box::new(reader), depth, values))))
}

/// The next rows of a PNG, which may be its last.
fn read_png(
    reader: &mut PngReader,
    layout: PictureLayout,
    last: bool,
) -> Result<Picture, png::DecodingError> {
    let PictureLayout {
        width,
        height,
        channels,
        depth,
    } = layout;
    let mut bytes = vec![0; height as usize * layout.row_bytes()];
    bytes
        .chunks_exact_mut(layout.row_bytes().max(1))
        .try_for_each(|row| reader.read_row(row).map(drop))?;
    if last {
        // Also reads the bytes behind the last row. If the file was cut, they are missing.
        reader.read_row(&mut [])?;
    }
    if depth == Depth::Sixteen {
        // PNG has the high byte first.
        bytes.chunks_exact_mut(2).for_each(|word| {
            word.copy_from_slice(&u16::from_be_bytes([word[0], word[1]]).to_ne_bytes())
        });
    }
    // As many bytes as there are samples, so the default is never taken.
    Ok(Picture::from_bytes(width, height, channels, depth, bytes).unwrap_or_default())
}

fn png_error(path: &Path, error: png::DecodingError, limit: SizeLimit) -> DataError {
    match error {
        png::DecodingError::LimitsExceeded => limit.too_large(path, error.to_string(), None),
        error => DataError::Damaged {
            path: path.to_owned(),
            reason: error.to_string(),
        },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::read_picture;
    use image::{DynamicImage, ImageBuffer, Luma, LumaA, Rgb, Rgba};
    use std::fs;

    fn word(x: u32, y: u32) -> u16 {
        crate::data::random::philox4x32_10([5, 6], [x, y, 0, 0])[0] as u16
    }

    /// Reads a file by 5 rows at a time.
    fn in_bands(path: &Path) -> Result<Picture, DataError> {
        let mut reader = RowReader::open(path, &ReadOptions::default())?;
        let mut whole = Picture::default();
        for _ in 0..reader.layout().height.div_ceil(5) {
            whole.append(reader.read(5)?);
        }
        assert_eq!(reader.read(5)?.height(), 0);
        Ok(whole)
    }

    #[test]
    fn rows_are_those_of_the_whole_picture() {
        let folder = tempfile::tempdir().unwrap();
        let images: [DynamicImage; 7] = [
            ImageBuffer::from_fn(31, 23, |x, y| Luma([word(x, y) as u8])).into(),
            ImageBuffer::from_fn(31, 23, |x, y| LumaA([word(x, y) as u8, x as u8])).into(),
            ImageBuffer::from_fn(31, 23, |x, y| Rgb([word(x, y) as u8, x as u8, y as u8])).into(),
            ImageBuffer::from_fn(31, 23, |x, y| Rgba([word(x, y) as u8, x as u8, y as u8, 9]))
                .into(),
            ImageBuffer::from_fn(31, 23, |x, y| Luma([word(x, y)])).into(),
            ImageBuffer::from_fn(31, 23, |x, y| Rgb([word(x, y), x as u16, 258])).into(),
            ImageBuffer::from_fn(1, 1, |x, y| Rgba([word(x, y), 7, 258, 65_535])).into(),
        ];
        for (number, image) in images.iter().enumerate() {
            for ending in ["png", "tiff"] {
                let path = folder.path().join(format!("{number}.{ending}"));
                if image.save(&path).is_err() {
                    assert_eq!(
                        (ending, image.color()),
                        ("tiff", image::ColorType::La8),
                        "no such TIFF is written"
                    );
                    continue;
                }
                assert_eq!(
                    in_bands(&path).unwrap(),
                    read_picture(&path).unwrap(),
                    "{number}.{ending}"
                );
            }
        }
    }

    /// Palettes, with a transparent colour and without, few bits, and a grey that is transparent:
    /// as the image crate reads them.
    #[test]
    fn what_a_png_leaves_out_is_filled_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("few.png");
        for (bits, colour, transparent) in [
            (png::BitDepth::One, png::ColorType::Grayscale, None),
            (
                png::BitDepth::Four,
                png::ColorType::Grayscale,
                Some(vec![0, 5]),
            ),
            (png::BitDepth::Two, png::ColorType::Indexed, None),
            (
                png::BitDepth::Eight,
                png::ColorType::Indexed,
                Some(vec![255, 128, 0]),
            ),
        ] {
            let mut encoder = png::Encoder::new(fs::File::create(&path).unwrap(), 8, 12);
            encoder.set_depth(bits);
            encoder.set_color(colour);
            if colour == png::ColorType::Indexed {
                encoder.set_palette(vec![0, 0, 0, 200, 0, 10, 9, 9, 250, 1, 2, 3]);
            }
            transparent
                .into_iter()
                .for_each(|alpha| encoder.set_trns(alpha));
            let bytes: Vec<u8> = (0..12 * bits as u32)
                .map(|at| {
                    if bits == png::BitDepth::Eight {
                        at as u8 % 4
                    } else {
                        word(at, 0) as u8
                    }
                })
                .collect();
            encoder
                .write_header()
                .unwrap()
                .write_image_data(&bytes)
                .unwrap();
            assert_eq!(
                in_bands(&path).unwrap(),
                read_picture(&path).unwrap(),
                "{bits:?} {colour:?}"
            );
        }
    }

    #[test]
    fn what_is_damaged_or_no_image_is_told_as_in_one_piece() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        ImageBuffer::from_fn(40, 50, |x, y| Luma([word(x, y) as u8]))
            .save(&path)
            .unwrap();
        let bytes = fs::read(&path).unwrap();
        // The last 12 bytes only say that it ends.
        for length in [9, 30, 300, bytes.len() / 2, bytes.len() - 17] {
            fs::write(&path, &bytes[..length]).unwrap();
            let error = in_bands(&path).unwrap_err();
            assert!(
                matches!(error, DataError::Damaged { .. }) && read_picture(&path).is_err(),
                "{length}: {error}"
            );
        }
        fs::write(&path, b"").unwrap();
        assert!(matches!(
            in_bands(&path).unwrap_err(),
            DataError::EmptyFile { .. }
        ));
        fs::write(&path, b"no image at all").unwrap();
        assert!(matches!(
            in_bands(&path).unwrap_err(),
            DataError::NotAnImage { .. }
        ));
        assert!(matches!(
            in_bands(folder.path()).unwrap_err(),
            DataError::ReadFile { .. }
        ));
    }
}
