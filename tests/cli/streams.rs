//! Frames from standard input and results to standard output, as a video takes them.

use crate::{command, generator, open, picture, stderr, stdout, succeed, temporary};
use image::DynamicImage;
use pix2pix::data::{Format, FrameReader, ReadOptions, ReadTally};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::thread;

/// Runs a line with these bytes as standard input.
pub fn pipe(folder: &Path, line: &str, input: &[u8]) -> Output {
    let mut child = command(folder, line)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_owned());
    // A program that refuses its arguments reads nothing.
    let feed = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feed.join().unwrap();
    output
}

/// The frames of a stream, with their format.
fn frames(bytes: &[u8]) -> Vec<(Format, DynamicImage)> {
    let mut reader = FrameReader::new(bytes, "a result", None);
    let mut found = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        let tally = &mut ReadTally::default();
        let picture = frame.decode(&ReadOptions::default(), tally).unwrap();
        let rgb = image::RgbImage::from(&picture);
        found.push((frame.format, rgb.into()));
    }
    found
}

/// A file as a frame.
pub fn as_ppm(path: &Path) -> Vec<u8> {
    let image = open(path).to_rgb8();
    let head = format!("P6\n{} {}\n255\n", image.width(), image.height());
    [head.as_bytes(), image.as_raw()].concat()
}

/// Makes the files of five frames, not all of one size, in `in`.
fn frame_files(root: &Path) -> Vec<PathBuf> {
    let sizes = [(40, 32), (40, 32), (33, 47), (40, 32), (40, 32)];
    (1..)
        .zip(sizes)
        .map(|(number, (width, height))| {
            let file = root.join(format!("in/frame-{number:06}.png"));
            picture(&file, width, height + number / 4);
            file
        })
        .collect()
}

/// These files as one stream.
fn stream(files: &[PathBuf], encode: impl Fn(&Path) -> Vec<u8>) -> Vec<u8> {
    files.iter().flat_map(|file| encode(file)).collect()
}

#[test]
fn frames_go_from_pipe_to_pipe_in_their_order() {
    let folder = temporary();
    let root = folder.path();
    let model = generator();
    let files = frame_files(root);
    succeed(root, &format!("translate in --model '{model}' --out files"));
    let expected: Vec<DynamicImage> = files
        .iter()
        .map(|file| open(&root.join("files").join(file.file_name().unwrap())))
        .collect();
    let png = stream(&files, |file| fs::read(file).unwrap());
    let ppm = stream(&files, as_ppm);
    let line = |rest: &str| format!("translate --model '{model}' {rest}");
    for (input, options, format) in [
        (&png, "- --out - --batch 2", Format::Png),
        (&ppm, "- --out -", Format::Pnm),
        (&ppm, "- --out - --format png", Format::Png),
        (&Vec::new(), "in --out -", Format::Png),
    ] {
        let output = pipe(root, &line(options), input);
        let text = stderr(&output);
        assert!(output.status.success(), "{options}: {text}");
        assert!(text.starts_with("5 images in "), "{options}: {text}");
        let found = frames(&output.stdout);
        let images: Vec<_> = found.iter().map(|(_, image)| image.clone()).collect();
        assert!(images == expected, "{options}");
        assert!(found.iter().all(|(found, _)| *found == format), "{options}");
    }
    // The end of the third frame is missing.
    let cut = stream(&files[..3], as_ppm);
    let output = pipe(root, &line("- --out - --batch 2"), &cut[..cut.len() - 1]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(
        text.contains("error: frame 3 of standard input: ")
            && text.contains("ends in the middle of it")
            && text.contains("; frames that were written before: 2"),
        "{text}"
    );
    assert_eq!(frames(&output.stdout).len(), 2);
}

#[test]
fn frames_go_into_files_that_are_not_written_over() {
    let folder = temporary();
    let root = folder.path();
    let model = generator();
    let files = frame_files(root);
    succeed(root, &format!("translate in --model '{model}' --out files"));
    let line = |rest: &str| format!("translate --model '{model}' {rest}");
    let ppm = stream(&files, as_ppm);
    let output = pipe(root, &line("- --out folder"), &ppm);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stdout(&output).lines().count(), 5);
    for file in &files {
        let expected = open(&root.join("files").join(file.file_name().unwrap()));
        let found = open(&root.join("folder").join(file.file_name().unwrap()));
        assert!(found == expected, "{}", file.display());
    }
    // A later frame is there: it is known before hours are spent on the first ones.
    let first = root.join("folder/frame-000001.png");
    fs::remove_file(&first).unwrap();
    let again = pipe(root, &line("- --out folder"), &ppm);
    assert_eq!(again.status.code(), Some(2), "{}", stderr(&again));
    assert!(stderr(&again).contains("frame-000002.png and 3 others exist"));
    assert!(stdout(&again).is_empty() && !first.exists());

    let shorter = stream(&files[..2], as_ppm);
    let output = pipe(root, &line("- --out folder --force"), &shorter);
    let text = stderr(&output);
    assert!(
        output.status.success()
            && text.contains(
                "frames of an earlier stream behind the last one of this, which stay: 3, such as \
                 folder/frame-000003.png"
            ),
        "{text}"
    );
}

#[test]
fn frames_that_do_not_fit_go_in_tiles_and_an_empty_stream_is_told() {
    let folder = temporary();
    let root = folder.path();
    let model = generator();
    let file = root.join("in/large.png");
    picture(&file, 200, 150);
    let line = format!("translate --model '{model}' --test-norm running --memory 1 --out");
    succeed(root, &format!("{line} files in"));
    let output = pipe(root, &format!("{line} - -"), &as_ppm(&file));
    let text = stderr(&output);
    assert!(
        text.contains("note: frame 1 of standard input: 200x150 pixels do not fit in one piece"),
        "{text}"
    );
    let found = frames(&output.stdout);
    assert!(found.len() == 1 && found[0].1 == open(&root.join("files/large.png")));

    let output = pipe(root, &format!("{line} - -"), b"");
    assert!(output.status.success() && output.stdout.is_empty());
    assert!(stderr(&output).contains("there are no frames in standard input"));
}

/// Combined pairs are refused, and opacity is counted over the whole stream.
#[test]
fn frames_are_looked_at_as_files_are() {
    let folder = temporary();
    let root = folder.path();
    let line = |rest: &str| format!("translate - --model '{}' --out - {rest}", generator());
    let frames_of = |width: usize, height: usize| {
        let head = format!(
            "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
        );
        let frame = [head.as_bytes(), &vec![90; 4 * width * height]].concat();
        [frame.clone(), frame].concat()
    };
    let pairs = frames_of(64, 32);
    let refused = pipe(root, &line(""), &pairs);
    let text = stderr(&refused);
    assert_eq!(refused.status.code(), Some(2), "{text}");
    assert!(refused.stdout.is_empty());
    let start = "error: frame 1 of standard input is twice as wide as high, as combined pairs are; \
                 --half A";
    assert!(text.starts_with(start), "{text}");

    let output = pipe(root, &line("--half B"), &pairs);
    let text = stderr(&output);
    assert!(output.status.success(), "{text}");
    let opacity = "note: images whose opacity is not used: 2, such as frame 1 of standard input; ";
    assert_eq!(text.matches(opacity).count(), 1, "{text}");
    let found = frames(&output.stdout);
    let sizes: Vec<_> = found
        .iter()
        .map(|(format, image)| (*format, image.width(), image.height()))
        .collect();
    assert_eq!(sizes, [(Format::Pnm, 32, 32); 2]);

    let wide = stderr(&pipe(root, &line(""), &frames_of(80, 40)));
    let note = "note: frame 1 of standard input is twice as wide as high; if it is a combined pair";
    assert_eq!(wide.matches(note).count(), 1, "{wide}");
}

/// What only later frames have is told once, at the end, with the first frame that has it.
#[test]
fn later_frames_that_differ_are_told() {
    let folder = temporary();
    let root = folder.path();
    let frame = |width: usize, height: usize, channels: usize| {
        let kind = if channels == 4 { "RGB_ALPHA" } else { "RGB" };
        let head = format!(
            "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {channels}\nMAXVAL 255\nTUPLTYPE \
             {kind}\nENDHDR\n"
        );
        [head.as_bytes(), &vec![90; channels * width * height]].concat()
    };
    let stream = [
        frame(40, 32, 3),
        frame(40, 32, 4),
        frame(64, 32, 3),
        frame(33, 47, 3),
        frame(40, 32, 4),
    ];
    let line = |rest: &str| format!("translate - --model '{}' --out - {rest}", generator());
    let output = pipe(root, &line(""), &stream.concat());
    let text = stderr(&output);
    assert!(output.status.success(), "{text}");
    let told: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(
        told,
        [
            "note: frames of another size than the first one (40x32): 2, such as frame 3 of \
             standard input (64x32); each result has the size of its frame, and most programs \
             that make a video take one size",
            "note: 1 of 5 images is twice as wide as high, such as frame 3 of standard input; if \
             these are combined pairs, translate them apart with --half A",
            "note: images whose opacity is not used: 2, such as frame 2 of standard input; \
             transparent pixels show the colour that the file has behind them, often black: \
             --background white lays them on white, and a model that was trained with --input \
             rgba takes the opacity",
        ]
    );
    let whole = stderr(&pipe(root, &line("--half none"), &stream.concat()));
    assert!(!whole.contains("twice as wide"), "{whole}");
}

#[test]
fn what_does_not_go_with_a_stream_is_refused() {
    let folder = temporary();
    let root = folder.path();
    let model = generator();
    picture(&root.join("a.png"), 32, 32);
    for (code, arguments, part) in [
        (2, "- a.png --out x", "no other input goes with it"),
        (2, "- --out x --skip-existing", "leave out --skip-existing"),
        (2, "- --out x.png", "name a folder, or - for stdout"),
        (2, "a.png --out - --format tiff", "use --format png or pnm"),
        (2, "a.png --out - --samples 2", "one result for each image"),
        (1, "- --out -", "frames as PNG, or as PPM"),
    ] {
        let line = format!("translate --model '{model}' {arguments}");
        let output = pipe(root, &line, b"\xff\xd8\xff\xe0 no frame");
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments}: {text}");
        assert!(text.contains(part), "{arguments}: {text}");
        assert!(output.stdout.is_empty(), "{arguments}");
    }
}
