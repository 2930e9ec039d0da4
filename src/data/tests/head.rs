//! The size in the head of a file is that of its picture.

use super::{orientation, tiff_corpus, tiff_samples};
use crate::data::ReadOptions;
use crate::data::head::size_of;

/// Whatever can be read has the size that is found in the head of its file.
#[test]
fn the_head_of_every_kind_of_file_has_the_size_of_its_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let mut files = orientation::corpus();
    files.extend(tiff_samples::corpus());
    files.extend(tiff_corpus::corpus());
    let mut read = 0;
    for bytes in files {
        std::fs::write(&path, &bytes).unwrap();
        for ignore_orientation in [false, true] {
            let options = ReadOptions {
                ignore_orientation,
                ..ReadOptions::default()
            };
            if let Ok(picture) = options.read(&path, &mut Default::default()) {
                read += 1;
                let size = size_of(&path, ignore_orientation);
                assert_eq!(size, Some(picture.dimensions()), "{:?}", &bytes[..8]);
            }
        }
    }
    assert!(read > 16, "{read}");
}

#[test]
fn the_length_of_a_chunk_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.webp");
    std::fs::write(&path, orientation::webp_that_says_too_much()).unwrap();
    let (width, height) = size_of(&path, true).unwrap();
    assert_eq!(size_of(&path, false), Some((height, width)));
}
