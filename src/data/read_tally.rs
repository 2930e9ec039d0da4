//! What is told of image files that were read: what a value range did to their numbers, and what
//! else of them is not used. Each kind is counted.

use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use image::ImageFormat;

use super::animation::has_further_pictures;
use super::background::Background;
use super::colour_space::other_colours;
use super::depth::Depth;
use super::limits::ALL_FORMATS;
use super::picture::Picture;
use super::tiff_head::{has_mask, marked_nodata};
use super::values::ValueRange;

/// What is told of the files that were read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadTally {
    entries: Vec<TallyEntry>,
}

#[derive(Clone, Debug, PartialEq)]
struct TallyEntry {
    what: What,
    files: usize,
    /// How many numbers, and one of them; none for what is told of whole files.
    numbers: Option<(u64, f64)>,
    /// The file that is named, which has that number.
    example: PathBuf,
    first: PathBuf,
    last: PathBuf,
}

/// An image that a value range leaves nothing of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OneShade {
    pub range: ValueRange,
    pub is_white: bool,
    /// `A` or `B`, where one range is for both.
    pub side: Option<char>,
}

/// What is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// Numbers lay outside of this range.
    Clamped(ValueRange),
    /// The type of the whole numbers, of which this is the largest, has less than a third of this
    /// range: mostly photos of 8 bits beside heights or counts.
    Narrow(ValueRange, f64),
    /// Numbers were missing, and this one took their place.
    Filled(f64),
    /// Opacities of an OpenEXR file, which colours stay multiplied by.
    Multiplied,
    /// Colours are more than the opacity that they are multiplied by. How much of white they are.
    Brighter,
    /// Pixels let something through, and this lies behind them.
    Laid(Background),
    /// There are pictures behind the first one.
    FirstPicture,
    /// A TIFF has a mask that says which pixels count.
    Mask,
    /// Every sample is below a sixteenth of white. The largest one, and white.
    Dark([u16; 2]),
    /// A value range makes an image nearly black or nearly white in every pixel.
    OneShade(OneShade),
    /// One image of a pair is turned, and the other is not.
    TurnedApart,
    /// The colours are not sRGB, but this. One line tells of all of them.
    OtherColours(String),
    /// The file calls this number no data, and no value range says what numbers mean. One line
    /// tells of all of them.
    MarkedNodata(f64),
}

impl ReadTally {
    /// Counts `numbers` of a file, one of which is `example`.
    pub(super) fn count(&mut self, what: What, path: &Path, numbers: u64, example: f64) {
        self.put(what, path, Some((numbers, example)));
    }

    /// Counts what of a file is not used. `has_range` says that a value range says what its numbers
    /// mean, and `open` returns it at its first byte.
    pub(super) fn count_unused<R: Read + Seek>(
        &mut self,
        path: &Path,
        format: ImageFormat,
        has_range: bool,
        mut open: impl FnMut() -> Option<BufReader<R>>,
    ) {
        let is_tiff = ALL_FORMATS && format == ImageFormat::Tiff;
        if is_tiff && !has_range {
            let marked = open().and_then(|mut file| marked_nodata(&mut file));
            if let Some(number) = marked.filter(|number| number.is_finite()) {
                self.put(What::MarkedNodata(number), path, None);
            }
        }
        if is_tiff && open().is_some_and(|mut file| has_mask(&mut file)) {
            self.put(What::Mask, path, None);
        }
        if open().is_some_and(|mut file| has_further_pictures(format, &mut file)) {
            self.put(What::FirstPicture, path, None);
        }
        if let Some(name) = open().and_then(|mut file| other_colours(format, &mut file)) {
            self.put(What::OtherColours(name), path, None);
        }
    }

    /// Counts a picture that is nearly black: as a rule its numbers are counts, heights or classes.
    /// One that is all black is a mask with nothing in it.
    pub(super) fn count_dark(&mut self, path: &Path, largest: u16, depth: Depth) {
        if largest > 0 {
            self.put(What::Dark([largest, depth.max()]), path, None);
        }
    }

    /// Counts colours that are more than white once they are divided by their opacity.
    pub(super) fn count_brighter(&mut self, path: &Path, picture: &Picture) {
        if !picture.extra().is_premultiplied {
            return;
        }
        let (mut count, mut largest) = (0, 0.0_f64);
        let mut pixel = Vec::with_capacity(picture.channels());
        for sample in picture.samples() {
            pixel.push(f64::from(sample));
            if pixel.len() < picture.channels() {
                continue;
            }
            if let Some(opacity) = pixel.pop().filter(|&opacity| opacity > 0.0) {
                for colour in pixel.iter().filter(|&&colour| colour > opacity) {
                    count += 1;
                    largest = largest.max(colour / opacity);
                }
            }
            pixel.clear();
        }
        if count > 0 {
            self.count(What::Brighter, path, count, largest);
        }
    }

    /// Counts a picture that lets something through and is laid on a colour.
    pub(super) fn count_laid(&mut self, path: &Path, background: Background) {
        self.put(What::Laid(background), path, None);
    }

    /// Counts a file of whole numbers up to `most`, which is far less than the range.
    pub(super) fn count_narrow(&mut self, path: &Path, range: ValueRange, most: f64) {
        self.put(What::Narrow(range, most), path, None);
    }

    /// Counts a picture that was read by a value range and is nearly black or nearly white: as a
    /// rule the range is that of other files. Here nothing but this picture is counted yet.
    pub(super) fn count_one_shade(
        &mut self,
        path: &Path,
        picture: &Picture,
        range: ValueRange,
        side: Option<char>,
    ) {
        let [least, most] = extremes(picture);
        let bound = picture.depth().max() / 16;
        let is_white = least > picture.depth().max() - bound;
        if is_white || most < bound {
            let shade = OneShade {
                range,
                is_white,
                side,
            };
            // One line says it.
            let is_narrow = |entry: &TallyEntry| matches!(entry.what, What::Narrow(..));
            self.entries.retain(|entry| !is_narrow(entry));
            self.put(What::OneShade(shade), path, None);
        }
    }

    /// Counts a pair whose images are turned in different ways.
    pub(super) fn count_turned_apart(&mut self, first: &Path) {
        self.put(What::TurnedApart, first, None);
    }

    fn put(&mut self, what: What, path: &Path, numbers: Option<(u64, f64)>) {
        self.merge(TallyEntry {
            what,
            files: 1,
            numbers,
            example: path.to_owned(),
            first: path.to_owned(),
            last: path.to_owned(),
        });
    }

    /// Adds what was counted elsewhere, in files behind those of this one.
    pub fn add(&mut self, other: Self) {
        other
            .entries
            .into_iter()
            .for_each(|entry| self.merge(entry));
    }

    fn merge(&mut self, entry: TallyEntry) {
        let alike = |known: &&mut TallyEntry| known.what.is_told_with(&entry.what);
        match self.entries.iter_mut().find(alike) {
            Some(known) => {
                if let (Some((numbers, number)), Some((more, other))) =
                    (&mut known.numbers, entry.numbers)
                {
                    *numbers += more;
                    if known.what.distance(other) > known.what.distance(*number) {
                        (*number, known.example) = (other, entry.example);
                    }
                }
                // A file that is read in parts is counted once.
                known.files += entry.files - usize::from(known.last == entry.first);
                known.last = entry.last;
            }
            None => self.entries.push(entry),
        }
    }

    /// What is told of it, a line for each kind.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.entries.iter().map(|entry| {
            let (what, files, example) = (entry.what.words(), entry.files, entry.example.display());
            match entry.numbers {
                Some((numbers, number)) => format!(
                    "{what}: {numbers} in {files} file{}, such as {} in {example}",
                    if files == 1 { "" } else { "s" },
                    short(number)
                ),
                None => format!(
                    "{what}: {files}, such as {example}{}",
                    entry.what.of_example()
                ),
            }
        })
    }
}

/// A number as it is read: 3.4e38 has 39 digits.
fn short(number: f64) -> String {
    match number.is_finite() && number.abs() >= 1e9 {
        true => format!("{number:e}"),
        false => number.to_string(),
    }
}

/// The largest sample of a picture, opacity left out, if all are below a sixteenth of white.
pub(super) fn nearly_black(picture: &Picture) -> Option<u16> {
    let bound = picture.depth().max() / 16;
    let mut largest = 0;
    for sample in colours(picture) {
        largest = largest.max(sample);
        if largest >= bound {
            return None;
        }
    }
    Some(largest)
}

/// The least and the largest sample of a picture, opacity left out.
fn extremes(picture: &Picture) -> [u16; 2] {
    colours(picture).fold([u16::MAX, 0], |[least, most], sample| {
        [least.min(sample), most.max(sample)]
    })
}

/// The samples of a picture, opacity left out.
fn colours(picture: &Picture) -> impl Iterator<Item = u16> {
    let channels = picture.channels();
    let colours = match channels {
        2 | 4 => channels - 1,
        _ => channels,
    };
    let samples = picture.samples().enumerate();
    samples
        .filter(move |(place, _)| place % channels < colours)
        .map(|(_, sample)| sample)
}

impl What {
    fn is_told_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OtherColours(_), Self::OtherColours(_))
            | (Self::MarkedNodata(_), Self::MarkedNodata(_))
            | (Self::Dark(_), Self::Dark(_)) => true,
            _ => self == other,
        }
    }

    /// How far a number lies from what it should be. The one that is named is the farthest.
    fn distance(&self, number: f64) -> f64 {
        match self {
            Self::Clamped(range) => (range.share(number) - 0.5).abs(),
            Self::Brighter => number,
            _ => 0.0,
        }
    }

    /// What is told of the example alone.
    fn of_example(&self) -> String {
        match self {
            Self::OtherColours(name) => format!(" ({name})"),
            Self::Dark([largest, white]) => format!(
                " (at most {largest} of {white}); `reading.value_range` says what counts and \
                 heights mean, `input` labels that these are classes"
            ),
            Self::MarkedNodata(number) => format!(" ({number})"),
            Self::OneShade(OneShade { side: Some(_), .. }) => "; here both folders are read by \
                 one range: keep them apart as A/ and B/ of a data set, for which `train` takes \
                 `reading.value_range` and `reading.output_value_range`"
                .to_owned(),
            Self::OneShade(_) => {
                "; `reading.value_range` says which numbers are black and white".to_owned()
            }
            Self::Narrow(..) => "; read them apart from the others. The `reading.value_range` \
                 0..255 reads photos of 8 bits as they are"
                .to_owned(),
            _ => String::new(),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Clamped(range) => {
                format!("numbers outside of the value range {range}, which take its nearest end")
            }
            Self::Narrow(range, most) => format!(
                "images of whole numbers up to {most}, which fill less than a third of the value \
                 range {range}"
            ),
            Self::Filled(nodata) => format!("missing values, which are filled with {nodata}"),
            Self::Multiplied => {
                "opacities below 1 of OpenEXR files, whose colours stay multiplied by them"
                    .to_owned()
            }
            Self::Brighter => {
                "colours above the opacity that they are multiplied by, which become white where \
                 they are divided by it"
                    .to_owned()
            }
            Self::Laid(background) => {
                format!("images with transparent pixels, which are laid on {background}")
            }
            Self::OtherColours(_) => {
                "images whose colours are not sRGB and are read as if they were".to_owned()
            }
            Self::Dark(_) => "images that are nearly black in every pixel".to_owned(),
            Self::OneShade(shade) => {
                let side = shade
                    .side
                    .map_or(String::new(), |side| format!(" of {side}"));
                let colour = if shade.is_white { "white" } else { "black" };
                format!(
                    "images{side} that the value range {} makes nearly {colour} in every pixel",
                    shade.range
                )
            }
            Self::MarkedNodata(_) => {
                "images that call a number no data (GDAL_NODATA), which is a colour like the \
                 others without a value range"
                    .to_owned()
            }
            Self::Mask => {
                "masks in TIFF files, which say what pixels count and are neither used nor copied"
                    .to_owned()
            }
            Self::FirstPicture => "animations of which only the first picture is used".to_owned(),
            Self::TurnedApart => {
                "pairs whose images are turned in different ways by their EXIF orientation, which \
                 `reading.ignore_orientation` leaves aside"
                    .to_owned()
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_number_that_lies_farthest_outside_is_named_with_its_file() {
        let range = ValueRange::new(0.0, 50.0).unwrap();
        let mut tally = ReadTally::default();
        for (file, number) in [("a", 62.0), ("b", -3.4e38), ("c", 70.0)] {
            tally.count(What::Clamped(range), Path::new(file), 2, number);
        }
        let lines: Vec<String> = tally.lines().collect();
        assert_eq!(
            lines,
            [
                "numbers outside of the value range 0..50, which take its nearest end: 6 in 3 \
                 files, such as -3.4e38 in b"
            ]
        );
    }
}
