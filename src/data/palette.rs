//! Label maps: pictures whose colours are names of things, and the numbers that stand for them.

use super::colour::{Colour, hex, parse_colour};
use super::depth::Depth;
use super::error::DataError;
use super::parallel::in_parallel;
use super::picture::{Images, Picture};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The colours of label maps in the order of their numbers; serialised as [`Palette::text`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Palette {
    colours: Vec<Colour>,
}

/// A pixel whose colour is not in the palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownColour {
    /// The colour.
    pub colour: Colour,
    /// The colour of the palette that is nearest to it.
    pub nearest: Colour,
    /// Column and row of the first such pixel.
    pub at: [u32; 2],
}

impl UnknownColour {
    /// The error of the label map at `path`.
    pub(super) fn of(self, path: &Path) -> DataError {
        let Self {
            colour,
            nearest,
            at,
        } = self;
        DataError::UnknownColour {
            path: path.to_owned(),
            colour,
            nearest,
            at,
        }
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

/// A line of a palette that holds no colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedLine {
    /// Its number, from 1.
    pub number: usize,
    /// What stands in it.
    pub text: String,
}

/// The text of a palette's file. It is UTF-8 or UTF-16, with or without a byte-order mark, with any
/// kind of line ends. What is neither becomes replacement characters: only names of labels can have
/// them, and those are not used.
pub fn palette_text(bytes: &[u8]) -> String {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|two| unit([two[0], two[1]]));
        char::decode_utf16(units)
            .map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    };
    let text: String = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        // Without a mark: the first character is an ASCII one, so one of its bytes is zero.
        [1..=255, 0, ..] => utf16(bytes, u16::from_le_bytes),
        [0, 1..=255, ..] => utf16(bytes, u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The first word of a line.
fn first_word(line: &str) -> Option<&str> {
    line.split_whitespace().next()
}

/// What stands directly behind the `#` at the beginning of a line.
fn marked(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('#')?;
    rest.starts_with(|first: char| !first.is_whitespace())
        .then(|| first_word(rest))?
}

/// Labels that a byte can number.
pub const MOST_LABELS: usize = 256;

impl Palette {
    /// The palette of a text, as [`Palette::parse_lines`] reads it.
    ///
    /// # Errors
    /// What is wrong in which line.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(Self::parse_lines(text)?.0)
    }

    /// Reads lines that begin with a colour, as `#rrggbb` or with 16 bits as `#rrrrggggbbbb`. A
    /// name may follow behind a space. If no line begins so, the colours may stand without `#`.
    /// Other lines are skipped and returned. Empty lines, `#` alone, and lines that begin with `#`
    /// and a space are notes and are not returned.
    ///
    /// # Errors
    /// What is wrong in which line.
    pub fn parse_lines(text: &str) -> Result<(Self, Vec<SkippedLine>), String> {
        let lines = || {
            (1..)
                .zip(text.lines())
                .map(|(number, line)| (number, line.trim()))
        };
        let has_marks = lines().any(|(_, line)| marked(line).is_some());
        let (mut colours, mut skipped) = (Vec::new(), Vec::new());
        for (number, line) in lines() {
            let is_note = line.is_empty() || line == "#" || line.starts_with("# ");
            let bare = first_word(line).filter(|word| parse_colour(word).is_some());
            let word = match (marked(line), bare) {
                (Some(word), _) => word,
                (None, Some(word)) if !has_marks => word,
                (None, Some(word)) => {
                    return Err(format!(
                        "line {number}: \"{line}\" has no # where other lines have it; write \
                         #{word}, or put # and a space before a note"
                    ));
                }
                (None, None) if is_note || line.starts_with('#') => continue,
                (None, None) => {
                    let text = line.to_owned();
                    skipped.push(SkippedLine { number, text });
                    continue;
                }
            };
            let Some(colour) = parse_colour(word) else {
                return Err(format!(
                    "line {number}: \"{line}\" is no colour #rrggbb or #rrrrggggbbbb"
                ));
            };
            if colours.contains(&colour) {
                return Err(format!(
                    "line {number}: #{} stands there twice",
                    hex(colour)
                ));
            }
            colours.push(colour);
        }
        match colours.len() {
            1..=MOST_LABELS => Ok((Self { colours }, skipped)),
            count => Err(format!(
                "it has {count} colours; a palette has 1 to {MOST_LABELS} lines #rrggbb or \
                 #rrrrggggbbbb"
            )),
        }
    }

    /// The colours of the label maps that `read` finds in each of `items`, sorted. Each thread
    /// holds the maps of one item at a time.
    ///
    /// # Errors
    /// Those of reading, [`DataError::TooManyColours`] and [`DataError::Spawn`].
    pub fn of<T: Sync>(
        items: &[T],
        threads: usize,
        read: impl Fn(&T) -> Result<Images, DataError> + Sync,
    ) -> Result<Self, DataError> {
        let found = Mutex::new(BTreeSet::new());
        in_parallel(items, threads, |item| {
            for (path, picture) in read(item)? {
                let own = first_colours(&picture);
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                // The colours of this image are not kept. Otherwise an error could name an image
                // after it.
                if found.union(&own).count() > MOST_LABELS {
                    return Err(DataError::TooManyColours {
                        path,
                        most: MOST_LABELS,
                    });
                }
                found.extend(own);
            }
            Ok(())
        })?;
        Ok(Self {
            colours: found
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner)
                .into_iter()
                .collect(),
        })
    }

    /// The palette as [`Palette::parse`] reads it, each colour with its number.
    pub fn text(&self) -> String {
        let line = |(number, &colour): (usize, &Colour)| format!("#{} {number}\n", hex(colour));
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
    pub fn colour(&self, label: usize) -> Colour {
        self.colours.get(label).copied().unwrap_or_default()
    }

    /// The number of each pixel's label: one channel of 8 bits.
    ///
    /// # Errors
    /// The first pixel whose colour is unknown.
    pub fn index(&self, picture: &Picture) -> Result<Picture, UnknownColour> {
        let numbers: HashMap<Colour, u8> = (0..=u8::MAX)
            .zip(&self.colours)
            .map(|(number, &colour)| (colour, number))
            .collect();
        let (width, height) = picture.dimensions();
        let mut labels = Vec::with_capacity(width as usize * height as usize);
        for colour in colours_of(&picture.to_rgb()) {
            let Some(&number) = numbers.get(&colour) else {
                let at = [labels.len() % width as usize, labels.len() / width as usize]
                    .map(|place| place as u32);
                return Err(UnknownColour {
                    colour,
                    nearest: self.nearest(colour),
                    at,
                });
            };
            labels.push(number);
        }
        // As many as there are pixels, so the default is never taken.
        Ok(Picture::from_bytes(width, height, 1, Depth::Eight, labels).unwrap_or_default())
    }

    fn nearest(&self, colour: Colour) -> Colour {
        let distance = |known: &Colour| {
            known
                .iter()
                .zip(colour)
                .map(|(&a, b)| u64::from(a.abs_diff(b)).pow(2))
                .sum::<u64>()
        };
        self.colours
            .iter()
            .copied()
            .min_by_key(distance)
            .unwrap_or_default()
    }
}

/// The colours of an RGB picture, pixel by pixel.
fn colours_of(rgb: &Picture) -> impl Iterator<Item = Colour> {
    let scale = u16::MAX / rgb.depth().max();
    let mut samples = rgb.samples().map(move |sample| sample * scale);
    std::iter::from_fn(move || Some([samples.next()?, samples.next()?, samples.next()?]))
}

/// The colours of a picture. The search ends when there are more of them than a byte can number.
fn first_colours(picture: &Picture) -> BTreeSet<Colour> {
    let mut found = BTreeSet::new();
    for colour in colours_of(&picture.to_rgb()) {
        found.insert(colour);
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
    use crate::data::colour::STEP;
    use crate::data::read_picture;
    use image::{DynamicImage, ImageBuffer, Luma, Rgb, RgbImage};

    #[test]
    fn a_palette_is_read_written_and_found() {
        let palette = Palette::parse("a note\n# another\n#\n#0a0B0c road\n  #ffffff\n").unwrap();
        assert_eq!(
            (palette.len(), palette.text().as_str()),
            (2, "#0a0b0c 0\n#ffffff 1\n")
        );
        assert_eq!(Palette::parse(&palette.text()), Ok(palette.clone()));
        let image = RgbImage::from_fn(4, 4, |x, _| {
            Rgb(if x == 2 { [255; 3] } else { [10, 11, 12] })
        });
        assert_eq!(
            palette.index(&image.into()).unwrap().bytes()[..4],
            [0, 0, 1, 0]
        );
        let json = serde_json::to_string(&palette).unwrap();
        assert_eq!(serde_json::from_str::<Palette>(&json).unwrap(), palette);
        assert!(serde_json::from_str::<Palette>("\"#12\"").is_err());
    }

    #[test]
    fn a_palette_is_read_in_the_encodings_that_editors_write() {
        let text = "#000000 Straße\r\n#ff0000 b\r\n";
        let units: Vec<u16> = text.encode_utf16().collect();
        let le: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let be: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        let old_mac = text.replace("\r\n", "\r");
        for bytes in [
            text.as_bytes().to_vec(),
            [&[0xEF, 0xBB, 0xBF], text.as_bytes()].concat(),
            [&[0xFF, 0xFE], &le[..]].concat(),
            [&[0xFE, 0xFF], &be[..]].concat(),
            le,
            be,
            old_mac.into_bytes(),
            // Windows-1252, which is no UTF-8.
            b"#000000 Stra\xDFe\n#ff0000 b".to_vec(),
            // Without marks, and with words that are hexadecimal digits alone.
            b"000000 void\nff0000 road".to_vec(),
        ] {
            let palette = Palette::parse(&palette_text(&bytes)).unwrap();
            assert_eq!(palette.text(), "#000000 0\n#ff0000 1\n", "{bytes:?}");
        }
        for bytes in [&b""[..], b"\xFF\xFE", b"\x00", b"\x89PNG\r\n"] {
            let problem = Palette::parse(&palette_text(bytes)).unwrap_err();
            assert!(problem.contains("0 colours"), "{problem}");
        }
    }

    #[test]
    fn no_line_of_a_palette_is_left_out_without_a_word() {
        let (palette, skipped) =
            Palette::parse_lines("facades\n\n# note\n#\n#010203 a\nroad #ff0000").unwrap();
        let lines: Vec<_> = skipped
            .iter()
            .map(|line| (line.number, &line.text[..]))
            .collect();
        assert_eq!(palette.len(), 1);
        assert_eq!(lines, [(1, "facades"), (6, "road #ff0000")]);
        let problem = Palette::parse("#010203 a\nff0000 road").unwrap_err();
        assert!(
            problem.contains("line 2") && problem.contains("#ff0000"),
            "{problem}"
        );
    }

    #[test]
    fn the_colours_of_all_files_are_found_and_256_are_the_most() {
        let folder = tempfile::tempdir().unwrap();
        let save = |name: &str, width: u32, blue: u8| {
            let path = folder.path().join(name);
            RgbImage::from_fn(width, 2, |x, _| Rgb([x as u8, (x >> 8) as u8, blue]))
                .save(&path)
                .unwrap();
            path
        };
        let mut files = vec![
            save("a.png", 200, 0),
            save("b.png", 56, 1),
            save("c.png", 200, 0),
        ];
        for threads in [1, 3] {
            let palette = Palette::of(&files, threads, |path| {
                Ok(vec![(path.clone(), read_picture(path)?)])
            })
            .unwrap();
            assert_eq!(
                (palette.len(), palette.colours[1], palette.colours[255]),
                (256, [0, 0, STEP], [199 * STEP, 0, 0])
            );
        }
        files.push(save("photo.png", 257, 2));
        for threads in [1, 4] {
            let message = Palette::of(&files, threads, |path| {
                Ok(vec![(path.clone(), read_picture(path)?)])
            })
            .unwrap_err()
            .to_string();
            assert!(
                message.contains("photo.png")
                    && message.contains("256")
                    && message.contains("`palette`"),
                "{message}"
            );
        }
    }

    #[test]
    fn what_is_no_palette_and_what_is_not_in_it_are_named() {
        for (text, expected) in [
            ("", "lines #rrggbb or #rrrrggggbbbb"),
            (
                "#12345",
                "line 1: \"#12345\" is no colour #rrggbb or #rrrrggggbbbb",
            ),
            ("#+12345", "line 1"),
            ("#ff0000ff", "line 1"),
            ("#ff0000,", "line 1"),
            ("#ff00000001", "line 1"),
            ("#+00000000001", "line 1"),
            ("#010203\n#010102020303", "#010203 stands there twice"),
            ("#000000\n#00000g", "line 2"),
            ("#010203\n#010203", "twice"),
        ] {
            let problem = Palette::parse(text).unwrap_err();
            assert!(problem.contains(expected), "{text:?}: {problem}");
        }
        let palette = Palette::parse("#000000\n#ff0000").unwrap();
        let mut image = RgbImage::new(3, 2);
        image.put_pixel(1, 1, Rgb([250, 3, 0]));
        assert_eq!(
            palette.index(&image.into()),
            Err(UnknownColour {
                colour: [250, 3, 0].map(|byte| byte * STEP),
                nearest: [u16::MAX, 0, 0],
                at: [1, 1]
            })
        );
    }

    #[test]
    fn labels_of_16_bits_stay_apart_and_those_of_8_bits_are_the_same_in_both() {
        // Numbers of classes and instances, which are one colour or none in 8 bits.
        let numbers = [0u16, 1, 2, 128, 257, 26_001, 65_535];
        let map = Picture::from(DynamicImage::from(ImageBuffer::from_fn(7, 2, |x, _| {
            Luma([numbers[x as usize]])
        })));
        let palette = Palette::of(std::slice::from_ref(&map), 1, |map| {
            Ok(vec![("map.png".into(), map.clone())])
        })
        .unwrap();
        assert_eq!(
            (palette.len(), palette.text().lines().nth(4)),
            (7, Some("#010101 4"))
        );
        assert!(
            palette.text().contains("#659165916591 5\n"),
            "{}",
            palette.text()
        );
        assert_eq!(Palette::parse(&palette.text()), Ok(palette.clone()));
        assert_eq!(
            palette.index(&map).unwrap().bytes(),
            [0, 1, 2, 3, 4, 5, 6].repeat(2)
        );

        let eight = RgbImage::from_fn(3, 2, |x, _| Rgb([200, x as u8, 10]));
        let both = [
            DynamicImage::from(eight.clone()),
            DynamicImage::from(eight).into_rgb16().into(),
        ]
        .map(Picture::from);
        let palette = Palette::parse("#c8000a\n#c8010a\n#c8020a").unwrap();
        both.iter()
            .for_each(|map| assert_eq!(palette.index(map).unwrap().bytes(), [0, 1, 2, 0, 1, 2]));
    }
}
