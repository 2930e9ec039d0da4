//! Label maps: pictures whose colours are names of things, and the numbers that stand for them.

use super::colour::{Colour, hex, parse_colour};
use super::depth::Depth;
use super::error::DataError;
use super::parallel::each_readable;
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

/// A palette as a file has it: with the names of its labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedPalette {
    /// The colours.
    pub palette: Palette,
    /// A name for each of them; empty where the file has none.
    pub names: Vec<String>,
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
/// them.
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
        Ok(Self::parse_lines(text)?.0.palette)
    }

    /// Reads lines that begin with a colour, as `#rrggbb` or with 16 bits as `#rrrrggggbbbb`. A
    /// name may follow behind a space. If no line begins so, the colours may stand without `#`.
    /// Other lines are skipped and returned. Empty lines, `#` alone, and lines that begin with `#`
    /// and a space are notes and are not returned.
    ///
    /// # Errors
    /// What is wrong in which line.
    pub fn parse_lines(text: &str) -> Result<(NamedPalette, Vec<SkippedLine>), String> {
        let lines = || {
            (1..)
                .zip(text.lines())
                .map(|(number, line)| (number, line.trim()))
        };
        let has_marks = lines().any(|(_, line)| marked(line).is_some());
        let (mut colours, mut names, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
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
            let behind = line.split_once(char::is_whitespace);
            names.push(behind.map_or("", |(_, name)| name.trim()).to_owned());
        }
        let palette = Self { colours };
        match (palette.len(), skipped.first()) {
            (1..=MOST_LABELS, _) => Ok((NamedPalette { palette, names }, skipped)),
            (0, None) => Err("it has no line with a colour #rrggbb or #rrrrggggbbbb".to_owned()),
            (0, Some(SkippedLine { number, text })) => Err(format!(
                "line {number}: {text:?} is no colour #rrggbb or #rrrrggggbbbb, and no other line has \
                 one"
            )),
            (count, _) => Err(format!(
                "it has {count} colours, and a palette has at most {MOST_LABELS}"
            )),
        }
    }

    /// The colours of the label maps that `read` finds in each of `items`, sorted. Each thread
    /// holds the maps of one item at a time.
    ///
    /// # Errors
    /// Those of reading, of all items that cannot be read. Else [`DataError::TooManyColours`] and
    /// [`DataError::Spawn`].
    pub fn of<T: Sync>(
        items: &[T],
        threads: usize,
        read: impl Fn(&T) -> Result<Images, DataError> + Sync,
    ) -> Result<Self, DataError> {
        let found = Mutex::new(BTreeSet::new());
        each_readable(items, threads, read, |images| {
            for (path, picture) in images {
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
                    nearest: self.nearest(colour).1,
                    at,
                });
            };
            labels.push(number);
        }
        // As many as there are pixels, so the default is never taken.
        Ok(Picture::from_bytes(width, height, 1, Depth::Eight, labels).unwrap_or_default())
    }

    /// The number of the label whose colour is nearest to each pixel's, row by row. Of two that are
    /// equally near it is the first.
    pub fn nearest_labels(&self, picture: &Picture) -> Vec<u8> {
        let mut known: HashMap<Colour, u8> = HashMap::new();
        let mut label = |colour| *(known.entry(colour)).or_insert_with(|| self.nearest(colour).0);
        colours_of(&picture.to_rgb()).map(&mut label).collect()
    }

    /// The label whose colour is nearest, by the squared distance of red, green and blue.
    fn nearest(&self, colour: Colour) -> (u8, Colour) {
        let distance = |known: &Colour| {
            known
                .iter()
                .zip(colour)
                .map(|(&a, b)| u64::from(a.abs_diff(b)).pow(2))
                .sum::<u64>()
        };
        (0..=u8::MAX)
            .zip(self.colours.iter().copied())
            .min_by_key(|(_, known)| distance(known))
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
mod tests;
