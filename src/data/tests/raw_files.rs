//! Raw files of cameras that are TIFFs: their thumbnail is not the picture.

use super::raw_tiff::RawTiff;
use crate::data::{DataError, RowReader, read_picture};

/// A grey file of 4 × 4 pixels, whose list has this NewSubfileType, and lists below it.
fn file(kind: u32, has_lists_below: bool) -> Vec<u8> {
    let mut file = RawTiff::new(false, true);
    file.longs(254, &[kind]);
    file.longs(256, &[4]);
    file.longs(257, &[4]);
    file.shorts(258, &[8]);
    file.shorts(262, &[1]);
    file.longs(278, &[4]);
    if has_lists_below {
        file.longs(330, &[8]);
    }
    file.finish([273, 279], &[vec![7; 16]])
}

#[test]
fn a_thumbnail_is_not_read_as_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nef");
    for (kind, has_lists_below, is_raw) in [
        (1, true, true),
        (1, false, false),
        // A picture with smaller versions below it.
        (0, true, false),
    ] {
        std::fs::write(&path, file(kind, has_lists_below)).unwrap();
        let whole = read_picture(&path);
        let rows = RowReader::open(&path, &Default::default()).map(drop);
        if !is_raw {
            assert_eq!(whole.unwrap().bytes(), [7; 16]);
            rows.unwrap();
            continue;
        }
        for error in [whole.unwrap_err(), rows.unwrap_err()] {
            let is_refused = matches!(error, DataError::NotAnImage { .. });
            let text = error.to_string();
            assert!(is_refused && text.contains("is a thumbnail"), "{text}");
        }
    }
}
