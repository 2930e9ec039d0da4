//! Windows onto an input of any height, of which only the rows in use are held. Beyond its last row and column it goes on as its
//! reflection (PyTorch's `reflect`: the edge is not repeated), again and again where that is too little.

use std::ops::Range;
use std::path::PathBuf;

use super::error::DataError;
use super::pairs::check_alike;
use super::picture::{Depth, Picture};
use super::pixels::Pixels;
use super::read::MAX_BYTES;
use super::rows::RowReader;

/// Rows that are read at once.
const ROWS: u32 = 64;

/// The images of an input in the channels of a model, as a band of rows that moves down. Windows are best asked for from top to bottom;
/// one above the band begins the files again.
pub struct Bands<'a> {
    pixels: &'a Pixels,
    readers: Vec<RowReader>,
    size: (u32, u32),
    band: Picture,
    /// The row that the band begins with.
    first: u32,
}

impl<'a> Bands<'a> {
    /// Opens the files of an input and reads its first row.
    ///
    /// # Errors
    /// Those of reading, sizes that differ, and those of [`Pixels::gather`].
    pub fn open(files: &[PathBuf], pixels: &'a Pixels) -> Result<Self, DataError> {
        let readers = files.iter().map(|path| RowReader::open(path)).collect::<Result<Vec<_>, _>>()?;
        let size = |reader: &RowReader| (reader.layout().width, reader.layout().height);
        check_alike(readers.iter().map(|reader| (reader.path(), size(reader))))?;
        let size = readers.first().map_or((0, 0), size);
        let mut bands = Self { pixels, readers, size, band: Picture::default(), first: 0 };
        bands.extend(1)?;
        Ok(bands)
    }

    /// Width and height in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        self.size
    }

    /// Bits of a sample.
    pub fn depth(&self) -> Depth {
        self.band.depth()
    }

    /// What the network sees of the window with this top, left, height and width: `[height, width, channels]`, -1..1.
    ///
    /// # Errors
    /// Those of reading and of [`Pixels::gather`], and [`DataError::TooWide`].
    pub fn units(&mut self, [top, left, height, width]: [u32; 4]) -> Result<Vec<f32>, DataError> {
        let (image_width, image_height) = self.size;
        let rows = || (top..top.saturating_add(height)).map(|y| reflect(y, image_height));
        let range = rows().min().unwrap_or(0)..rows().max().map_or(0, |last| last + 1);
        self.check_width(&range)?;
        self.hold(range)?;
        let at = |x: u32, y: u32| (reflect(left.saturating_add(x), image_width), reflect(top.saturating_add(y), image_height) - self.first);
        Ok(self.pixels.units(&self.band.rearrange(width, height, at)))
    }

    fn check_width(&self, rows: &Range<u32>) -> Result<(), DataError> {
        match self.readers.iter().find(|reader| rows.len() as u64 * reader.layout().row_bytes() as u64 > MAX_BYTES) {
            None => Ok(()),
            Some(reader) => Err(DataError::TooWide {
                path: reader.path().clone(),
                width: self.size.0,
                rows: rows.end - rows.start,
                max_mebibytes: MAX_BYTES >> 20,
            }),
        }
    }

    /// Moves the band to these rows; one that has them stays.
    fn hold(&mut self, rows: Range<u32>) -> Result<(), DataError> {
        if rows.start < self.first {
            self.readers.iter_mut().try_for_each(RowReader::rewind)?;
            (self.first, self.band) = (0, Picture::default());
        }
        while self.first + self.band.height() < rows.end {
            let above = (rows.start - self.first).min(self.band.height());
            self.band.drop_rows(above);
            self.first += above;
            self.extend(ROWS.min(rows.end - self.first - self.band.height()))?;
        }
        Ok(())
    }

    /// Reads the next rows of all files.
    fn extend(&mut self, rows: u32) -> Result<(), DataError> {
        let read = |reader: &mut RowReader| Ok((reader.path().clone(), reader.read(rows)?));
        let images = self.readers.iter_mut().map(read).collect::<Result<Vec<_>, DataError>>()?;
        let end = self.first + self.band.height();
        self.band.append(self.pixels.gather(&images).map_err(|error| error.lower(end))?);
        Ok(())
    }
}

/// Folds a position beyond the end back into `0..side`, to and fro between both ends.
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
    use crate::data::{Palette, read_picture};
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
        RgbImage::from_fn(5, 3, |x, y| Rgb([x as u8, y as u8, 9])).save(&path).unwrap();
        let mut bands = Bands::open(&[path], &Pixels::Rgb).unwrap();
        let units = bands.units([1, 3, 4, 6]).unwrap();
        let sample = |at: usize| Depth::Sixteen.to_sample(units[at]) / 257;
        assert_eq!((0..6).map(|x| sample(3 * x)).collect::<Vec<_>>(), [3, 4, 3, 2, 1, 0]);
        assert_eq!((0..4).map(|y| sample(3 * 6 * y + 1)).collect::<Vec<_>>(), [1, 2, 1, 0]);
    }

    /// Windows of all kinds of pixels, down the image, up again and beyond its end, are those of the picture in one piece.
    #[test]
    fn windows_are_those_of_the_whole_picture() {
        let folder = tempfile::tempdir().unwrap();
        let [deep, flat, map] = ["deep.png", "flat.png", "map.png"].map(|name| folder.path().join(name));
        ImageBuffer::from_fn(90, 300, |x, y| Rgba([(x * 700) as u16, (y * 210) as u16, (x * y) as u16, 9])).save(&deep).unwrap();
        RgbImage::from_fn(90, 300, |x, y| Rgb([(x * 2) as u8, y as u8, (x + y) as u8])).save(&flat).unwrap();
        RgbImage::from_fn(90, 300, |x, y| Rgb(if x < y { [0, 0, 0] } else { [200, 0, 10] })).save(&map).unwrap();
        let labels = Pixels::Labels(Palette::parse("#000000\n#c8000a").unwrap());
        for (pixels, files) in [
            (Pixels::Rgba, vec![deep.clone()]),
            (Pixels::Gray, vec![flat.clone()]),
            (Pixels::LabL, vec![deep.clone()]),
            (labels, vec![map]),
            (Pixels::Rgb.times(2), vec![flat, deep]),
        ] {
            let images: Vec<_> = files.iter().map(|path| (path.clone(), read_picture(path).unwrap())).collect();
            let whole = pixels.gather(&images).unwrap();
            let mut bands = Bands::open(&files, &pixels).unwrap();
            assert_eq!((bands.dimensions(), bands.depth()), (whole.dimensions(), whole.depth()), "{pixels}");
            for [top, left, height, width] in
                [[0, 0, 96, 64], [0, 26, 96, 70], [90, 0, 10, 90], [130, 0, 100, 90], [224, 20, 96, 76], [3, 0, 5, 90]]
            {
                let window = whole.rearrange(width, height, |x, y| (reflect(left + x, 90), reflect(top + y, 300)));
                assert_eq!(bands.units([top, left, height, width]).unwrap(), pixels.units(&window), "{pixels} at {top}");
                assert!(bands.band.height() <= height.max(96), "no more rows than a window has");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let [map, wide] = ["map.png", "wide.png"].map(|name| folder.path().join(name));
        RgbImage::from_fn(4, 200, |x, y| Rgb([if (x, y) == (2, 150) { 7 } else { 0 }, 0, 0])).save(&map).unwrap();
        let labels = Pixels::Labels(Palette::parse("#000000").unwrap());
        let mut bands = Bands::open(std::slice::from_ref(&map), &labels).unwrap();
        assert!(bands.units([0, 0, 100, 4]).is_ok());
        let message = bands.units([100, 0, 100, 4]).unwrap_err().to_string();
        assert!(message.contains("the pixel at (2, 150)"), "{message}");

        image::GrayImage::new(1 << 16, 2).save(&wide).unwrap();
        let sizes = Bands::open(&[map, wide.clone()], &Pixels::Gray.times(2)).err().unwrap();
        assert!(matches!(sizes, DataError::PairSizes { b_size: (65_536, 2), .. }), "{sizes}");
        let bands = Bands::open(&[wide], &Pixels::Gray).unwrap();
        assert!(bands.check_width(&(0..1 << 13)).is_ok());
        let message = bands.check_width(&(0..(1 << 13) + 1)).unwrap_err().to_string();
        assert!(message.contains("8193 rows of 65536 pixels") && message.contains("--tile"), "{message}");
    }
}
