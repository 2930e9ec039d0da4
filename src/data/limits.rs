//! What is accepted as an image file: its ending, its sides and its size.

/// Endings of the files that count as images, in lower case; other files of a folder are ignored.
pub const EXTENSIONS: [&str; 16] = [
    "png", "jpg", "jpeg", "jpe", "webp", "bmp", "gif", "tif", "tiff", "jfif", "ppm", "pgm", "pbm",
    "pnm", "pam", "exr",
];

/// The longest accepted side of an image, in pixels.
pub const MAX_SIDE: u32 = 16_384;
/// The longest side of a square that is still accepted once decoded.
pub const MAX_SQUARE: u32 = 13_377;
/// Most bytes of a file, and of an image once it is decoded. Without this limit a file of a few
/// kilobytes could ask for terabytes.
pub(super) const MAX_BYTES: u64 = 512 << 20;

/// The same for the decoder of TIFF files.
pub(super) fn tiff_limits() -> tiff::decoder::Limits {
    let mut limits = tiff::decoder::Limits::default();
    limits.decoding_buffer_size = MAX_BYTES as usize;
    limits.intermediate_buffer_size = MAX_BYTES as usize;
    limits
}
