//! The rows of a TIFF file in order, some at a time.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use ::tiff::decoder::Decoder;
use ::tiff::tags::SampleFormat;
use ::tiff::{ColorType, TiffResult};

use super::depth::{Depth, PictureLayout};
use super::error::DataError;
use super::foreign::raw_tiff;
use super::limits::SizeLimit;
use super::patched::Patched;
use super::picture::{Extra, Picture};
use super::read_options::ReadOptions;
use super::read_tally::ReadTally;
use super::tiff_head::{TiffHead, has_pages, open_picture};
use super::tiff_layout::TiffLayout;
use super::tiff_reader::{extra_of, has_more_channels, tiff_error};
use super::values::ValueMapping;
use super::values::floats::cropped;
use super::values::stored::{Origin, Wide};
use crate::files::File;

/// The first picture of a TIFF, decoded one row of strips or tiles at a time.
pub(super) struct TiffRows {
    path: PathBuf,
    limit: SizeLimit,
    /// What the numbers mean.
    values: Option<ValueMapping>,
    /// The number that the file calls no data.
    marked: Option<f64>,
    decoder: Decoder<Patched<BufReader<File>>>,
    layout: PictureLayout,
    extra: Extra,
    /// Rows of strips or tiles that were decoded.
    decoded: u32,
    /// Rows of pixels that are decoded and not yet read.
    pub(super) band: Picture,
}

impl TiffRows {
    /// Opens a picture whose samples lie side by side, if a row of its strips or tiles is no larger
    /// than a whole picture may be. Without a value range they must be stored as they are used.
    /// `None` for every other file, and for a damaged one: the error comes when it is read as a
    /// whole.
    pub fn open(file: BufReader<File>, path: &Path, options: &ReadOptions) -> Option<Self> {
        Self::begin(file, path, options).ok().flatten()
    }

    fn begin(
        mut file: BufReader<File>,
        path: &Path,
        options: &ReadOptions,
    ) -> TiffResult<Option<Self>> {
        let (values, limit) = (options.values, options.limit());
        let head = TiffHead::read(&mut file)?;
        if raw_tiff(&head).is_some() || has_pages(&mut file, &head) {
            return Ok(None);
        }
        // The decoder would turn the numbers round, and a range is about those of the file.
        let are_as_stored = values.is_some() && head.is_white_zero();
        let marked = values.and_then(|_| head.marked_nodata(&mut file));
        let mut decoder = open_picture(file, are_as_stored)?
            .1
            .with_limits(limit.of_tiff());
        let kind = decoder.colortype()?;
        let storage = TiffLayout::of(&mut decoder, head.size())?;
        let (width, height) = storage.size;
        let rows = u64::from(decoder.chunk_dimensions().1.min(height));
        if has_more_channels(&mut decoder, kind)
            || !limit.fits_by_rows(path, storage.size, storage.bytes)
            || storage.has_large_parts(&mut decoder)?
        {
            return Ok(None);
        }
        let Some((channels, bits)) = channels_and_bits(kind) else {
            return Ok(None);
        };
        let samples = decoder.image_buffer_layout()?;
        let depth = match (bits, samples.sample_format) {
            _ if samples.planes != 1 => return Ok(None),
            (8 | 16 | 32 | 64, _) if values.is_some() => Depth::Sixteen,
            (8, SampleFormat::Uint) => Depth::Eight,
            (16, SampleFormat::Uint) => Depth::Sixteen,
            _ => return Ok(None),
        };
        let layout = PictureLayout {
            width,
            height,
            channels,
            depth,
        };
        let bytes = storage.part_row_bytes.max(layout.row_bytes() as u64);
        let fits = rows.saturating_mul(bytes) <= limit.bytes();
        let extra = extra_of(&mut decoder);
        Ok(fits.then(|| Self {
            path: path.to_owned(),
            limit,
            values,
            marked,
            decoder,
            layout,
            extra,
            decoded: 0,
            band: Picture::default(),
        }))
    }

    /// What the picture is.
    pub fn layout(&self) -> PictureLayout {
        self.layout
    }

    /// The next `rows` rows. So many must be left. What a value range changes is counted in
    /// `tally`.
    ///
    /// # Errors
    /// Those of reading the whole file.
    pub fn read(&mut self, rows: u32, tally: &mut ReadTally) -> Result<Picture, DataError> {
        while self.band.height() < rows {
            let below = self.decode(tally)?;
            self.band.append(below);
        }
        Ok(self.band.take_rows(rows))
    }

    /// The next row of strips or tiles.
    fn decode(&mut self, tally: &mut ReadTally) -> Result<Picture, DataError> {
        let PictureLayout {
            width,
            height,
            channels,
            depth,
        } = self.layout;
        let (chunk_width, chunk_height) = self.decoder.chunk_dimensions();
        let rows =
            chunk_height.min(height.saturating_sub(self.decoded.saturating_mul(chunk_height)));
        let mut band = Picture::white(width, rows, channels, depth);
        let across = width.div_ceil(chunk_width);
        for column in 0..across {
            let index = self.decoded * across + column;
            let corner = [
                column * chunk_width,
                self.decoded.saturating_mul(chunk_height),
            ];
            let chunk = self.chunk(index, corner, tally)?;
            band.paste(&chunk, column * chunk_width, 0);
        }
        self.decoded += 1;
        Ok(band.with_extra(self.extra))
    }

    /// A strip or tile whose first pixel is at `corner`. It may be larger than what is left of the
    /// picture.
    fn chunk(
        &mut self,
        index: u32,
        corner: [u32; 2],
        tally: &mut ReadTally,
    ) -> Result<Picture, DataError> {
        let PictureLayout {
            channels, depth, ..
        } = self.layout;
        let (width, height) = self.decoder.chunk_data_dimensions(index);
        let explain = |error| tiff_error(&self.path, error, self.limit);
        let Some(values) = &self.values else {
            let mut bytes = vec![0; width as usize * height as usize * channels * depth.bytes()];
            self.decoder
                .read_chunk_bytes(index, &mut bytes)
                .map_err(explain)?;
            // As many bytes as there are samples, so the default is never taken.
            let chunk = Picture::from_bytes(width, height, channels, depth, bytes);
            return Ok(chunk.unwrap_or_default());
        };
        // Numbers outside of the picture are not counted.
        let numbers = self.decoder.read_chunk(index).map_err(explain)?;
        let [right, bottom] = [
            self.layout.width - corner[0],
            self.layout.height - corner[1],
        ];
        let (left, rows) = (width.min(right), height.min(bottom));
        let [row, kept] = [width, left].map(|width| width as usize * channels);
        let numbers = Wide {
            width: left,
            height: rows,
            channels,
            extra: self.extra,
            is_planar: false,
            is_white_zero: false,
            numbers: cropped(numbers, [row, kept], rows as usize),
        };
        let origin = Origin {
            path: &self.path,
            marked: self.marked,
        };
        numbers.mapped(origin, corner, values, tally)
    }
}

/// The channels of a picture that is read by rows, and the bits of their samples.
fn channels_and_bits(kind: ColorType) -> Option<(usize, u8)> {
    match kind {
        ColorType::Gray(bits) => Some((1, bits)),
        ColorType::RGB(bits) => Some((3, bits)),
        ColorType::RGBA(bits) => Some((4, bits)),
        ColorType::Multiband {
            bit_depth,
            num_samples,
        } => Some((num_samples.into(), bit_depth)),
        _ => None,
    }
}
