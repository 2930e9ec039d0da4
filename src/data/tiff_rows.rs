//! The rows of a TIFF file in order, some at a time.

use std::fs::File;
use std::io::{BufReader, Seek};

use ::tiff::decoder::{Decoder, Limits};
use ::tiff::tags::SampleFormat;
use ::tiff::{ColorType, TiffResult};

use super::depth::{Depth, PictureLayout};
use super::limits::MAX_BYTES;
use super::picture::Picture;
use super::tiff_reader::{chunk_row_bytes, has_more_channels, has_pages};

/// The first picture of a TIFF, decoded one row of strips or tiles at a time.
pub(super) struct TiffRows {
    decoder: Decoder<BufReader<File>>,
    layout: PictureLayout,
    /// Rows of strips or tiles that were decoded.
    decoded: u32,
    /// Rows of pixels that are decoded and not yet read.
    pub(super) band: Picture,
}

impl TiffRows {
    /// Opens a picture whose samples are stored as they are used, side by side, if a row of its
    /// strips or tiles is no larger than a whole picture may be. `None` for every other file, and
    /// for a damaged one: the error comes when it is read as a whole.
    pub fn open(file: BufReader<File>) -> Option<Self> {
        Self::begin(file).ok().flatten()
    }

    fn begin(mut file: BufReader<File>) -> TiffResult<Option<Self>> {
        if has_pages(Decoder::new(&mut file)?) {
            return Ok(None);
        }
        file.rewind()?;
        let mut limits = Limits::default();
        limits.intermediate_buffer_size = MAX_BYTES as usize;
        let mut decoder = Decoder::new(file)?.with_limits(limits);
        let (width, height) = decoder.dimensions()?;
        let kind = decoder.colortype()?;
        if has_more_channels(&mut decoder, kind) || chunk_row_bytes(&mut decoder, kind) > MAX_BYTES
        {
            return Ok(None);
        }
        let (channels, bits) = match kind {
            ColorType::Gray(bits) => (1, bits),
            ColorType::RGB(bits) => (3, bits),
            ColorType::RGBA(bits) => (4, bits),
            ColorType::Multiband {
                bit_depth,
                num_samples,
            } => (num_samples.into(), bit_depth),
            _ => return Ok(None),
        };
        let samples = decoder.image_buffer_layout()?;
        let depth = match (bits, samples.sample_format, samples.planes) {
            (8, SampleFormat::Uint, 1) => Depth::Eight,
            (16, SampleFormat::Uint, 1) => Depth::Sixteen,
            _ => return Ok(None),
        };
        let layout = PictureLayout {
            width,
            height,
            channels,
            depth,
        };
        let rows = u64::from(decoder.chunk_dimensions().1.min(height));
        let fits = rows.saturating_mul(layout.row_bytes() as u64) <= MAX_BYTES;
        Ok(fits.then_some(Self {
            decoder,
            layout,
            decoded: 0,
            band: Picture::default(),
        }))
    }

    /// What the picture is.
    pub fn layout(&self) -> PictureLayout {
        self.layout
    }

    /// The next `rows` rows. So many must be left.
    pub fn read(&mut self, rows: u32) -> TiffResult<Picture> {
        while self.band.height() < rows {
            let below = self.decode()?;
            self.band.append(below);
        }
        Ok(self.band.take_rows(rows))
    }

    /// The next row of strips or tiles.
    fn decode(&mut self) -> TiffResult<Picture> {
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
            let (width, height) = self.decoder.chunk_data_dimensions(index);
            let mut bytes = vec![0; width as usize * height as usize * channels * depth.bytes()];
            self.decoder.read_chunk_bytes(index, &mut bytes)?;
            // As many bytes as there are samples, so the default is never taken.
            let chunk =
                Picture::from_bytes(width, height, channels, depth, bytes).unwrap_or_default();
            band.paste(&chunk, column * chunk_width, 0);
        }
        self.decoded += 1;
        Ok(band)
    }
}
