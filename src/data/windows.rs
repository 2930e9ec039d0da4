//! Windows onto an input of any size. Its rows are decoded once, in their order, and kept in a
//! file. Or it is in memory already. Beyond its last row and column the input is reflected
//! (PyTorch's `reflect`: the edge is not repeated), several times if a window needs it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::depth::{Depth, PictureLayout};
use super::error::DataError;
use super::halves::Half;
use super::pair_source::check_alike;
use super::picture::Picture;
use super::pixels::Pixels;
use super::read_options::ReadOptions;
use super::read_tally::ReadTally;
use super::rows::RowReader;
use super::spill_file::SpillFile;

/// Bytes of decoded rows that are held at once, if that is a row or more.
const HELD_BYTES: usize = 1 << 20;

/// The images of an input in the channels of a model. Any window of them can be read. Memory holds
/// the window, and a few rows while they are decoded.
pub struct Windows<'a> {
    pixels: &'a Pixels,
    readers: Vec<RowReader>,
    /// The part of each file that is meant.
    half: Half,
    /// The whole input.
    layout: PictureLayout,
    kept: Kept<'a>,
    /// Rows that were decoded and are kept.
    rows: u32,
    without_opacity: BTreeSet<PathBuf>,
}

/// Where decoded rows are.
enum Kept<'a> {
    File(SpillFile),
    /// All of them, in memory.
    Picture(&'a Picture),
}

impl<'a> Windows<'a> {
    /// Windows onto what [`Pixels::gather`] made, which is in memory.
    pub fn of_picture(picture: &'a Picture, pixels: &'a Pixels) -> Self {
        Self {
            pixels,
            readers: Vec::new(),
            half: Half::None,
            layout: picture.layout(),
            rows: picture.height(),
            kept: Kept::Picture(picture),
            without_opacity: BTreeSet::new(),
        }
    }

    /// Opens the files of an input, of each of which a part is meant, and decodes its first row;
    /// decoded rows are kept in a nameless file in `folder`.
    ///
    /// # Errors
    /// Those of reading, sizes that differ, and those of [`Half::of`], of [`Pixels::gather`] and of
    /// [`SpillFile`].
    pub fn open(
        (files, half): (&[PathBuf], Half),
        reading: &ReadOptions,
        pixels: &'a Pixels,
        folder: &Path,
    ) -> Result<Self, DataError> {
        let readers = files
            .iter()
            .map(|path| RowReader::open(path, reading))
            .collect::<Result<Vec<_>, _>>()?;
        let size = |reader: &RowReader| (reader.layout().width, reader.layout().height);
        check_alike(readers.iter().map(|reader| (reader.path(), size(reader))))?;
        let (width, height) = readers.first().map_or((0, 0), size);
        let layout = PictureLayout {
            width,
            height,
            ..Picture::default().layout()
        };
        let mut windows = Self {
            pixels,
            readers,
            half,
            layout,
            kept: Kept::File(SpillFile::create(folder, 0)?),
            rows: 0,
            without_opacity: BTreeSet::new(),
        };
        let first = windows.decode(1)?;
        windows.layout = PictureLayout {
            height,
            ..first.layout()
        };
        windows.keep(&first)?;
        Ok(windows)
    }

    /// The files whose opacity is lost in the channels that were asked for, as far as rows were
    /// decoded.
    pub fn without_opacity(&self) -> &BTreeSet<PathBuf> {
        &self.without_opacity
    }

    /// Width and height in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        (self.layout.width, self.layout.height)
    }

    /// What is to be told of what was read so far.
    pub fn tally(&self) -> ReadTally {
        let mut all = ReadTally::default();
        let each = self.readers.iter().map(RowReader::tally);
        each.for_each(|tally| all.add(tally.clone()));
        all
    }

    /// Bits of a sample.
    pub fn depth(&self) -> Depth {
        self.layout.depth
    }

    /// What the network sees of the window with this top, left, height and width:
    /// `[height, width, channels]`, -1..1.
    ///
    /// # Errors
    /// Those of reading, of [`Pixels::gather`] and of [`SpillFile`].
    pub fn units(&mut self, [top, left, height, width]: [u32; 4]) -> Result<Vec<f32>, DataError> {
        let (image_width, image_height) = self.dimensions();
        let (x, y) = (
            |x: u32| reflect(left.saturating_add(x), image_width),
            |y: u32| reflect(top.saturating_add(y), image_height),
        );
        let (columns, rows) = (span((0..width).map(x)), span((0..height).map(y)));
        while self.rows < rows.end {
            let held =
                (HELD_BYTES / self.layout.row_bytes().max(1)).clamp(1, u16::MAX.into()) as u32;
            let decoded = self.decode(held.min(rows.end - self.rows))?;
            self.keep(&decoded)?;
        }
        let part = self.part(rows.clone(), columns.clone())?;
        Ok(self
            .pixels
            .units(&part.rearrange(width, height, |at_x, at_y| {
                (x(at_x) - columns.start, y(at_y) - rows.start)
            })))
    }

    /// The next rows of all files.
    fn decode(&mut self, rows: u32) -> Result<Picture, DataError> {
        let half = self.half;
        let read = |reader: &mut RowReader| {
            let part = half.of(reader.read(rows)?, reader.path())?;
            Ok((reader.path().clone(), part))
        };
        let images = self
            .readers
            .iter_mut()
            .map(read)
            .collect::<Result<Vec<_>, DataError>>()?;
        let lost = self.pixels.without_opacity(&images);
        self.without_opacity.extend(lost.cloned());
        self.pixels
            .gather(&images)
            .map_err(|error| error.lower(self.rows))
    }

    fn keep(&mut self, decoded: &Picture) -> Result<(), DataError> {
        if let Kept::File(file) = &mut self.kept {
            let position = u64::from(self.rows) * self.layout.row_bytes() as u64;
            file.write(position, decoded.bytes())?;
        }
        self.rows += decoded.height();
        Ok(())
    }

    /// A rectangle of the rows that are kept.
    fn part(&mut self, rows: Range<u32>, columns: Range<u32>) -> Result<Picture, DataError> {
        let PictureLayout {
            channels, depth, ..
        } = self.layout;
        let file = match &mut self.kept {
            Kept::File(file) => file,
            Kept::Picture(picture) => {
                let [width, height] = [columns.len(), rows.len()].map(|side| side as u32);
                return Ok(picture.crop(columns.start, rows.start, width, height));
            }
        };
        let pixel = channels * depth.bytes();
        let mut bytes = vec![0; rows.len() * columns.len() * pixel];
        for (row, bytes) in rows
            .clone()
            .zip(bytes.chunks_exact_mut((columns.len() * pixel).max(1)))
        {
            let position = u64::from(row) * self.layout.row_bytes() as u64
                + u64::from(columns.start) * pixel as u64;
            file.read(position, bytes)?;
        }
        // As many bytes as there are samples, so the default is never taken.
        Ok(Picture::from_bytes(
            columns.end - columns.start,
            rows.end - rows.start,
            channels,
            depth,
            bytes,
        )
        .unwrap_or_default())
    }
}

/// The range from the smallest of these positions to the largest.
fn span(positions: impl Iterator<Item = u32> + Clone) -> Range<u32> {
    positions.clone().min().unwrap_or(0)..positions.max().map_or(0, |last| last + 1)
}

/// Reflects a position beyond the end back into `0..side`, several times if needed.
fn reflect(position: u32, side: u32) -> u32 {
    let last = side.saturating_sub(1);
    if last == 0 {
        return 0;
    }
    let phase = u64::from(position) % (2 * u64::from(last));
    phase.min(2 * u64::from(last) - phase) as u32
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::{PairingError, Palette, read_picture};
    use image::{ImageBuffer, Rgb, RgbImage, Rgba};

    #[test]
    fn reflects_without_repeating_the_edge() {
        let positions: Vec<u32> = (0..10).map(|x| reflect(x, 4)).collect();
        assert_eq!(positions, [0, 1, 2, 3, 2, 1, 0, 1, 2, 3]);
        assert!((0..10).all(|x| reflect(x, 1) == 0));
        assert_eq!(reflect(u32::MAX, u32::MAX), u32::MAX - 2);
    }

    #[test]
    fn a_window_goes_beyond_the_image_by_its_reflection() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        RgbImage::from_fn(5, 3, |x, y| Rgb([x as u8, y as u8, 9]))
            .save(&path)
            .unwrap();
        let mut windows = Windows::open(
            (&[path], Half::None),
            &ReadOptions::default(),
            &Pixels::Rgb,
            folder.path(),
        )
        .unwrap();
        let units = windows.units([1, 3, 4, 6]).unwrap();
        let sample = |at: usize| Depth::Sixteen.to_sample(units[at]) / 257;
        assert_eq!(
            (0..6).map(|x| sample(3 * x)).collect::<Vec<_>>(),
            [3, 4, 3, 2, 1, 0]
        );
        assert_eq!(
            (0..4).map(|y| sample(3 * 6 * y + 1)).collect::<Vec<_>>(),
            [1, 2, 1, 0]
        );
    }

    /// Images of 90x300 pixels: one of 16 bits with opacity, one of 8 bits, and a label map.
    fn deep_flat_and_map(folder: &Path) -> [PathBuf; 3] {
        let files = ["deep.png", "flat.png", "map.png"].map(|name| folder.join(name));
        let [deep, flat, map] = &files;
        ImageBuffer::from_fn(90, 300, |x, y| {
            Rgba([(x * 700) as u16, (y * 210) as u16, (x * y) as u16, 9])
        })
        .save(deep)
        .unwrap();
        RgbImage::from_fn(90, 300, |x, y| Rgb([(x * 2) as u8, y as u8, (x + y) as u8]))
            .save(flat)
            .unwrap();
        RgbImage::from_fn(90, 300, |x, y| {
            Rgb(if x < y { [0, 0, 0] } else { [200, 0, 10] })
        })
        .save(map)
        .unwrap();
        files
    }

    /// Windows of all kinds of pixels, down the image, up again and beyond its end, are those of
    /// the picture in one piece.
    #[test]
    fn windows_are_those_of_the_whole_picture() {
        let folder = tempfile::tempdir().unwrap();
        let [deep, flat, map] = deep_flat_and_map(folder.path());
        let labels = Pixels::Labels(Palette::parse("#000000\n#c8000a").unwrap());
        for (pixels, files) in [
            (Pixels::Rgba, vec![deep.clone()]),
            (Pixels::Gray, vec![flat.clone()]),
            (Pixels::LabL, vec![deep.clone()]),
            (labels, vec![map]),
            (Pixels::Rgb.times(2), vec![flat, deep]),
        ] {
            let images: Vec<_> = files
                .iter()
                .map(|path| (path.clone(), read_picture(path).unwrap()))
                .collect();
            let whole = pixels.gather(&images).unwrap();
            let whole_files = (&files[..], Half::None);
            let mut windows =
                Windows::open(whole_files, &ReadOptions::default(), &pixels, folder.path())
                    .unwrap();
            assert_eq!(
                (windows.dimensions(), windows.depth()),
                (whole.dimensions(), whole.depth()),
                "{pixels}"
            );
            for [top, left, height, width] in [
                [0, 0, 96, 64],
                [0, 26, 96, 70],
                [90, 0, 10, 90],
                [130, 0, 100, 90],
                [224, 20, 96, 76],
                [3, 0, 5, 90],
            ] {
                let window = whole.rearrange(width, height, |x, y| {
                    (reflect(left + x, 90), reflect(top + y, 300))
                });
                let mut in_memory = Windows::of_picture(&whole, &pixels);
                for windows in [&mut windows, &mut in_memory] {
                    assert_eq!(
                        windows.units([top, left, height, width]).unwrap(),
                        pixels.units(&window),
                        "{pixels} at {top}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_half_is_that_of_the_whole_picture() {
        let folder = tempfile::tempdir().unwrap();
        let [even, odd] = ["even.png", "odd.png"].map(|name| folder.path().join(name));
        RgbImage::from_fn(12, 200, |x, y| Rgb([x as u8, y as u8, 9]))
            .save(&even)
            .unwrap();
        RgbImage::new(11, 2).save(&odd).unwrap();
        let open = |path: &PathBuf, half| {
            let files = (std::slice::from_ref(path), half);
            Windows::open(files, &ReadOptions::default(), &Pixels::Rgb, folder.path())
        };
        for half in [Half::A, Half::B] {
            let whole = half.of(read_picture(&even).unwrap(), &even).unwrap();
            let mut by_rows = open(&even, half).unwrap();
            assert_eq!(by_rows.dimensions(), (6, 200));
            let mut in_memory = Windows::of_picture(&whole, &Pixels::Rgb);
            for window in [[150, 3, 60, 6], [0, 0, 20, 4]] {
                assert_eq!(
                    by_rows.units(window).unwrap(),
                    in_memory.units(window).unwrap()
                );
            }
            let error = open(&odd, half).err().unwrap();
            assert!(matches!(error, DataError::OddWidth { .. }), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let [map, wide] = ["map.png", "wide.png"].map(|name| folder.path().join(name));
        RgbImage::from_fn(4, 200, |x, y| {
            Rgb([if (x, y) == (2, 150) { 7 } else { 0 }, 0, 0])
        })
        .save(&map)
        .unwrap();
        let labels = Pixels::Labels(Palette::parse("#000000").unwrap());
        let mut windows = Windows::open(
            (std::slice::from_ref(&map), Half::None),
            &ReadOptions::default(),
            &labels,
            folder.path(),
        )
        .unwrap();
        assert!(windows.units([0, 0, 100, 4]).is_ok());
        let message = windows.units([100, 0, 100, 4]).unwrap_err().to_string();
        assert!(message.contains("the pixel at (2, 150)"), "{message}");

        image::GrayImage::new(1 << 16, 2).save(&wide).unwrap();
        let sizes = Windows::open(
            (&[map, wide], Half::None),
            &ReadOptions::default(),
            &Pixels::Gray.times(2),
            folder.path(),
        )
        .err()
        .unwrap();
        assert!(
            matches!(
                sizes,
                DataError::Pairing(PairingError::Sizes {
                    b_size: (65_536, 2),
                    ..
                })
            ),
            "{sizes}"
        );
    }
}
