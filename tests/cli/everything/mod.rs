//! Folders of one of everything that people have: each line that is printed about them. What is
//! left out, changed or guessed without a line here is a silent path.

mod pairs;
mod photos;
mod stream;
mod tiffs;
mod train;

use crate::{copy_folder, finished, picture};
use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::{Frame, ImageEncoder, Rgba, RgbaImage};
use std::fs;
use std::path::Path;

/// What a phone writes.
const HEIC: &[u8] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";

/// A photo of a camera that was held upright: it is stored on its side, and its EXIF says so. Its
/// colours have a profile.
fn turned(path: &Path, width: u32, height: u32) {
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif).unwrap();
    encoder.set_icc_profile(vec![0; 128]).unwrap();
    let pixels = vec![90; (3 * width * height) as usize];
    let colour = image::ExtendedColorType::Rgb8;
    encoder.write_image(&pixels, height, width, colour).unwrap();
    fs::write(path, bytes).unwrap();
}

/// An animation of two pictures.
fn moving(path: &Path, width: u32, height: u32) {
    let picture = |shade| RgbaImage::from_pixel(width, height, Rgba([shade, shade, shade, 255]));
    let frames = [10, 200].map(|shade| Frame::new(picture(shade)));
    let mut encoder = GifEncoder::new(fs::File::create(path).unwrap());
    encoder.encode_frames(frames).unwrap();
}

fn translucent(path: &Path, width: u32, height: u32) {
    let pixel = Rgba([10, 200, 30, 128]);
    RgbaImage::from_pixel(width, height, pixel)
        .save(path)
        .unwrap();
}

/// What lies in folders of images without being one: hidden files, notes, a link in a circle and a
/// training run.
fn beside_images(folder: &Path) {
    picture(&folder.join(".hidden.png"), 80, 40);
    picture(&folder.join(".cache/x.png"), 80, 40);
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    fs::write(folder.join("raw.heic"), HEIC).unwrap();
    // Elsewhere not everybody may make a link.
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder, folder.join("circle")).unwrap();
    copy_folder(&finished().join("runs/t"), &folder.join("runs/t"));
}

/// These lines, and what is told of what lies beside images in `folder`. There are so many files in
/// all that are no images.
fn with_beside(lines: &[&str], folder: &str, others: usize) -> Vec<String> {
    let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    lines.extend([
        format!(
            "note: pictures in formats that are not read: 1, such as {folder}/raw.heic; convert \
             them to PNG or JPEG, or to TIFF to keep floats or a place on Earth"
        ),
        format!(
            "note: files that are no images by their ending and are not read: {others}, such as \
             {folder}/"
        ),
    ]);
    if cfg!(unix) {
        lines.push(format!(
            "note: links to folders that are read already and are not followed: 1, such as \
             {folder}/circle"
        ));
    }
    lines.push(format!(
        "note: folders of training runs, which are no data and are not read: 1, such as \
         {folder}/runs/t"
    ));
    lines
}

/// A text with paths below `root`, as they are on Unix.
fn plain(text: &str, root: &Path) -> String {
    let root = root.display().to_string();
    let below = text.replace(&format!("{root}{}", std::path::MAIN_SEPARATOR), "");
    below.replace(&root, "").replace('\\', "/")
}

/// Compares the lines of an output with the beginnings of those that are expected, in any order.
/// The line that ends a translation depends on the time.
fn compare<T: AsRef<str>>(text: &str, expected: &[T]) {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.retain(|line| !line.ends_with(" images/s"));
    for expected in expected.iter().map(T::as_ref) {
        let place = lines.iter().position(|line| line.starts_with(expected));
        let place = place.unwrap_or_else(|| panic!("no line {expected:?}:\n{text}"));
        lines.remove(place);
    }
    assert!(lines.is_empty(), "more lines: {lines:#?}");
}
