//! What is told of a dataset folder and of images: what is not used or not kept, and what looks
//! unusual.

use std::fmt;
use std::path::PathBuf;

/// Kinds of things that are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemarkKind {
    /// Images that are in no pair.
    UnusedImages,
    /// Images in the folder where results go.
    Results,
    /// Files whose ending is no image's.
    OtherEndings,
    /// Links to folders that are read already.
    Links,
    /// Folders of training runs.
    Runs,
    /// Pairs whose names are written in two Unicode forms.
    NormalForms,
    /// Pairs whose names differ in letter case, and perhaps in Unicode form.
    LetterCase,
    /// Combined images whose names are those of two sides.
    NamedLikePairs,
    /// A folder that is another one as well, by a link.
    SameFolder,
    /// A test split without targets.
    InputsAlone,
    /// A test split beside a validation split.
    UnusedSplit,
    /// Images with opacity where the channels that are used have none.
    Opacity,
    /// Combined images whose halves are much higher than wide.
    NarrowHalves,
    /// Images with a place on Earth, whose results are in a format that has none.
    PlaceNotHeld,
    /// Images with a place on Earth that are turned when they are read.
    PlaceTurned,
    /// Images with a place on Earth, of which a result shows a part.
    PlaceCut,
    /// Images of stacks that lie at another place than the first image of their stack.
    PlacesDiffer,
    /// Images with a place on Earth and a number that stands for no data.
    NoDataValue,
}

/// One kind of thing that is told, counted, with an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The kind.
    pub kind: RemarkKind,
    /// How many there are.
    pub count: usize,
    /// The first of them.
    pub example: PathBuf,
}

/// One line.
impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, example) = (self.count, self.example.display());
        match self.kind {
            RemarkKind::UnusedImages => write!(
                f,
                "images that are in no pair and are not used: {count}, such as {example}"
            ),
            RemarkKind::Results => write!(
                f,
                "images in the folder of the results, which are no inputs: {count}, such as \
                 {example}"
            ),
            RemarkKind::OtherEndings => write!(
                f,
                "files that are no images by their ending and are not read: {count}, such as \
                 {example}"
            ),
            RemarkKind::Links => write!(
                f,
                "links to folders that are read already and are not followed: {count}, such as \
                 {example}"
            ),
            RemarkKind::Runs => write!(
                f,
                "folders of training runs, which are no data and are not read: {count}, such as \
                 {example}"
            ),
            RemarkKind::NormalForms => write!(
                f,
                "pairs whose names differ in how their accents are written (a folder from a Mac): \
                 {count}, such as {example}; they are paired"
            ),
            RemarkKind::LetterCase => write!(
                f,
                "pairs whose names differ in letter case or accents: {count}, such as {example}; \
                 they are paired"
            ),
            RemarkKind::NamedLikePairs => write!(
                f,
                "images that have the names of inputs and targets and are cut into A and B all \
                 the same: {count}, such as {example}; if each is one side, put inputs into A/ and \
                 targets into B/"
            ),
            RemarkKind::SameFolder => write!(
                f,
                "folders that are one folder with another one of the data set: {count}, such as \
                 {example}; its images are used for both"
            ),
            RemarkKind::InputsAlone => write!(
                f,
                "test images without targets, which training does not use: {count}, such as \
                 {example}; translate takes them"
            ),
            RemarkKind::UnusedSplit => write!(
                f,
                "test pairs that are checked but not used, because the samples show val: {count}, \
                 such as {example}"
            ),
            RemarkKind::Opacity => write!(
                f,
                "images whose opacity is not used: {count}, such as {example}; `input` or `output` \
                 rgba keeps it"
            ),
            RemarkKind::NarrowHalves => write!(
                f,
                "images that are cut into a left half A and a right half B much higher than wide: \
                 {count}, such as {example}; if they are no pairs side by side, put inputs into \
                 A/ and targets into B/"
            ),
            RemarkKind::PlaceNotHeld => write!(
                f,
                "images with a place on Earth (GeoTIFF) that their results do not have: {count}, \
                 such as {example}; `format` tiff keeps it"
            ),
            RemarkKind::PlaceTurned => write!(
                f,
                "images with a place on Earth (GeoTIFF) that their results do not have, because \
                 they are turned upright: {count}, such as {example}; \
                 `reading.ignore_orientation` leaves them as they are and keeps it"
            ),
            RemarkKind::PlaceCut => write!(
                f,
                "images with a place on Earth (GeoTIFF) that their results do not have, because \
                 they show a part: {count}, such as {example}"
            ),
            RemarkKind::PlacesDiffer => write!(
                f,
                "images that lie at another place on Earth than the first one of their stack, \
                 whose place the results have: {count}, such as {example}"
            ),
            RemarkKind::NoDataValue => write!(
                f,
                "images with a number for pixels without data (GDAL_NODATA) that their results do \
                 not have, because every pixel is translated: {count}, such as {example}"
            ),
        }
    }
}

impl Remark {
    /// A remark about these files; none if there are none.
    pub(super) fn of(kind: RemarkKind, files: &[PathBuf]) -> Option<Self> {
        let example = files.first()?.clone();
        let count = files.len();
        Some(Self {
            kind,
            count,
            example,
        })
    }
}
