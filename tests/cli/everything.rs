//! Folders of one of everything that people have: each line that is printed about them. What is
//! left out, changed or guessed without a line here is a silent path.
#![cfg(unix)]

use crate::{
    TINY, copy_folder, finished, generator, open, picture, run, stderr, stdout, temporary,
};
use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::{Frame, ImageEncoder, Rgba, RgbaImage};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

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
    symlink(folder, folder.join("circle")).unwrap();
    copy_folder(&finished().join("runs/t"), &folder.join("runs/t"));
}

/// What is told of them in `data`.
const BESIDE: [&str; 4] = [
    "note: pictures in formats that are not read: 1, such as data/raw.heic; convert them to PNG or \
     JPEG",
    "note: files that are no images by their ending and are not read: 1, such as data/notes.txt",
    "note: links to folders that are read already and are not followed: 1, such as data/circle",
    "note: folders of training runs, which are no data and are not read: 1, such as data/runs/t",
];

/// The lines of a training up to the one that names the device.
fn told(text: &str) -> Vec<&str> {
    text.lines()
        .take_while(|line| !line.contains(" training pairs, "))
        .collect()
}

#[test]
fn train_tells_all_of_a_folder_of_combined_pairs() {
    let folder = temporary();
    let root = folder.path();
    let train = root.join("data/train");
    for name in ["0.png", "1.jpg", "day/0.ppm", "x_A.png", "x_B.png", "é.png"] {
        picture(&train.join(name), 80, 40);
    }
    turned(&train.join("turned.jpg"), 80, 40);
    translucent(&train.join("clear.png"), 80, 40);
    picture(&train.join("square.png"), 40, 40);
    picture(&root.join("data/val/0.png"), 80, 40);
    picture(&root.join("data/valid/0.png"), 80, 40);
    picture(&root.join("data/test/0.png"), 40, 40);
    picture(&root.join("data/loose.png"), 80, 40);
    beside_images(&root.join("data"));
    let line = format!("train data --steps 1 --name r {TINY}");

    fs::write(train.join("empty.png"), "").unwrap();
    fs::write(train.join("heic.jpg"), HEIC).unwrap();
    let whole = fs::read(train.join("0.png")).unwrap();
    fs::write(train.join("torn.png"), &whole[..whole.len() / 2]).unwrap();
    picture(&train.join("odd.png"), 81, 40);
    let refused = run(root, &line);
    let text = stderr(&refused).replace(&format!("{}/", root.display()), "");
    assert_eq!(refused.status.code(), Some(1), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let names = ["empty.png", "heic.jpg", "odd.png", "torn.png"];
    assert_eq!(lines[0], "error: 4 files or pairs cannot be used:");
    assert_eq!(lines.len(), 1 + names.len(), "{text}");
    for (line, name) in lines[1..].iter().zip(names) {
        assert!(
            line.starts_with(&format!("  data/train/{name}: ")),
            "{text}"
        );
        fs::remove_file(train.join(name)).unwrap();
    }

    let trained = run(root, &line);
    assert_eq!(trained.status.code(), Some(0), "{}", stderr(&trained));
    let text = stderr(&trained).replace(&format!("{}/", root.display()), "");
    assert_eq!(
        told(&text),
        [
            "train: 9 images in train/, A is the left half and B the right one; val: 1 image in \
             val/, A is the left half and B the right one",
            "note: test images without targets, which training does not use: 1, such as \
             data/test/0.png; translate takes them",
            "note: images that are cut into a left half A and a right half B much higher than \
             wide: 1, such as data/train/square.png; if they are no pairs side by side, put \
             inputs into A/ and targets into B/",
            "note: images that have the names of inputs and targets and are cut into A and B all \
             the same: 2, such as data/train/x_A.png; if each is one side, put inputs into A/ and \
             targets into B/",
            "note: images that are in no pair and are not used: 2, such as data/loose.png",
            BESIDE[0],
            BESIDE[1],
            BESIDE[2],
            BESIDE[3],
            "note: held-out pairs that are training pairs as well, byte by byte: 1, such as \
             data/val/0.png; their scores and samples say nothing of new images",
            "note: images whose opacity is not used: 1, such as data/train/clear.png; --input or \
             --output rgba keeps it",
            "note: images whose colours are not sRGB and are read as if they were: 1, such as \
             data/train/turned.jpg (a profile without a name)",
        ]
    );
}

#[test]
fn train_tells_all_of_folders_a_and_b() {
    let folder = temporary();
    let root = folder.path();
    let data = root.join("data");
    for name in ["0.png", "caf\u{e9}.png", "IMG_1.png", "day/0.png"] {
        picture(&data.join("trainA").join(name), 40, 40);
    }
    for name in ["0.jpg", "cafe\u{301}.png", "img_1.png", "day/0.png"] {
        picture(&data.join("trainB").join(name), 40, 40);
    }
    turned(&data.join("trainA/turned.jpg"), 40, 60);
    picture(&data.join("trainB/turned.png"), 40, 60);
    for part in ["valA", "valB", "testA", "testB"] {
        picture(&data.join(part).join("0.png"), 40, 40);
    }
    picture(&data.join("loose.png"), 40, 40);
    beside_images(&data);
    let line = format!("train data --steps 1 --name r {TINY}");

    picture(&data.join("trainA/alone.png"), 40, 40);
    let refused = run(root, &line);
    assert_eq!(refused.status.code(), Some(1));
    let text = stderr(&refused).replace(&format!("{}/", root.display()), "");
    // The names that differ in letter case alone are no part of the problem.
    let start = "error: data/trainA/alone.png: no image with the same name in data/trainB; ";
    assert!(text.starts_with(start), "{text}");
    fs::remove_file(data.join("trainA/alone.png")).unwrap();

    let trained = run(root, &line);
    assert_eq!(trained.status.code(), Some(0), "{}", stderr(&trained));
    let text = stderr(&trained).replace(&format!("{}/", root.display()), "");
    assert_eq!(
        told(&text),
        [
            "train: A: 5 images in trainA/, B: 5 in trainB/, paired by name; val: A: 1 image in \
             valA/, B: 1 in valB/, paired by name; test: A: 1 image in testA/, B: 1 in testB/, \
             paired by name",
            "note: pairs whose names differ in letter case or accents: 2, such as \
             data/trainA/caf\u{e9}.png; they are paired",
            "note: test pairs that are checked but not used, because the samples show val: 1, \
             such as data/testA/0.png",
            "note: images that are in no pair and are not used: 1, such as data/loose.png",
            BESIDE[0],
            BESIDE[1],
            BESIDE[2],
            BESIDE[3],
            "note: held-out pairs that are training pairs as well, byte by byte: 2, such as \
             data/valA/0.png; their scores and samples say nothing of new images",
            "note: images whose colours are not sRGB and are read as if they were: 1, such as \
             data/trainA/turned.jpg (a profile without a name)",
        ]
    );
}

/// The inputs of `translate` and of a tool of `prepare`.
fn photos(folder: &Path) {
    for name in ["a.png", "a.jpg", "day/a.png", "out/a.png"] {
        picture(&folder.join(name), 40, 36);
    }
    turned(&folder.join("turned.jpg"), 40, 36);
    translucent(&folder.join("clear.png"), 40, 36);
    moving(&folder.join("moving.gif"), 40, 36);
    fs::write(folder.join("clear.pgw"), "").unwrap();
    fs::write(folder.join("empty.png"), "").unwrap();
    fs::write(folder.join("heic.jpg"), HEIC).unwrap();
    beside_images(folder);
}

/// The lines about these photos that both commands print.
const PHOTOS: [&str; 13] = [
    "note: pictures in formats that are not read: 1, such as in/raw.heic; convert them to PNG or \
     JPEG",
    "note: files that are no images by their ending and are not read: 2, such as in/clear.pgw",
    "note: links to folders that are read already and are not followed: 1, such as in/circle",
    "note: folders of training runs, which are no data and are not read: 1, such as in/runs/t",
    "note: images below in/out, which are results and no inputs: 1, such as in/out/a.png",
    "note: 1 result is there already and stays as it is, for example in/out/a.png",
    "note: world files and .aux.xml files beside images, which are not copied: 1, such as \
     in/clear.pgw; a copy of a world file places a result of the same size",
    "error: in/a.jpg and in/a.png would both be in/out/a.png; choose another --out, or run them \
     apart with an --out each",
    "error: in/empty.png: is empty (0 bytes); replace it or leave it out",
    "error: in/heic.jpg: ",
    "note: animations of which only the first picture is used: 1, such as in/moving.gif",
    "note: images whose colours are not sRGB and are read as if they were: 1, such as \
     in/turned.jpg (a profile without a name)",
    "note: images that are nearly black in every pixel: 1, such as in/moving.gif (at most 10 of \
     255); --value-range says what counts and heights mean, --input labels that these are classes",
];

/// Compares the lines of an output with [`PHOTOS`] and others, in any order. The line that ends a
/// translation depends on the time.
fn compare(text: &str, others: &[&str]) {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.retain(|line| !line.ends_with(" images/s"));
    for expected in PHOTOS.iter().chain(others) {
        let place = lines.iter().position(|line| line.starts_with(expected));
        let place = place.unwrap_or_else(|| panic!("no line {expected:?}: {text}"));
        lines.remove(place);
    }
    assert!(lines.is_empty(), "more lines: {lines:?}");
}

#[test]
fn translate_and_prepare_tell_all_of_a_folder_of_photos() {
    let folder = temporary();
    let root = folder.path();
    photos(&root.join("in"));
    let line = "prepare grayscale in --out in/out --skip-existing";
    let made = run(root, line);
    assert_eq!(
        (made.status.code(), stdout(&made)),
        (Some(1), String::new())
    );
    let last = "error: 3 of 7 files failed as listed; the others are done";
    compare(&stderr(&made), &[last]);
    let size = |name: &str| {
        let image = open(&root.join("in/out").join(name));
        (image.width(), image.height(), image.color().has_alpha())
    };
    assert_eq!(size("turned.png"), (40, 36, false), "upright");
    assert_eq!(size("clear.png"), (40, 36, true), "with its opacity");
    let made = ["clear.png", "day/a.png", "moving.png", "turned.png"];
    for name in made {
        fs::remove_file(root.join("in/out").join(name)).unwrap();
    }

    let model = generator();
    let line = format!("translate in --model '{model}' --out in/out --skip-existing");
    let made = run(root, &line);
    assert_eq!(made.status.code(), Some(1), "{}", stderr(&made));
    assert_eq!(
        stdout(&made),
        "in/out/clear.png\nin/out/day/a.png\nin/out/moving.png\nin/out/turned.png\n"
    );
    assert_eq!(size("turned.png"), (40, 36, false), "upright");
    compare(
        &stderr(&made),
        &[
            "error: 3 of 8 files failed as listed; the others are done",
            "note: images whose opacity is not used: 1, such as in/clear.png; a model that was \
             trained with --input rgba takes it",
        ],
    );
}
