//! Label maps: pictures whose colours are names of things, and the numbers that stand for them.

use super::error::DataError;
use super::pairs::Images;
use super::picture::{Depth, Picture};
use super::tools::in_parallel;
use image::RgbImage;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The colours of label maps in the order of their numbers; serialised as [`Palette::text`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Palette {
    colours: Vec<[u8; 3]>,
}

/// A pixel whose colour is not in the palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownColour {
    /// The colour.
    pub colour: [u8; 3],
    /// The colour of the palette that is nearest to it.
    pub nearest: [u8; 3],
    /// Column and row of the first such pixel.
    pub at: [u32; 2],
}

impl UnknownColour {
    /// The error of the label map at `path`.
    pub(super) fn of(self, path: &Path) -> DataError {
        let Self { colour, nearest, at } = self;
        DataError::UnknownColour { path: path.to_owned(), colour, nearest, at }
    }
}

impl TryFrom<String> for Palette {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Palette> for String {
    fn from(palette: Palette) -> Self {
        palette.text()
    }
}

/// Labels that a byte can number.
pub const MOST_LABELS: usize = 256;

impl Palette {
    /// Reads lines that begin with a colour as `#rrggbb`; what follows behind a space is its name. Other lines do not count, nor do those
    /// that begin with `#` and a space.
    ///
    /// # Errors
    /// What is wrong in which line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut colours = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let Some(rest) = line.trim().strip_prefix('#').filter(|rest| rest.starts_with(|first: char| !first.is_whitespace())) else {
                continue;
            };
            let digits = rest.split_whitespace().next().filter(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_hexdigit()));
            let word = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
            let Some(word) = word else { return Err(format!("line {number}: \"{}\" is no colour #rrggbb", line.trim())) };
            let [_, r, g, b] = word.to_be_bytes();
            if colours.contains(&[r, g, b]) {
                return Err(format!("line {number}: #{word:06x} stands there twice"));
            }
            colours.push([r, g, b]);
        }
        match colours.len() {
            1..=MOST_LABELS => Ok(Self { colours }),
            count => Err(format!("it has {count} colours; a palette has 1 to {MOST_LABELS} lines #rrggbb")),
        }
    }

    /// The colours of the label maps that `read` finds in each of `items`, sorted; each thread holds those of one at a time.
    ///
    /// # Errors
    /// Those of reading, [`DataError::TooManyColours`] and [`DataError::Spawn`].
    pub fn of<T: Sync>(items: &[T], threads: usize, read: impl Fn(&T) -> Result<Images, DataError> + Sync) -> Result<Self, DataError> {
        let found = Mutex::new(BTreeSet::new());
        in_parallel(items, threads, |item| {
            for (path, picture) in read(item)? {
                let own = colours(&(&picture).into());
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                // Colours that are too many are not kept: they would make the images after them look guilty.
                if found.union(&own).count() > MOST_LABELS {
                    return Err(DataError::TooManyColours { path, most: MOST_LABELS });
                }
                found.extend(own);
            }
            Ok(())
        })?;
        Ok(Self { colours: found.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect() })
    }

    /// The palette as [`Palette::parse`] reads it, each colour with its number.
    pub fn text(&self) -> String {
        let line = |(number, [r, g, b]): (usize, &[u8; 3])| format!("#{r:02x}{g:02x}{b:02x} {number}\n");
        self.colours.iter().enumerate().map(line).collect()
    }

    /// How many labels there are.
    pub fn len(&self) -> usize {
        self.colours.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.colours.is_empty()
    }

    /// The colour of a label; that of an unknown one is black.
    pub fn colour(&self, label: usize) -> [u8; 3] {
        self.colours.get(label).copied().unwrap_or_default()
    }

    /// The number of each pixel's label: one channel of 8 bits.
    ///
    /// # Errors
    /// The first pixel whose colour is unknown.
    pub fn index(&self, picture: &Picture) -> Result<Picture, UnknownColour> {
        let image = RgbImage::from(picture);
        let numbers: HashMap<[u8; 3], u8> = (0..=u8::MAX).zip(&self.colours).map(|(number, &colour)| (colour, number)).collect();
        let mut labels = Vec::with_capacity(image.as_raw().len() / 3);
        for (x, y, pixel) in image.enumerate_pixels() {
            let Some(&number) = numbers.get(&pixel.0) else {
                return Err(UnknownColour { colour: pixel.0, nearest: self.nearest(pixel.0), at: [x, y] });
            };
            labels.push(number);
        }
        // As many as there are pixels, so the default is never taken.
        Ok(Picture::from_bytes(image.width(), image.height(), 1, Depth::Eight, labels).unwrap_or_default())
    }

    fn nearest(&self, colour: [u8; 3]) -> [u8; 3] {
        let distance = |known: &[u8; 3]| known.iter().zip(colour).map(|(&a, b)| u32::from(a.abs_diff(b)).pow(2)).sum::<u32>();
        self.colours.iter().copied().min_by_key(distance).unwrap_or_default()
    }
}

/// The colours of an image; the search ends when they are more than labels.
fn colours(image: &RgbImage) -> BTreeSet<[u8; 3]> {
    let mut found = BTreeSet::new();
    for pixel in image.pixels() {
        found.insert(pixel.0);
        if found.len() > MOST_LABELS {
            break;
        }
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::data::read_picture;
    use image::Rgb;

    #[test]
    fn a_palette_is_read_written_and_found() {
        let palette = Palette::parse("a note\n# another\n#\n#0a0B0c road\n  #ffffff\n").unwrap();
        assert_eq!((palette.len(), palette.text().as_str()), (2, "#0a0b0c 0\n#ffffff 1\n"));
        assert_eq!(Palette::parse(&palette.text()), Ok(palette.clone()));
        let image = RgbImage::from_fn(4, 4, |x, _| Rgb(if x == 2 { [255; 3] } else { [10, 11, 12] }));
        assert_eq!(palette.index(&image.into()).unwrap().bytes()[..4], [0, 0, 1, 0]);
        let json = serde_json::to_string(&palette).unwrap();
        assert_eq!(serde_json::from_str::<Palette>(&json).unwrap(), palette);
        assert!(serde_json::from_str::<Palette>("\"#12\"").is_err());
    }

    #[test]
    fn the_colours_of_all_files_are_found_and_256_are_the_most() {
        let folder = tempfile::tempdir().unwrap();
        let save = |name: &str, width: u32, blue: u8| {
            let path = folder.path().join(name);
            RgbImage::from_fn(width, 2, |x, _| Rgb([x as u8, (x >> 8) as u8, blue])).save(&path).unwrap();
            path
        };
        let mut files = vec![save("a.png", 200, 0), save("b.png", 56, 1), save("c.png", 200, 0)];
        for threads in [1, 3] {
            let palette = Palette::of(&files, threads, |path| Ok(vec![(path.clone(), read_picture(path)?)])).unwrap();
            assert_eq!((palette.len(), palette.colours[1], palette.colours[255]), (256, [0, 0, 1], [199, 0, 0]));
        }
        files.push(save("photo.png", 257, 2));
        for threads in [1, 4] {
            let message = Palette::of(&files, threads, |path| Ok(vec![(path.clone(), read_picture(path)?)])).unwrap_err().to_string();
            assert!(message.contains("photo.png") && message.contains("256") && message.contains("--palette"), "{message}");
        }
    }

    #[test]
    fn what_is_no_palette_and_what_is_not_in_it_are_named() {
        for (text, expected) in [
            ("", "0 colours"),
            ("#12345", "line 1"),
            ("#+12345", "line 1"),
            ("#ff0000ff", "line 1"),
            ("#ff0000,", "line 1"),
            ("#000000\n#00000g", "line 2"),
            ("#010203\n#010203", "twice"),
        ] {
            let problem = Palette::parse(text).unwrap_err();
            assert!(problem.contains(expected), "{text:?}: {problem}");
        }
        let palette = Palette::parse("#000000\n#ff0000").unwrap();
        let mut image = RgbImage::new(3, 2);
        image.put_pixel(1, 1, Rgb([250, 3, 0]));
        assert_eq!(palette.index(&image.into()), Err(UnknownColour { colour: [250, 3, 0], nearest: [255, 0, 0], at: [1, 1] }));
    }
}
