//! The size in the head of a file is that of its picture.

use super::{orientation, tiff_corpus, tiff_samples};
use crate::data::head::size_of;
use crate::data::{Density, GeoTags, ReadOptions};

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

/// A pipe that nobody writes to would block for ever.
#[cfg(unix)]
#[test]
fn a_pipe_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("x.png");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let options = ReadOptions::default();
        let nothing = size_of(&pipe, false).is_none()
            && Density::of(&pipe, &options).is_none()
            && GeoTags::read(&pipe).is_none()
            && options.read(&pipe, &mut Default::default()).is_err();
        sender.send(nothing).unwrap();
    });
    let wait = std::time::Duration::from_secs(20);
    assert_eq!(receiver.recv_timeout(wait), Ok(true));
}
