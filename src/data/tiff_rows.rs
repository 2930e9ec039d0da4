//! The rows of a TIFF file in order, some at a time.

use std::fs::File;
use std::io::{BufReader, Seek};

use ::tiff::decoder::{Decoder, Limits};
use ::tiff::tags::SampleFormat;
use ::tiff::{ColorType, TiffResult};

use super::picture::{Depth, Picture, PictureLayout};
use super::read::MAX_BYTES;
use super::tiff_reader::{chunk_row_bytes, has_pages, mixes_samples};

/// The first picture of a TIFF, decoded by rows of its strips or tiles.
pub(super) struct TiffRows {
    decoder: Decoder<BufReader<File>>,
    layout: PictureLayout,
    /// Rows of strips or tiles that were decoded.
    decoded: u32,
    /// Decoded rows of pixels that nobody has asked for.
    band: Picture,
}

impl TiffRows {
    /// Opens a picture whose decoded samples are the picture's own and lie side by side, if a row
    /// of its strips or tiles is no larger than a whole picture may be. `None` for every other
    /// file, and for one that is damaged: reading it whole says what is wrong.
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
        if mixes_samples(&mut decoder, kind) || chunk_row_bytes(&mut decoder, kind) > MAX_BYTES {
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

    /// The next rows; there must be as many.
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::tiff::header;
    use crate::data::{DataError, RowReader, read_picture};
    use ::tiff::encoder::{Compression, Predictor, TiffEncoder, colortype};
    use ::tiff::tags::{PhotometricInterpretation, PlanarConfiguration, Tag};
    use std::fs;
    use std::path::Path;

    const SIDES: [u32; 2] = [31, 23];

    fn samples(channels: u32) -> Vec<u16> {
        (0..SIDES[0] * SIDES[1] * channels)
            .map(|at| crate::data::random::philox4x32_10([3, 4], [at, 0, 0, 0])[0] as u16)
            .collect()
    }

    /// RGB of 16 bits in tiles of 16 × 8 pixels.
    fn write_tiles(path: &Path) {
        let [width, height] = SIDES;
        let samples = samples(3);
        let mut file = TiffEncoder::new(File::create(path).unwrap()).unwrap();
        let mut entries = file.image_directory().unwrap();
        let mut places: Vec<u32> = Vec::new();
        for (top, left) in (0..height)
            .step_by(8)
            .flat_map(|top| (0..width).step_by(16).map(move |left| (top, left)))
        {
            let pixels = (top..top + 8).flat_map(|y| (left..left + 16).map(move |x| (x, y)));
            let sample = |(x, y, c)| {
                if x < width && y < height {
                    samples[((y * width + x) * 3 + c) as usize]
                } else {
                    7
                }
            };
            let tile: Vec<u16> = pixels
                .flat_map(|(x, y)| [0, 1, 2].map(|c| sample((x, y, c))))
                .collect();
            places.push(entries.write_data(&tile[..]).unwrap() as u32);
        }
        for (tag, value) in [
            (Tag::ImageWidth, width),
            (Tag::ImageLength, height),
            (Tag::TileWidth, 16),
            (Tag::TileLength, 8),
        ] {
            entries.write_tag(tag, value).unwrap();
        }
        entries
            .write_tag(Tag::BitsPerSample, &[16u16; 3][..])
            .unwrap();
        entries.write_tag(Tag::SamplesPerPixel, 3u16).unwrap();
        entries
            .write_tag(
                Tag::PhotometricInterpretation,
                PhotometricInterpretation::RGB,
            )
            .unwrap();
        entries.write_tag(Tag::TileOffsets, &places[..]).unwrap();
        entries
            .write_tag(Tag::TileByteCounts, &vec![16 * 8 * 6u32; places.len()][..])
            .unwrap();
        entries.finish().unwrap();
    }

    /// Strips of 4 rows, compressed: grey or RGB, 16 bits or 8.
    fn write_strips(path: &Path, kind: usize) {
        let file = TiffEncoder::new(File::create(path).unwrap()).unwrap();
        let mut file = file
            .with_compression(Compression::Lzw)
            .with_predictor(Predictor::Horizontal);
        let bytes = |channels| {
            samples(channels)
                .iter()
                .map(|&word| word as u8)
                .collect::<Vec<u8>>()
        };
        macro_rules! write {
            ($colour:ident, $samples:expr) => {{
                let mut image = file
                    .new_image::<colortype::$colour>(SIDES[0], SIDES[1])
                    .unwrap();
                image.rows_per_strip(4).unwrap();
                image.write_data(&$samples).unwrap();
            }};
        }
        match kind {
            0 => write!(Gray8, bytes(1)),
            1 => write!(Gray16, samples(1)),
            2 => write!(RGB8, bytes(3)),
            _ => write!(RGBA16, samples(4)),
        }
    }

    /// Three planes of one strip.
    fn write_planes(path: &Path) {
        let [width, height] = SIDES;
        let mut file = TiffEncoder::new(File::create(path).unwrap()).unwrap();
        let mut entries = file.image_directory().unwrap();
        let planes = [1u8, 2, 3].map(|value| {
            entries
                .write_data(&vec![value; (width * height) as usize][..])
                .unwrap() as u32
        });
        entries.write_tag(Tag::ImageWidth, width).unwrap();
        entries.write_tag(Tag::ImageLength, height).unwrap();
        entries
            .write_tag(Tag::BitsPerSample, &[8u16; 3][..])
            .unwrap();
        entries.write_tag(Tag::SamplesPerPixel, 3u16).unwrap();
        entries
            .write_tag(
                Tag::PhotometricInterpretation,
                PhotometricInterpretation::RGB,
            )
            .unwrap();
        entries
            .write_tag(Tag::PlanarConfiguration, PlanarConfiguration::Planar)
            .unwrap();
        entries.write_tag(Tag::StripOffsets, &planes[..]).unwrap();
        entries
            .write_tag(Tag::StripByteCounts, &[width * height; 3][..])
            .unwrap();
        entries.finish().unwrap();
    }

    fn in_bands(path: &Path) -> Result<Picture, DataError> {
        let mut reader = RowReader::open(path)?;
        let mut whole = Picture::default();
        while whole.height() < reader.layout().height {
            whole.append(reader.read(5)?);
        }
        Ok(whole)
    }

    /// Whether a file is read in bands, and whole as in bands.
    fn is_banded(path: &Path) -> bool {
        assert_eq!(
            in_bands(path).unwrap(),
            read_picture(path).unwrap(),
            "{}",
            path.display()
        );
        TiffRows::open(BufReader::new(File::open(path).unwrap())).is_some()
    }

    #[test]
    fn rows_of_strips_and_tiles_are_those_of_the_whole_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.tiff");
        for kind in 0..4 {
            write_strips(&path, kind);
            assert!(is_banded(&path), "{kind}");
        }
        write_tiles(&path);
        assert!(is_banded(&path), "tiles");
        let mut reader = TiffRows::open(BufReader::new(File::open(&path).unwrap())).unwrap();
        reader.read(1).unwrap();
        assert_eq!(
            reader.band.height(),
            7,
            "no more than the first row of tiles is decoded"
        );
        write_planes(&path);
        assert!(!is_banded(&path), "planes lie apart");
        image::RgbImage::new(3, 2)
            .save_with_format(&path, image::ImageFormat::Png)
            .unwrap();
        assert_eq!(
            in_bands(&path).unwrap().dimensions(),
            (3, 2),
            "the content decides"
        );
    }

    #[test]
    fn what_is_cut_or_no_tiff_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.tiff");
        let layout = PictureLayout {
            width: 300,
            height: 400,
            channels: 3,
            depth: Depth::Sixteen,
        };
        let mut bytes = header(layout).unwrap();
        let rows = bytes.len();
        bytes.resize(rows + 400 * layout.row_bytes(), 9);
        for (length, what) in [
            (rows + 300 * layout.row_bytes(), "rows"),
            (rows - 5, "where they lie"),
            (5, "nearly all"),
        ] {
            fs::write(&path, &bytes[..length]).unwrap();
            let error = in_bands(&path).unwrap_err();
            assert!(
                matches!(error, DataError::Damaged { .. }) && read_picture(&path).is_err(),
                "without {what}: {error}"
            );
        }
        fs::write(&path, &bytes).unwrap();
        assert_eq!(in_bands(&path).unwrap().layout(), layout);
    }
}
