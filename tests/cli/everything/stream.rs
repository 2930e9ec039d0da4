//! A stream of frames.

use super::{compare, plain, translucent};
use crate::streams::{as_ppm, pipe};
use crate::{generator, picture, stderr, stdout, temporary};
use std::fs;

#[test]
fn translate_tells_all_of_a_stream() {
    let folder = temporary();
    let root = folder.path();
    let file = |name: &str| root.join(name);
    picture(&file("a.png"), 40, 32);
    picture(&file("wide.png"), 80, 40);
    picture(&file("other.png"), 33, 47);
    translucent(&file("clear.png"), 40, 32);
    let dark = [&b"P6 40 32 255\n"[..], &[9; 3 * 40 * 32]].concat();
    let stream = [
        as_ppm(&file("a.png")),
        fs::read(file("clear.png")).unwrap(),
        as_ppm(&file("wide.png")),
        as_ppm(&file("other.png")),
        dark,
        fs::read(file("clear.png")).unwrap(),
    ];
    // The end of the last frame is missing.
    let cut = as_ppm(&file("a.png"));
    let stream = [&stream.concat(), &cut[..cut.len() - 1]].concat();
    picture(&file("out/frame-000009.png"), 4, 4);
    let line = format!("translate - --model '{}' --out out --force", generator());
    let made = pipe(root, &line, &stream);
    assert_eq!(made.status.code(), Some(1), "{}", stderr(&made));
    assert_eq!(stdout(&made).lines().count(), 6);
    compare(
        &plain(&stderr(&made), root),
        &[
            "note: frames of another size than the first one (40x32): 2, such as frame 3 of \
             standard input (80x40); each result has the size of its frame, and most programs \
             that make a video take one size",
            "note: 1 of 6 images is twice as wide as high, such as frame 3 of standard input; if \
             these are combined pairs, translate them apart with --half A",
            "note: frames of an earlier stream behind the last one of this, which stay: 1, such \
             as out/frame-000009.png",
            "note: images that are nearly black in every pixel: 1, such as frame 5 of standard \
             input (at most 9 of 255); ",
            "note: images whose opacity is not used: 2, such as frame 2 of standard input; \
             transparent pixels show the colour that the file has behind them, ",
            "note: images far from the 32x32 pixels that this model was trained at, which it \
             translates worse: 1, such as frame 3 of standard input (80x40); scale them first, in \
             ffmpeg with -vf scale=32:32",
            "error: frame 7 of standard input: is truncated or damaged (the stream ends in the \
             middle of it); replace it or leave it out; frames that were written before: 6",
        ],
    );
}
