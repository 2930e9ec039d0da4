//! What is told of images far from the size that a model was trained at.

use crate::streams::pipe;
use crate::{TINY, dataset, generator, open, picture, stderr, succeed, temporary};
use std::path::Path;

const NOTE: &str = "note: images far from the 32x32 pixels that this model was trained at, which it \
                    translates worse: ";

/// What `translate` says of the sizes of images. The names of models hold no spaces.
fn told(root: &Path, rest: &str, model: &str) -> Option<String> {
    let line = format!("translate {rest} --model {model} --out out --force");
    let said = stderr(&succeed(root, &line));
    let mut lines = said.lines().filter(|line| line.contains("images far from"));
    let found = lines.next().map(str::to_owned);
    assert_eq!(lines.next(), None, "{said}");
    found
}

#[test]
fn they_are_counted_with_a_command_that_helps() {
    let folder = temporary();
    let root = folder.path();
    let model = generator();
    for (name, width, height) in [("a", 32, 32), ("b", 64, 20), ("c", 37, 51), ("d", 9, 9)] {
        picture(&root.join(format!("in/{name}.png")), width, height);
    }
    let help = "pix2pix prepare resize in --size 32 --fit stretch --out resized";
    let line = told(root, "in", &model).unwrap();
    let expected = format!("{NOTE}1, such as in/d.png (9x9); resize them first: {help}");
    assert_eq!(line, expected);
    let help = help.strip_prefix("pix2pix ").unwrap();
    succeed(root, help);
    assert_eq!(open(&root.join("resized/c.png")).width(), 32);
    assert_eq!(told(root, "resized", &model), None);
    // Drawings on white are padded with white.
    let line = told(root, "in/d.png --background white", &model).unwrap();
    let help =
        "resize them first: pix2pix prepare resize in/d.png --size 32 --fit pad --out resized";
    assert!(line.ends_with(help), "{line}");
    // The command reads the images as this one does.
    let read = "--ignore-orientation --max-pixels 5000";
    let line = told(root, &format!("in {read}"), &model).unwrap();
    let help = format!("in --size 32 --fit stretch {read} --out resized");
    assert!(line.ends_with(&help), "{line}");
}

#[test]
fn a_half_is_measured_alone_and_tiles_that_are_asked_for_are_meant() {
    let folder = temporary();
    let root = folder.path();
    let model = generator();
    picture(&root.join("pair.png"), 64, 32);
    picture(&root.join("large.png"), 170, 40);
    assert_eq!(told(root, "pair.png --half A", &model), None);
    picture(&root.join("wide.png"), 340, 40);
    let line = told(root, "wide.png --half A", &model).unwrap();
    let help = "pix2pix prepare half wide.png --half A --out halves, then pix2pix prepare resize \
                halves --size 32 --fit stretch --out resized";
    assert!(
        line.contains("wide.png (170x40); ") && line.ends_with(help),
        "{line}"
    );
    let line = told(root, "wide.png --half A --max-pixels 20000", &model).unwrap();
    assert_eq!(
        line.matches(" --max-pixels 20000 --out ").count(),
        2,
        "{line}"
    );
    assert!(told(root, "large.png", &model).is_some());
    assert_eq!(told(root, "large.png --tile 160", &model), None);
    // Tiles that nobody asked for are no answer to it.
    let line = told(root, "large.png --memory 1 --test-norm running", &model).unwrap();
    assert!(line.contains("1, such as large.png (170x40)"), "{line}");
}

/// Frames of which a half is taken are scaled to two of them.
#[test]
fn the_frames_of_a_stream_keep_their_halves() {
    let folder = temporary();
    let frame = [b"P6 20 10 255\n".as_slice(), &[90; 600]].concat();
    for (half, scale) in [("A", "64:32"), ("none", "32:32")] {
        let line = format!("translate - --half {half} --model {} --out -", generator());
        let made = pipe(folder.path(), &line, &frame);
        let said = stderr(&made);
        assert!(made.status.success(), "{said}");
        let help = format!("scale them first, in ffmpeg with -vf scale={scale}\n");
        assert!(said.contains(&help), "{said}");
    }
}

/// A network that was trained on pictures in their own size knows things as large as they are.
#[test]
fn a_model_of_no_single_size_says_nothing() {
    let folder = temporary();
    let root = folder.path();
    dataset(&root.join("pairs"), 2);
    picture(&root.join("a.png"), 100, 100);
    let line = format!("train pairs --steps 1 --preprocess crop --name r {TINY}");
    succeed(root, &line);
    assert_eq!(told(root, "a.png", "runs/r"), None);
    // A card says it of a bundled model.
    let line = told(root, "a.png", "flat-to-3d").unwrap();
    assert!(
        line.contains("256x256") && line.contains("--size 256 --fit pad"),
        "{line}"
    );
}
