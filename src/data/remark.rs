//! What is told of a dataset folder and of images: what is not used or not kept, and what looks
//! unusual.

use super::split::Split;
use std::fmt;
use std::path::PathBuf;

/// Kinds of things that are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemarkKind {
    /// Images that are in no pair.
    UnusedImages,
    /// Images in the folder where results go.
    Results,
    /// Images in a folder that repeats the names of those beside it.
    LikeResults,
    /// Pictures of formats that are not read.
    UnreadPictures,
    /// Files whose ending is no image's.
    OtherEndings,
    /// Links to folders that are read already.
    Links,
    /// Folders of training runs.
    Runs,
    /// What the names of pairs look like.
    Names(NameRemark),
    /// A folder that is another one as well, by a link.
    SameFolder,
    /// A test split without targets.
    InputsAlone,
    /// Pairs of a held-out split that are training pairs as well.
    HeldOutCopies(Split),
    /// A test split beside a validation split.
    UnusedSplit,
    /// Images with opacity where the channels that are used have none.
    Opacity,
    /// Combined images whose halves are much higher than wide.
    NarrowHalves,
    /// What happens to places on Earth.
    Place(PlaceRemark),
}

/// What is told of the names of pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRemark {
    /// Pairs whose names are written in two Unicode forms.
    NormalForms,
    /// Pairs whose names differ in letter case, and perhaps in Unicode form.
    LetterCase,
    /// Combined images whose names are those of two sides.
    LikePairs,
    /// Combined images of the same names in two to four folders.
    InSeveralFolders,
}

/// What is told of places on Earth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceRemark {
    /// Images with a place on Earth, whose results are in a format that has none.
    NotHeld,
    /// Images with a place on Earth, of which PNGs are made.
    InNoPng,
    /// Images with a place on Earth that are turned when they are read.
    Turned,
    /// Images with a place on Earth, of which a result shows a part.
    Cut,
    /// Images of stacks that lie at another place than the first image of their stack.
    Differs,
    /// Images whose place on Earth, or a part of what stands beside it, cannot be read.
    Damaged,
    /// World files and `.aux.xml` files of images that have no place on Earth themselves.
    Beside,
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

impl RemarkKind {
    /// What such things are, and what can be done or what happens with them. The second is empty if
    /// the first says it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::UnusedImages => ("images that are in no pair and are not used", ""),
            Self::Results => (
                "images in the folder of the results, which are no inputs",
                "",
            ),
            Self::LikeResults => (
                "images in folders that repeat the names of the images beside them, and are \
                 inputs too",
                "if they are results of an earlier command, keep them outside of the inputs",
            ),
            Self::UnreadPictures => (
                "pictures in formats that are not read",
                "convert them to PNG or JPEG, or to TIFF to keep floats or a place on Earth",
            ),
            Self::OtherEndings => (
                "files that are no images by their ending and are not read",
                "",
            ),
            Self::Links => (
                "links to folders that are read already and are not followed",
                "",
            ),
            Self::Runs => (
                "folders of training runs, which are no data and are not read",
                "",
            ),
            Self::Names(names) => names.words(),
            Self::SameFolder => (
                "folders that are one folder with another one of the data set",
                "its images are used for both",
            ),
            Self::InputsAlone => (
                "test images without targets, which training does not use",
                "translate takes them",
            ),
            Self::HeldOutCopies(split) => (
                match split {
                    Split::Test => "test pairs that are training pairs as well, byte by byte",
                    _ => "val pairs that are training pairs as well, byte by byte",
                },
                "their scores and samples say nothing of new images",
            ),
            Self::UnusedSplit => (
                "test pairs that are checked but not used, because the samples show val",
                "",
            ),
            Self::Opacity => (
                "images whose opacity is not used",
                "`input` or `output` rgba keeps it",
            ),
            Self::NarrowHalves => (
                "images that are cut into a left half A and a right half B much higher than wide",
                "if they are no pairs side by side, put inputs into A/ and targets into B/",
            ),
            Self::Place(place) => place.words(),
        }
    }
}

impl NameRemark {
    /// As [`RemarkKind::words`].
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NormalForms => (
                "pairs whose names differ in how their accents are written (a folder from a Mac)",
                "they are paired",
            ),
            Self::LetterCase => (
                "pairs whose names differ in letter case or accents",
                "they are paired",
            ),
            Self::LikePairs => (
                "images that have the names of inputs and targets and are cut into A and B all \
                 the same",
                "if each is one side, put inputs into A/ and targets into B/",
            ),
            Self::InSeveralFolders => (
                "images that have the same names in several folders and are cut into A and B all \
                 the same",
                "if each is one side, name the folder of inputs A/ and that of targets B/",
            ),
        }
    }
}

impl PlaceRemark {
    /// As [`RemarkKind::words`].
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NotHeld => (
                "images with a place on Earth (GeoTIFF) that their results do not have",
                "`format` tiff keeps it",
            ),
            Self::InNoPng => (
                "images with a place on Earth (GeoTIFF) that the PNGs made of them do not have",
                "",
            ),
            Self::Turned => (
                "images with a place on Earth (GeoTIFF) that their results do not have, because \
                 they are turned upright",
                "`reading.ignore_orientation` leaves them as they are and keeps it",
            ),
            Self::Cut => (
                "images with a place on Earth (GeoTIFF) that their results do not have, because \
                 they show a part",
                "",
            ),
            Self::Differs => (
                "images that lie at another place on Earth than the first one of their stack, \
                 whose place the results have",
                "",
            ),
            Self::Damaged => (
                "images with GeoTIFF tags that are too long or damaged, which their results do not \
                 have",
                "",
            ),
            Self::Beside => (
                "world files and .aux.xml files beside images, which are not copied",
                "a copy of a world file places a result of the same size",
            ),
            Self::NoDataValue => (
                "images with a number for pixels without data (GDAL_NODATA) that their results do \
                 not have, because every pixel is translated",
                "",
            ),
        }
    }
}

/// One line.
impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, example) = (self.count, self.example.display());
        let (things, more) = self.kind.words();
        write!(f, "{things}: {count}, such as {example}")?;
        match more {
            "" => Ok(()),
            more => write!(f, "; {more}"),
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
