//! A picture to a file: PNG or TIFF, 8 or 16 bits, grey, RGB or RGBA.

use std::io::{self, Seek, Write};

use image::codecs::png::PngEncoder;
use image::codecs::tiff::TiffEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::picture::{Depth, Picture};

/// The format of a picture's file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// PNG.
    #[default]
    Png,
    /// TIFF, uncompressed.
    Tiff,
}

impl Format {
    /// The ending of such a file, with its dot.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Png => ".png",
            Format::Tiff => ".tiff",
        }
    }

    /// Writes a picture of 1, 3 or 4 channels without losing a bit.
    ///
    /// # Errors
    /// Those of `out`, and other numbers of channels.
    pub fn write(self, picture: &Picture, out: &mut (impl Write + Seek)) -> io::Result<()> {
        let colour = match (picture.channels(), picture.depth()) {
            (1, Depth::Eight) => ExtendedColorType::L8,
            (1, Depth::Sixteen) => ExtendedColorType::L16,
            (3, Depth::Eight) => ExtendedColorType::Rgb8,
            (3, Depth::Sixteen) => ExtendedColorType::Rgb16,
            (4, Depth::Eight) => ExtendedColorType::Rgba8,
            (4, Depth::Sixteen) => ExtendedColorType::Rgba16,
            (channels, _) => return Err(io::Error::other(format!("an image file has 1, 3 or 4 channels, not {channels}"))),
        };
        let ((width, height), bytes) = (picture.dimensions(), picture.bytes());
        let written = match self {
            Format::Png => PngEncoder::new(out).write_image(bytes, width, height, colour),
            Format::Tiff => TiffEncoder::new(out).write_image(bytes, width, height, colour),
        };
        written.map_err(io::Error::other)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::{Pixels, read_picture};
    use std::fs::File;

    /// From a file through the floats that a network sees into another file: what a network that copies its input would write.
    #[test]
    fn what_is_read_and_copied_is_written_bit_by_bit() {
        let folder = tempfile::tempdir().unwrap();
        for format in [Format::Png, Format::Tiff] {
            for kind in [Pixels::Gray, Pixels::Rgb, Pixels::Rgba] {
                let channels = kind.channels();
                // Odd numbers of pixels, and bytes that differ when their order does.
                let words: Vec<u16> = (0..31 * 9 * channels).map(|at| (at * 4099) as u16).collect();
                let bytes = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
                let picture = Picture::from_bytes(31, 9, channels, Depth::Sixteen, bytes).unwrap();
                let [first, second] = ["first", "second"].map(|name| folder.path().join(format!("{name}-{channels}{}", format.ending())));
                format.write(&picture, &mut File::create(&first).unwrap()).unwrap();
                let read = read_picture(&first).unwrap();
                assert_eq!(read, picture, "{format:?} {kind}");
                let values = kind.units(&kind.colours(&read, &first).unwrap());
                let copy = kind.pictures(31, 9, read.depth(), &values, &values).remove(0);
                format.write(&copy, &mut File::create(&second).unwrap()).unwrap();
                assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap(), "{format:?} {kind}");
                let shallow = Picture::from_unit(31, 9, channels, Depth::Eight, &values);
                format.write(&shallow, &mut File::create(&second).unwrap()).unwrap();
                assert_eq!(read_picture(&second).unwrap(), shallow, "{format:?} {kind}");
            }
        }
        let two = Picture::from_unit(1, 1, 2, Depth::Eight, &[]);
        assert!(Format::Png.write(&two, &mut io::Cursor::new(Vec::new())).unwrap_err().to_string().contains("not 2"));
    }
}
