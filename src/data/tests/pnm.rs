//! Netpbm's formats, as the reference reads them: plain and raw, 1, 8 and 16 bits.

use crate::data::{DataError, Depth, read_picture};
use std::fs;

/// The samples of this file, and their depth.
fn read(bytes: &[u8]) -> Result<(usize, Depth, Vec<u16>), DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ppm");
    fs::write(&path, bytes).unwrap();
    let picture = read_picture(&path)?;
    assert_eq!(picture.dimensions(), (2, 1));
    Ok((
        picture.channels(),
        picture.depth(),
        picture.samples().collect(),
    ))
}

#[test]
fn plain_and_raw_maps_of_all_depths_are_read() {
    let cases: &[(&[u8], usize, Depth, &[u16])] = &[
        (b"P1\n2 1\n1 0\n", 1, Depth::Eight, &[0, 255]),
        (b"P4\n2 1\n\x80", 1, Depth::Eight, &[0, 255]),
        (b"P2 2 1 255 7 250\n", 1, Depth::Eight, &[7, 250]),
        (b"P5 2 1 255\n\x07\xFA", 1, Depth::Eight, &[7, 250]),
        (
            b"P5\n# a comment\n2 1\n15\n\x00\x0F",
            1,
            Depth::Eight,
            &[0, 255],
        ),
        (b"P2 2 1 65535 7 65000\n", 1, Depth::Sixteen, &[7, 65_000]),
        (
            b"P5 2 1 65535\n\x01\x02\xFF\xFE",
            1,
            Depth::Sixteen,
            &[0x102, 0xFFFE],
        ),
        (
            b"P5 2 1 4095\n\x00\x00\x0F\xFF",
            1,
            Depth::Sixteen,
            &[0, 65_535],
        ),
        (
            b"P3 2 1 255 1 2 3 4 5 6\n",
            3,
            Depth::Eight,
            &[1, 2, 3, 4, 5, 6],
        ),
        (
            b"P6 2 1 255\n\x01\x02\x03\x04\x05\x06",
            3,
            Depth::Eight,
            &[1, 2, 3, 4, 5, 6],
        ),
        (
            b"P6 2 1 65535\n\0\x01\0\x02\0\x03\x01\0\x02\0\x03\0",
            3,
            Depth::Sixteen,
            &[1, 2, 3, 256, 512, 768],
        ),
    ];
    for &(bytes, channels, depth, samples) in cases {
        let name = String::from_utf8_lossy(bytes).into_owned();
        let expected = (channels, depth, samples.to_vec());
        assert_eq!(read(bytes).unwrap(), expected, "{name}");
    }
}

#[test]
fn what_is_cut_or_too_large_is_told() {
    let cut: &[&[u8]] = &[
        b"P6 2 1 255\n\x01\x02",
        b"P3 2 1 255 1 2 3",
        b"P5 2 1",
        b"P1 2 1 1",
    ];
    for bytes in cut {
        let error = read(bytes).unwrap_err();
        assert!(matches!(error, DataError::Damaged { .. }), "{error}");
    }
    let error = read(b"P6 60000 60000 255\n").unwrap_err();
    assert!(matches!(error, DataError::TooLarge { .. }), "{error}");
}

/// A PAM of two pixels.
fn pam(words: &str, samples: &[u8]) -> Vec<u8> {
    let header = format!("P7\n# made here\nWIDTH 2\nHEIGHT 1\n{words}\nENDHDR\n");
    [header.as_bytes(), samples].concat()
}

/// Lines of a header and the samples behind it, and the channels, depth and samples of its picture.
type Pam = (&'static str, &'static [u8], usize, Depth, &'static [u16]);

#[test]
fn pams_of_all_kinds_are_read() {
    let cases: &[Pam] = &[
        (
            "DEPTH 1\nMAXVAL 1\nTUPLTYPE BLACKANDWHITE",
            &[0, 1],
            1,
            Depth::Eight,
            &[0, 255],
        ),
        (
            "DEPTH 1\nMAXVAL 255\nTUPLTYPE GRAYSCALE",
            &[7, 8],
            1,
            Depth::Eight,
            &[7, 8],
        ),
        (
            "DEPTH 2\nMAXVAL 65535\nTUPLTYPE GRAYSCALE_ALPHA",
            &[1, 2, 3, 4, 5, 6, 7, 8],
            2,
            Depth::Sixteen,
            &[0x102, 0x304, 0x506, 0x708],
        ),
        (
            "DEPTH 4\nMAXVAL 15\nTUPLTYPE RGB_ALPHA",
            &[0, 1, 2, 15, 3, 4, 5, 0],
            4,
            Depth::Eight,
            &[0, 17, 34, 255, 51, 68, 85, 0],
        ),
        (
            "DEPTH 3\nMAXVAL 255",
            &[1, 2, 3, 4, 5, 6],
            3,
            Depth::Eight,
            &[1, 2, 3, 4, 5, 6],
        ),
    ];
    for &(words, bytes, channels, depth, samples) in cases {
        let expected = (channels, depth, samples.to_vec());
        assert_eq!(read(&pam(words, bytes)).unwrap(), expected, "{words}");
    }
    for (words, reason) in [
        ("DEPTH 1\nMAXVAL 65535", "more than 8 bits without TUPLTYPE"),
        ("DEPTH 0\nMAXVAL 255\nTUPLTYPE GRAYSCALE", "DEPTH is 0"),
        ("DEPTH 1\nMAXVAL 255\nTUPLTYPE DISPARITY", "DISPARITY"),
    ] {
        let error = read(&pam(words, &[0; 8])).unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains("a.ppm"), "{error}");
    }
}

/// Without a TUPLTYPE nobody says that the fourth channel is opacity.
#[test]
fn channels_without_a_meaning_are_counted() {
    let decode =
        |bytes: &[u8]| crate::data::read::decode("a.pam".as_ref(), bytes, &Default::default());
    let four = "DEPTH 4\nMAXVAL 255";
    let nameless = decode(&pam(four, &[9; 8])).unwrap();
    let named = decode(&pam(&format!("{four}\nTUPLTYPE RGB_ALPHA"), &[9; 8])).unwrap();
    assert_eq!((nameless.surplus(), named.surplus()), (1, 0));
    assert_eq!((nameless.has_opacity(), named.has_opacity()), (false, true));
}

#[test]
fn several_images_in_a_file_are_refused() {
    let files: &[&[u8]] = &[
        b"P5 2 1 255\n\x07\xFAP5 2 1 255\n\x07\xFA",
        b"P5 2 1 255\n\x07\xFA\nP6 2 1 255\n",
        b"P4\n2 1\n\x80P4\n2 1\n\x80",
        b"P2 2 1 255 7 250\nP2 2 1 255 7 250\n",
        b"P1\n2 1\n10\nP1\n2 1\n10\n",
    ];
    for bytes in files {
        let error = read(bytes).unwrap_err();
        assert!(matches!(error, DataError::Pages { .. }), "{error}");
    }
    let single: &[&[u8]] = &[
        b"P5 2 1 255\n\x07\xFA\n",
        b"P5 2 1 255\nP5",
        b"P2 2 1 255 7 250\n\n",
    ];
    for bytes in single {
        assert!(read(bytes).is_ok(), "{}", bytes.escape_ascii());
    }
}

#[test]
fn samples_brighter_than_white_are_damage() {
    let cases: &[(&[u8], u32)] = &[
        (b"P2 2 1 100 7 101\n", 101),
        (b"P2 2 1 4095 7 4096\n", 4096),
        (b"P3 2 1 9 1 2 3 4 5 10\n", 10),
        (b"P5 2 1 15\n\x0F\x10", 16),
        (b"P5 2 1 4095\n\x0F\xFF\x10\x00", 4096),
        (b"P6 2 1 254\n\x01\x02\x03\x04\x05\xFF", 255),
    ];
    for &(bytes, sample) in cases {
        let error = read(bytes).unwrap_err();
        assert!(matches!(error, DataError::Damaged { .. }), "{error}");
        let words = format!("a sample is {sample}, and its header says");
        assert!(error.to_string().contains(&words), "{error}");
    }
}

#[test]
fn comments_are_left_out_and_text_headers_are_damage() {
    let (channels, _, samples) = read(b"P5 # one\n2 # two\n1\n#three\n255\n\x07#").unwrap();
    assert_eq!((channels, &samples[..]), (1, &[7, 35][..]));
    let error = read(b"P5\r\n2 1\r\n255\r\n\x07\x08")
        .unwrap_err()
        .to_string();
    assert!(error.contains("CR and LF"), "{error}");
}
