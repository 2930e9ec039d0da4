//! Formats that are not read here, known by their first bytes or, for the raw files of cameras that
//! are TIFFs, by their tags. The error says what a file is, so that its owner knows which program
//! writes it as a PNG.

use std::io::Cursor;

use ::tiff::tags::Tag;

use super::error::AS_PICTURE;
use super::tiff_head::TiffHead;

/// What a file is, as a reason beside "is not an image that can be read here", and how to get one
/// that is read.
type Foreign = (&'static str, &'static str);

/// What the file is. `None` for all formats that are read, and for what is not known.
pub(super) fn foreign_format(bytes: &[u8]) -> Option<Foreign> {
    let starts = |signature: &[u8]| bytes.starts_with(signature);
    let text = bytes.trim_ascii_start();
    let is_text = |start: &[u8]| {
        text.get(..start.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(start))
    };
    if bytes.get(4..8) == Some(b"ftyp") {
        return Some(of_brand(bytes.get(8..12)?));
    }
    let is_svg = is_text(b"<svg") || is_text(b"<?xml") && contains(text, b"<svg");
    Some(match () {
        () if starts(b"\xFF\x0A") || starts(b"\0\0\0\x0CJXL \r\n\x87\n") => {
            ("it is JPEG XL", AS_PICTURE)
        }
        () if starts(b"\0\0\0\x0CjP  \r\n\x87\n") || starts(b"\xFF\x4F\xFF\x51") => {
            ("it is JPEG 2000", AS_MAP)
        }
        () if starts(b"8BPS") => ("it is a Photoshop file", AS_PICTURE),
        () if starts(b"#?RADIANCE") || starts(b"#?RGBE") => ("it is Radiance HDR", AS_FLOATS),
        () if starts(b"%PDF-") => ("it is a PDF", AS_PICTURE),
        () if is_svg => ("it is SVG, a drawing without pixels", AS_PICTURE),
        () if is_text(b"<!doctype html") || is_text(b"<html") => (
            "it is a web page: the download has failed",
            "fetch it again",
        ),
        () if starts(b"version https://git-lfs") => {
            let reason = "it is a pointer of Git LFS, and `git lfs pull` fetches the image";
            (reason, "fetch it so")
        }
        () if starts(b"FUJIFILMCCD-RAW") || starts(b"IIRO") || starts(b"IIU\0") => RAW,
        () if starts(b"II*\0\x10\0\0\0CR") => RAW,
        () if starts(b"\0\0\x01\0") => ("it is an icon (ICO)", AS_PICTURE),
        () if starts(b"gimp xcf") => ("it is a GIMP file", AS_PICTURE),
        () if starts(b"DDS ") => ("it is a DirectDraw texture (DDS)", AS_PICTURE),
        () if starts(b"\x89HDF") || starts(b"CDF\x01") || starts(b"CDF\x02") => {
            ("it is a file of arrays, HDF5 or NetCDF", AS_MAP)
        }
        () if starts(b"\x93NUMPY") => ("it is an array of NumPy", AS_FLOATS),
        () => return raw_tiff(&TiffHead::read(&mut Cursor::new(bytes)).ok()?),
    })
}

/// Formats of maps: a PNG or a JPEG has no place on Earth, and no floats.
const AS_MAP: &str = "convert it to PNG, or to TIFF where it has floats or a place on Earth \
                      (gdal_translate -of GTiff -co COMPRESS=DEFLATE)";
/// Formats of floats, which no PNG or JPEG holds.
const AS_FLOATS: &str = "save its numbers as a TIFF or an OpenEXR file of floats";

const RAW: Foreign = (
    "it is a camera's raw file, which has to be developed first",
    "develop it into a TIFF, a PNG or a JPEG",
);

/// What a TIFF is that holds a raw picture (DNG 1.7, TIFF/EP). Its first list has a thumbnail as a
/// rule, and the picture is in a list below that one.
pub(super) fn raw_tiff(head: &TiffHead) -> Option<Foreign> {
    const DNG_VERSION: u16 = 50_706;
    /// PhotometricInterpretation of a sensor's colour filters, and of their linear numbers.
    const SENSOR: [u64; 2] = [32_803, 34_892];
    let kind = head.number(Tag::PhotometricInterpretation);
    let is_of_sensor = kind.is_some_and(|kind| SENSOR.contains(&kind));
    match () {
        () if head.has(Tag::from_u16_exhaustive(DNG_VERSION)) || is_of_sensor => Some(RAW),
        () if head.is_smaller() && head.has(Tag::SubIfd) => Some((
            "its first picture is a thumbnail, as in a camera's raw file, which has to be \
             developed first",
            RAW.1,
        )),
        () => None,
    }
}

/// What a file of the family of MP4 is (ISO/IEC 14496-12), by its major brand.
fn of_brand(brand: &[u8]) -> Foreign {
    match brand {
        b"avif" | b"avis" => ("it is AVIF", AS_PICTURE),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => {
            ("it is HEIC, as phones store photos", AS_PICTURE)
        }
        b"crx " => RAW,
        _ => (
            "it is a video, or another file of its family",
            "save its frames as PNG files",
        ),
    }
}

/// Whether this text is near the start.
fn contains(text: &[u8], part: &[u8]) -> bool {
    const NEAR: usize = 1024;
    let mut windows = text.windows(part.len()).take(NEAR);
    windows.any(|window| window.eq_ignore_ascii_case(part))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The head of a TIFF with these tags.
    fn tiff_of(tags: &[(u16, u16)]) -> Vec<u8> {
        let entry =
            |&(tag, value): &(u16, u16)| [tag, 3, 1, 0, value, 0].map(u16::to_le_bytes).concat();
        let entries: Vec<u8> = tags.iter().flat_map(entry).collect();
        let count = (tags.len() as u16).to_le_bytes();
        [&b"II*\0\x08\0\0\0"[..], &count, &entries, &[0; 4]].concat()
    }

    /// The first bytes of files that are not read, and what they are called.
    const CASES: [(&[u8], &str); 15] = [
        (b"\0\0\0\x1Cftypavif\0\0\0\0", "it is AVIF"),
        (
            b"\0\0\0\x18ftypheic\0\0\0\0",
            "it is HEIC, as phones store photos",
        ),
        (
            b"\0\0\0\x18ftypmif1\0\0\0\0",
            "it is HEIC, as phones store photos",
        ),
        (b"\0\0\0\x18ftypcrx \0\0\0\0", RAW.0),
        (
            b"\0\0\0\x18ftypisom\0\0\0\0",
            "it is a video, or another file of its family",
        ),
        (b"\xFF\x0A\x01\x02", "it is JPEG XL"),
        (b"\0\0\0\x0CJXL \r\n\x87\n\0", "it is JPEG XL"),
        (b"\0\0\0\x0CjP  \r\n\x87\n\0", "it is JPEG 2000"),
        (b"8BPS\0\x01", "it is a Photoshop file"),
        (b"%PDF-1.4", "it is a PDF"),
        (
            b"<?xml version=\"1.0\"?>\n<svg>",
            "it is SVG, a drawing without pixels",
        ),
        (b"  <SVG >", "it is SVG, a drawing without pixels"),
        (
            b"<!DOCTYPE html>",
            "it is a web page: the download has failed",
        ),
        (
            b"version https://git-lfs.github.com/spec/v1",
            "it is a pointer of Git LFS, and `git lfs pull` fetches the image",
        ),
        (b"II*\0\x10\0\0\0CR\x02\0", RAW.0),
    ];

    /// What holds floats or a place on Earth would lose them as a PNG or a JPEG.
    #[test]
    fn remedies_keep_floats_and_places() {
        for (bytes, remedy) in [
            (&b"\0\0\0\x0CjP  \r\n\x87\n\0"[..], AS_MAP),
            (b"\x89HDF\r\n", AS_MAP),
            (b"#?RADIANCE\n", AS_FLOATS),
            (b"\x93NUMPY\x01", AS_FLOATS),
            (b"8BPS\0\x01", AS_PICTURE),
        ] {
            assert_eq!(foreign_format(bytes).unwrap().1, remedy);
        }
    }

    #[test]
    fn each_is_named_as_what_it_is() {
        for (bytes, expected) in CASES {
            let found = foreign_format(bytes);
            assert_eq!(found.map(|(reason, _)| reason), Some(expected));
        }
        for (tags, expected) in [
            (
                &[(254, 1), (330, 8)][..],
                Some("its first picture is a thumbnail"),
            ),
            (
                &[(255, 2), (330, 8)],
                Some("its first picture is a thumbnail"),
            ),
            (&[(50_706, 1)], Some(RAW.0)),
            (&[(262, 32_803)], Some(RAW.0)),
            (&[(262, 34_892)], Some(RAW.0)),
            (&[(254, 1)], None),
            (&[(330, 8)], None),
            (&[(262, 1)], None),
        ] {
            let found = foreign_format(&tiff_of(tags));
            let is_right = found
                .zip(expected)
                .map(|((found, _), words)| found.starts_with(words));
            assert_eq!(is_right, expected.map(|_| true), "{tags:?}: {found:?}");
        }
        let read: &[&[u8]] = &[
            b"II*\0\x08\0\0\0",
            b"\x76\x2F\x31\x01\x02",
            b"P6 1 1 255\n",
            b"\xFF\xD8\xFF",
            b"BM",
            b"<?xml",
            b"",
        ];
        for bytes in read {
            assert_eq!(foreign_format(bytes), None, "{bytes:?}");
        }
    }
}
