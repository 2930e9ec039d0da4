//! Why it is not clear which images make a pair.

use std::path::PathBuf;

use thiserror::Error;

/// Why it is not clear which images make a pair.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PairingError {
    /// A file has two partners.
    #[error(
        "{}: by its name it makes a pair with {} and with {}; put inputs into A/ and targets into \
         B/",
        file.display(), first.display(), second.display()
    )]
    TwoWays {
        /// The file.
        file: PathBuf,
        /// One partner.
        first: PathBuf,
        /// The other partner.
        second: PathBuf,
    },
    /// A few files keep all others from being pairs.
    #[error(
        "{}: no partner for {} of {all} files; the others make pairs {rule}; rename these files \
         so, add what they lack, or move them elsewhere",
        few_names(files), files.len()
    )]
    Few {
        /// The files without a partner.
        files: Vec<PathBuf>,
        /// How many files there are, of both sides.
        all: usize,
        /// What the others are paired by.
        rule: String,
    },
    /// Names that would be equal without zeros in front of their numbers.
    #[error(
        "{} and {}: names that differ in the zeros in front of their numbers; give the files of \
         both folders the same names",
        one.display(), other.display()
    )]
    Zeros {
        /// The first file of a pair.
        one: PathBuf,
        /// The other one.
        other: PathBuf,
    },
    /// Images of one folder are pairs by their names, and others are not.
    #[error(
        "{} and {} make a pair by their names, and {} has no such name ({count} files); put inputs \
         into A/ and targets into B/, or keep pairs in one image in another folder",
        a.display(), b.display(), other.display()
    )]
    Mixed {
        /// The input of a pair.
        a: PathBuf,
        /// Its target.
        b: PathBuf,
        /// An image that is none of a pair.
        other: PathBuf,
        /// How many of them there are.
        count: usize,
    },
    /// All images of a folder are so high that A and B cannot lie side by side in them.
    #[error(
        "{}: is {width}x{height}, and all {count} images of its folder are at least twice as high \
         as wide, so they are no pairs side by side; put the input of each pair into A/ and its \
         target into B/",
        path.display()
    )]
    NotSideBySide {
        /// The first of them.
        path: PathBuf,
        /// Its width in pixels.
        width: u64,
        /// Its height in pixels.
        height: u64,
        /// How many images there are.
        count: usize,
    },
    /// The two files of a pair differ in size.
    #[error(
        "{}: is {}x{}, but {} is {}x{}; the two images of a pair must have the same size: {}",
        a.display(), a_size.0, a_size.1, b.display(), b_size.0, b_size.1, size_remedy(*as_stored)
    )]
    Sizes {
        /// The file in `A/`.
        a: PathBuf,
        /// Its width and height in pixels.
        a_size: (u32, u32),
        /// The file in `B/`.
        b: PathBuf,
        /// Its width and height in pixels.
        b_size: (u32, u32),
        /// Whether they have one size as they are stored, or else as they are shown. `None` if they
        /// have not.
        as_stored: Option<bool>,
    },
    /// A folder in the folder is the data set.
    #[error(
        "{}: holds no data set itself, but {} does: {} is a part or a side of it; name \
         {}, or move what is in it up",
        root.display(), folder.display(), part.display(), folder.display()
    )]
    Deeper {
        /// The folder that was named.
        root: PathBuf,
        /// The folder in it that is meant.
        folder: PathBuf,
        /// What says so.
        part: PathBuf,
    },
    /// Folders look like the parts of a data set, and have other names.
    #[error(
        "{}: {} and {} look like parts of a data set, and all of it would be for training; name \
         the parts train/, val/ and test/, with A/ and B/ in them where a pair is two files",
        root.display(), train.display(), held_out.display()
    )]
    NamedLikeParts {
        /// The data set.
        root: PathBuf,
        /// What looks like training images.
        train: PathBuf,
        /// What looks like images that are held out.
        held_out: PathBuf,
    },
    /// Two folders hold the same names, and are not known as sides.
    #[error(
        "{} and {} hold images of the same names, and it is not clear which are the inputs; in {} \
         name the folder of inputs A/ and that of targets B/; if each image is a pair, side by \
         side, give the images of one folder other names",
        one.display(), other.display(), set.display()
    )]
    LikeSides {
        /// The folder that has both.
        set: PathBuf,
        /// One of them.
        one: PathBuf,
        /// The other one.
        other: PathBuf,
    },
    /// The partner of a file is in a format that is not read.
    #[error(
        "{}: its partner {} is in a format that is not read; convert that to PNG or JPEG, or to \
         TIFF to keep floats or a place on Earth",
        path.display(), partner.display()
    )]
    Unread {
        /// The file.
        path: PathBuf,
        /// The file of its name.
        partner: PathBuf,
    },
}

/// The first three files, and how many more there are.
fn few_names(files: &[PathBuf]) -> String {
    let shown: Vec<String> = files
        .iter()
        .take(3)
        .map(|path| path.display().to_string())
        .collect();
    let more = match files.len().saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    shown.join(", ") + &more
}

/// What brings the two images of a pair to one size, where they have one as they are stored or as
/// they are shown, or neither.
fn size_remedy(as_stored: Option<bool>) -> &'static str {
    match as_stored {
        Some(true) => {
            "`reading.ignore_orientation` leaves their EXIF orientation aside, and then they have \
             it"
        }
        Some(false) => {
            "they have it without `reading.ignore_orientation`, turned as EXIF orientation says"
        }
        None => "prepare combine with `size` brings them to one",
    }
}
