//! What is accepted as an image file: its ending, and how large it may be.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;

use image::ImageFormat;

/// Whether this build reads all formats.
pub(super) const ALL_FORMATS: bool = cfg!(feature = "formats");

/// Whether this build reads files of this format. The module of a browser's tab is small: it reads
/// PNG alone, and the browser reads the others.
pub(super) fn is_read(format: ImageFormat) -> bool {
    let is_jpeg_read = cfg!(feature = "jpeg") && format == ImageFormat::Jpeg;
    ALL_FORMATS || is_jpeg_read || format == ImageFormat::Png
}

/// Endings of the files that count as images, in lower case. Other files of a folder are
/// counted and told.
pub const EXTENSIONS: [&str; 16] = [
    "png", "jpg", "jpeg", "jpe", "webp", "bmp", "gif", "tif", "tiff", "jfif", "ppm", "pgm", "pbm",
    "pnm", "pam", "exr",
];

/// Endings of pictures that are not read, in lower case. A folder that has some is told of them.
const UNREAD: [&str; 32] = [
    "heic", "heif", "hif", "avif", "jxl", "jp2", "j2k", "jpf", "psd", "psb", "xcf", "tga", "dds",
    "svg", "hdr", "ico", "qoi", "pcx", "jxr", "raw", "dng", "cr2", "cr3", "crw", "nef", "arw",
    "raf", "orf", "rw2", "pef", "srw", "fits",
];

/// Whether a file is a picture in a format that is not read, by its ending.
pub fn is_unread_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(OsStr::to_str);
    ending.is_some_and(|ending| {
        UNREAD
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    })
}

/// The longest accepted side of an image, in pixels, unless a number of pixels is given.
pub const MAX_SIDE: u32 = 16_384;
/// The longest side of a square that is still accepted once decoded.
pub const MAX_SQUARE: u32 = 13_377;
/// Most bytes of a file, and of an image once it is decoded, unless a number of pixels is given.
pub(super) const MAX_BYTES: u64 = 512 << 20;
/// Bytes of a pixel that counts as one: four channels of 32 bits. Larger ones count as several.
pub(super) const PIXEL_BYTES: u64 = 16;
/// What a file may hold beside its pixels, such as colour profiles and words.
pub(super) const BESIDE_PIXELS: u64 = 16 << 20;

/// The largest image that is read. Without it a file of a few kilobytes could ask for terabytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SizeLimit {
    /// 16384 pixels a side, and 512 MiB decoded.
    #[default]
    Usual,
    /// So many pixels, of 16 bytes at most once they are decoded. Larger ones count as several.
    Pixels(u64),
}

impl SizeLimit {
    /// The most bytes of pixels in memory.
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::Usual => MAX_BYTES,
            Self::Pixels(pixels) => pixels.saturating_mul(PIXEL_BYTES),
        }
    }

    /// The most bytes of a file.
    pub(super) fn file_bytes(self) -> u64 {
        match self {
            Self::Usual => MAX_BYTES,
            Self::Pixels(_) => self.bytes().saturating_add(BESIDE_PIXELS),
        }
    }

    /// The same for the decoder of TIFF files.
    pub(super) fn of_tiff(self) -> tiff::decoder::Limits {
        let bytes = usize::try_from(self.bytes()).unwrap_or(usize::MAX);
        let mut limits = tiff::decoder::Limits::default();
        limits.decoding_buffer_size = bytes;
        limits.intermediate_buffer_size = bytes;
        limits
    }
}

/// What a decoder of the `image` crate may take beside the pixels of an image: of none for its
/// head, and of an image that has so many bytes once it is decoded.
pub(super) fn decoder_limits(decoded: u64) -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(decoded.saturating_mul(2).saturating_add(BESIDE_PIXELS));
    limits
}

impl fmt::Display for SizeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usual => write!(
                f,
                "{MAX_SIDE} pixels a side and {} MiB decoded",
                MAX_BYTES >> 20
            ),
            Self::Pixels(most) => write!(f, "`reading.max_pixels` {most}"),
        }
    }
}
