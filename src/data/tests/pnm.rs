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
