//! Parts of the messages, and errors that are put together in several places.

use std::io;
use std::path::{Path, PathBuf};

use image::error::ImageFormatHint;
use image::{ImageError, ImageFormat};

use super::DataError;
use crate::data::jpeg::JpegFault;
use crate::data::limits::{SizeLimit, is_unread_picture};

/// How to get a picture that is read, where the file holds no more than colours.
pub(in crate::data) const AS_PICTURE: &str = "convert it to PNG or JPEG";
/// The same for a TIFF. A PNG or a JPEG would lose its floats and its place on Earth.
pub(in crate::data) const AS_TIFF: &str = "write it again with Deflate or no compression, which \
     keeps floats and a place on Earth (gdal_translate -co COMPRESS=DEFLATE)";
/// The same for a TIFF whose colours are stored in a way that is not read.
pub(in crate::data) const AS_RGB: &str = "save it as RGB in a TIFF with Deflate or no compression, \
     which keeps its place on Earth, or convert it to PNG";

/// Two files of one name in a folder that has no folders for inputs and targets.
pub(in crate::data) const SAME_NAME: &str = "same name, so pairing is ambiguous; rename one, or \
     put inputs into A/ and targets into B/";

/// The most errors of single files that one message lists.
const MOST_LISTED: usize = 20;

/// One error a line.
pub(super) fn list_errors(errors: &[DataError]) -> String {
    let mut text = format!("{} files or pairs cannot be used:", errors.len());
    for error in errors.iter().take(MOST_LISTED) {
        text += &format!("\n  {error}");
    }
    match errors.len().saturating_sub(MOST_LISTED) {
        0 => text,
        more => text + &format!("\n  and {more} more"),
    }
}

/// How many files there are, with an example.
pub(super) fn of_files(files: &[PathBuf]) -> String {
    match files {
        [] => String::new(),
        [one] => format!(", and the file {} has another ending", one.display()),
        [first, ..] => {
            let unread = files.iter().find(|file| is_unread_picture(file));
            format!(
                ", and {} files have other endings, such as {}",
                files.len(),
                unread.unwrap_or(first).display()
            )
        }
    }
}

/// How many files lack a partner beside the one that is named.
pub(super) fn others_unpaired(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        _ => format!(
            " ({count} files have no partner; each input needs a target of its own, so two sets of \
             unpaired images, as CycleGAN takes, cannot be used)"
        ),
    }
}

/// What four channels may be as well.
pub(super) fn or_opacity(channels: usize) -> &'static str {
    match channels {
        4 => ", or rgba if the fourth is opacity and the file does not say so",
        _ => "",
    }
}

/// How a larger image is allowed, which takes so many pixels.
pub(super) fn or_more_pixels(needed: Option<u64>) -> String {
    match needed {
        Some(pixels) => format!("read it with `reading.max_pixels` {pixels}"),
        None => "read it with a larger `reading.max_pixels`".to_owned(),
    }
}

/// The remedy for a full disk differs from that for a folder that may not be written.
pub(super) fn scratch_words(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space, or choose another folder"
        }
        _ => "check the folder and its permissions, or choose another one",
    }
}

impl DataError {
    /// The errors of several files as one. `None` if there are none.
    pub(in crate::data) fn of_files(errors: Vec<DataError>) -> Option<Self> {
        let mut all = Vec::with_capacity(errors.len());
        for error in errors {
            match error {
                Self::Unusable { errors } => all.extend(errors),
                error => all.push(error),
            }
        }
        match all.len() {
            0 | 1 => all.pop(),
            _ => Some(Self::Unusable { errors: all }),
        }
    }

    /// What the `image` crate says of a file that was read under a limit.
    pub(in crate::data) fn of_decoder(path: &Path, error: ImageError, limit: SizeLimit) -> Self {
        let path_buf = path.to_owned();
        match error {
            ImageError::Limits(what) => limit.too_large(path, what.to_string(), None),
            ImageError::Unsupported(what) => Self::NotAnImage {
                path: path_buf,
                reason: what.to_string(),
                remedy: match what.format_hint() {
                    ImageFormatHint::Exact(ImageFormat::Tiff) => AS_RGB,
                    _ => AS_PICTURE,
                },
            },
            other => Self::Damaged {
                path: path_buf,
                reason: other.to_string(),
            },
        }
    }

    /// Why a JPEG is not decoded.
    pub(in crate::data) fn of_jpeg(path: &Path, fault: JpegFault) -> Self {
        let path = path.to_owned();
        match fault {
            JpegFault::Kind(kind) => Self::NotAnImage {
                path,
                reason: kind.to_owned(),
                remedy: AS_PICTURE,
            },
            JpegFault::Missing(what) => Self::Damaged {
                path,
                reason: what.to_owned(),
            },
        }
    }

    /// The error with its position moved down by `rows` rows, for a part of a picture.
    pub(in crate::data) fn lower(mut self, rows: u32) -> Self {
        if let Self::UnknownColour { at, .. } = &mut self {
            at[1] += rows;
        }
        self
    }
}
