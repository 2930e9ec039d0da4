//! Where results of `translate` go, and that nothing is overwritten.

use crate::{
    fail_cleanly, generator, open, picture, refuse, run, stderr, stdout, succeed, temporary,
    with_dropout,
};
use pix2pix::data::{Density, ReadOptions};
use std::fs;
use std::path::Path;

/// Makes inputs and what stands in the way of their results: the targets of a data set, a file by
/// the name that a result would have, and a folder.
fn inputs_and_obstacles(root: &Path) {
    for file in [
        "in/a.png",
        "in/b.png",
        "in/c.png",
        "targets/a.png",
        "targets/b.png",
        "photo.png",
    ] {
        picture(&root.join(file), 32, 32);
    }
    fs::write(root.join("mine.png"), "mine").unwrap();
    fs::create_dir_all(root.join("taken/photo.png")).unwrap();
}

#[test]
fn files_that_are_there_stay_unless_told_otherwise() {
    let folder = temporary();
    let root = folder.path();
    let model = generator();
    inputs_and_obstacles(root);
    let translate = |inputs: &str| format!("translate {inputs} --model '{model}' --out");
    let (batch, one) = (translate("in"), translate("photo.png"));
    refuse(
        root,
        2,
        &[
            (
                &format!("{batch} targets"),
                "targets/a.png and 1 other exist; choose another --out, --skip-existing to leave \
                 them",
            ),
            (&format!("{one} mine.png"), "mine.png exists; choose"),
        ],
    );
    refuse(
        root,
        1,
        &[
            (
                &format!("{batch} in"),
                "error: in/a.png and 2 others would be written over; choose another --out\n",
            ),
            (&format!("{batch} in --force"), "would be written over"),
            (
                &format!("{one} photo.png --force"),
                "error: photo.png would be",
            ),
            (
                &format!("{one} taken --force"),
                "error: taken/photo.png is a folder; move it away",
            ),
        ],
    );

    let before = fs::read(root.join("targets/a.png")).unwrap();
    let rest = succeed(root, &format!("{batch} targets --skip-existing"));
    assert_eq!(stdout(&rest), "targets/c.png\n");
    assert_eq!(
        stderr(&rest),
        "note: 2 results are there already and stay as they are, for example targets/a.png\n"
    );
    assert_eq!(fs::read(root.join("targets/a.png")).unwrap(), before);
    let none = succeed(root, &format!("{batch} targets --skip-existing"));
    assert_eq!(stdout(&none), "");
    assert!(stderr(&none).contains("3 results are"), "{}", stderr(&none));
    let forced = succeed(root, &format!("{batch} targets --force"));
    assert_eq!(stdout(&forced).lines().count(), 3);
    assert_ne!(fs::read(root.join("targets/a.png")).unwrap(), before);
}

/// A picture of 300 pixels an inch.
fn scan(path: &Path, width: u32, height: u32) {
    let file = fs::File::create(path).unwrap();
    let mut encoder = png::Encoder::new(file, width, height);
    let [xppu, yppu] = [11_811; 2];
    let unit = png::Unit::Meter;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu, yppu, unit }));
    let bytes = vec![90; (width * height) as usize];
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&bytes)
        .unwrap();
}

#[test]
fn out_can_be_the_file_of_one_result() {
    let folder = temporary();
    let root = folder.path();
    let model = generator();
    scan(&root.join("photo.png"), 40, 33);
    picture(&root.join("in/x.png"), 40, 33);
    fs::create_dir(root.join("old.png")).unwrap();
    let translate = |out: &str| format!("translate photo.png --model '{model}' --out {out}");
    for (out, path) in [
        ("r.jpg --quality 95", "r.jpg"),
        ("new/r.TIF", "new/r.TIF"),
        ("r.png", "r.png"),
        ("old.png", "old.png/photo.png"),
        ("plain --format jpg", "plain/photo.jpg"),
    ] {
        let output = succeed(root, &translate(out));
        assert_eq!(stdout(&output), format!("{path}\n"));
        let result = open(&root.join(path));
        assert_eq!((result.width(), result.height()), (40, 33), "{path}");
        let of = |path: &str| Density::of(&root.join(path), &ReadOptions::default()).unwrap();
        assert_eq!(of(path), of("photo.png"), "{path}");
    }
    let bytes = fs::read(root.join("r.jpg")).unwrap();
    assert_eq!(bytes[..2], [0xFF, 0xD8], "a JPEG");
    refuse(
        root,
        2,
        &[
            (
                &translate("x.webp"),
                "x.webp: results are .png, .tiff, .jpg, .ppm or .pgm",
            ),
            (&translate("x.png --format tiff"), "name two formats"),
            (&translate("x.pgm"), "makes colours; name a .ppm file"),
            (
                &translate("x --format jpg --depth 16"),
                "no JPEG has 16 bits",
            ),
            (&translate("x --quality 50"), "add --format jpg"),
        ],
    );
    let folder_of_one = format!("translate in --model '{model}' --out x.png");
    assert!(fail_cleanly(root, 2, &folder_of_one).contains("name a folder"));
    let zero = run(root, &translate("x --format jpg --quality 0"));
    assert!(stderr(&zero).contains("from 1 to 100"), "{}", stderr(&zero));
}

#[test]
fn one_clash_of_names_stops_one_file() {
    let folder = temporary();
    let root = folder.path();
    let model = generator();
    for name in ["a.png", "a.jpg", "b.png"] {
        picture(&root.join("in").join(name), 32, 32);
    }
    let output = run(root, &format!("translate in --model '{model}' --out out"));
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(stdout(&output), "out/a.png\nout/b.png\n");
    assert!(
        text.contains("in/a.jpg and in/a.png would both be out/a.png")
            && text.contains("1 of 3 files failed"),
        "{text}"
    );
}

/// A folder of a result's name, a file where a folder should be, and a name that is too long once a
/// seed stands behind it.
#[test]
fn a_result_that_cannot_be_written_stops_one_file() {
    let folder = temporary();
    let root = folder.path();
    let model = with_dropout();
    let long = "n".repeat(251);
    for name in ["a", "b", "day/c", "e", &long] {
        picture(&root.join(format!("in/{name}.png")), 32, 32);
    }
    fs::create_dir_all(root.join("out/b-seed1.png")).unwrap();
    fs::write(root.join("out/day"), "mine").unwrap();
    let line = format!("translate in --model '{model}' --out out --samples 2 --batch 9");
    let output = run(root, &line);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let made = ["a-seed0", "e-seed0", "a-seed1", "e-seed1"].map(|name| format!("out/{name}.png"));
    assert_eq!(stdout(&output).lines().collect::<Vec<_>>(), made);
    for part in [
        "error: out/b-seed1.png is a folder; move it away",
        "error: out/day is no folder, and out/day/c-seed0.png would lie in it",
        &format!("error: cannot write out/{long}-seed0.png: "),
        "error: 3 of 5 files failed as listed; the others are done",
    ] {
        assert_eq!(text.matches(part).count(), 1, "{part}: {text}");
    }
    let files = |folder: &str| fs::read_dir(root.join(folder)).unwrap().count();
    assert_eq!(files("out"), 6, "no temporary file");
    assert_eq!(fs::read(root.join("out/day")).unwrap(), b"mine");
}

#[test]
fn combined_pairs_are_translated_by_halves_or_refused() {
    let folder = temporary();
    let root = folder.path();
    let model = generator();
    // Not the size of the training: images are scaled then.
    for name in ["0", "1"] {
        picture(&root.join(format!("pairs/test/{name}.png")), 96, 48);
    }
    let translate =
        |options: &str| format!("translate pairs/test --model '{model}' --out {options}");
    let message = fail_cleanly(root, 2, &translate("out"));
    assert!(
        message.contains("pairs/test/0.png and 1 other are twice as wide as high, as combined")
            && message.contains("--half none the whole"),
        "{message}"
    );
    let half = |half: &str| {
        succeed(root, &translate(&format!("{half} --half {half}")));
        open(&root.join(half).join("0.png"))
    };
    let (a, b, whole) = (half("A"), half("B"), half("none"));
    assert_eq!([a.width(), a.height(), b.width()], [48; 3]);
    assert_eq!((whole.width(), whole.height()), (96, 48));
    assert_ne!(a, b);
    // The result of a half is that of a file that has this half alone.
    open(&root.join("pairs/test/0.png"))
        .crop_imm(48, 0, 48, 48)
        .save(root.join("b.png"))
        .unwrap();
    let mixed = succeed(
        root,
        &format!("translate b.png pairs/test/1.png --model '{model}' --out mixed"),
    );
    assert_eq!(open(&root.join("mixed/b.png")), b);
    let words = "note: 1 of 2 images is twice as wide as high, such as pairs/test/1.png; if these";
    assert!(stderr(&mixed).contains(words), "{}", stderr(&mixed));
    let one = succeed(
        root,
        &format!("translate pairs/test/1.png --model '{model}' --out one"),
    );
    assert!(
        stderr(&one).contains("note: pairs/test/1.png is twice as wide as high"),
        "{}",
        stderr(&one)
    );
}

#[test]
fn subfolders_of_inputs_are_kept_and_earlier_results_are_no_inputs() {
    let folder = temporary();
    let root = folder.path();
    let model = generator();
    picture(&root.join("in/a.png"), 32, 32);
    picture(&root.join("in/x/y/a.png"), 32, 32);
    let line = format!("translate in --model '{model}' --out in/results");
    fs::write(root.join("in/x/notes.txt"), "mine").unwrap();
    let output = succeed(root, &line);
    assert_eq!(stdout(&output), "in/results/a.png\nin/results/x/y/a.png\n");
    let text = stderr(&output);
    let (notes, summary) = text.split_at(text.find("2 images in ").unwrap());
    assert_eq!(
        notes,
        "note: files that are no images by their ending and are not read: 1, such as \
         in/x/notes.txt\n"
    );
    assert_eq!(summary.lines().count(), 1, "{text}");
    let again = stderr(&succeed(root, &format!("{line} --force")));
    assert!(
        again
            .contains("note: images below in/results, which are results and no inputs: 2, such as"),
        "{again}"
    );
}
