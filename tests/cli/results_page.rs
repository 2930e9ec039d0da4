//! `translate --page`: inputs, results and targets on a page that opens from the disk.

use crate::trained::with_dropout;
use crate::{command, generator, open, picture, refuse, run, stderr, stdout, succeed, temporary};
use image::{DynamicImage, GenericImageView, Rgb};
use std::fs;
use std::path::{Path, PathBuf};

/// What a link leads to.
fn decoded(link: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = link.as_bytes();
    while let [byte, others @ ..] = rest {
        rest = others;
        if *byte == b'%' {
            let digits = std::str::from_utf8(&rest[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &rest[2..];
        } else {
            bytes.push(*byte);
        }
    }
    PathBuf::from(String::from_utf8(bytes).unwrap())
}

/// The pictures of each row of the page, with their captions.
fn rows(folder: &Path) -> Vec<Vec<(String, PathBuf)>> {
    let page = fs::read_to_string(folder.join("index.html")).unwrap();
    let sections = page.split("<section>").skip(1);
    let figures = |section: &str| {
        let figures = section.split("<figure>").skip(1);
        let of = |figure: &str| {
            let between = |begin: &str, end: &str| {
                let (_, rest) = figure.split_once(begin).unwrap();
                rest.split_once(end).unwrap().0.to_owned()
            };
            assert!(figure.contains("loading=\"lazy\""), "{figure}");
            assert_eq!(between("href=\"", "\""), between("src=\"", "\""));
            let caption = between("<figcaption>", "</figcaption>");
            (caption, decoded(&between("src=\"", "\"")))
        };
        figures.map(of).collect()
    };
    sections.map(figures).collect()
}

/// The same as text: `caption path` of each picture.
fn described(folder: &Path) -> Vec<String> {
    let row = |row: Vec<(String, PathBuf)>| {
        let pictures = row.iter().map(|(caption, path)| {
            assert!(folder.join(path).is_file(), "{}", path.display());
            format!("{caption} {}", path.display())
        });
        pictures.collect::<Vec<_>>().join("; ")
    };
    rows(folder).into_iter().map(row).collect()
}

fn translate(rest: &str) -> String {
    format!("translate {rest} --model {}", generator())
}

#[test]
fn pairs_are_shown_with_their_targets() {
    let folder = temporary();
    let root = folder.path();
    let odd = "a b#1?%41'\"<é>.png";
    picture(&root.join("pairs/sub").join(odd), 80, 40);
    picture(&root.join("pairs/z.png"), 64, 32);
    let line = translate("pairs --half A --page --out out");
    let output = succeed(root, &line);
    // Results alone go to where another program may read them.
    assert_eq!(stdout(&output).lines().count(), 2, "{}", stdout(&output));
    assert!(stderr(&output).ends_with("all of them on a page: out/index.html\n"));
    let stem = odd.strip_suffix(".png").unwrap();
    let expected = [
        format!(
            "input images/sub/{stem}-input.png; output sub/{stem}.png; target \
             images/sub/{stem}-target.png"
        ),
        "input images/z-input.png; output z.png; target images/z-target.png".to_owned(),
    ];
    let mut shown = described(&root.join("out"));
    shown.sort();
    assert_eq!(shown, expected);
    let page = fs::read_to_string(root.join("out/index.html")).unwrap();
    assert!(
        page.contains("<h2>sub/a b#1?%41&#39;&quot;&lt;é&gt;</h2>"),
        "{page}"
    );
    assert!(!page.contains("http"), "{page}");
    let pair = open(&root.join("pairs/z.png")).to_rgb8();
    for (side, left) in [("input", 0), ("target", 32)] {
        let half = open(&root.join(format!("out/images/z-{side}.png"))).to_rgb8();
        assert_eq!(half, pair.view(left, 0, 32, 32).to_image(), "{side}");
    }

    refuse(root, 2, &[(&line, "out/sub/")]);
    // What is missing is made, and what is there stays.
    fs::remove_file(root.join("out/z.png")).unwrap();
    fs::remove_file(root.join("out/images/z-target.png")).unwrap();
    fs::write(root.join("out/images/z-input.png"), "mine").unwrap();
    succeed(root, &format!("{line} --skip-existing"));
    assert_eq!(described(&root.join("out")).len(), 2);
    assert_eq!(
        fs::read(root.join("out/images/z-input.png")).unwrap(),
        b"mine"
    );
    // So it is where nothing is to be translated.
    fs::remove_file(root.join("out/index.html")).unwrap();
    succeed(root, &format!("{line} --skip-existing"));
    assert_eq!(described(&root.join("out")).len(), 2);
    succeed(root, &format!("{line} --force"));
    assert_ne!(
        fs::read(root.join("out/images/z-input.png")).unwrap(),
        b"mine"
    );

    fs::write(root.join("out/index.html"), "mine").unwrap();
    let other = format!("{line} --skip-existing");
    refuse(
        root,
        2,
        &[(&other, "out/index.html is no page of results; move it away")],
    );
    assert_eq!(fs::read(root.join("out/index.html")).unwrap(), b"mine");
}

#[test]
fn a_page_has_no_targets_without_halves_and_a_column_for_each_sample() {
    let folder = temporary();
    let root = folder.path();
    // 16 bits, and a size that the generator does not divide.
    let deep = image::ImageBuffer::from_fn(70, 50, |x, y| Rgb([x as u16 * 900, y as u16 * 900, 7]));
    fs::create_dir(root.join("in")).unwrap();
    DynamicImage::ImageRgb16(deep)
        .save(root.join("in/deep.png"))
        .unwrap();
    fs::write(root.join("in/broken.png"), "no picture").unwrap();
    picture(&root.join("in/whole.png"), 40, 40);
    let line = format!(
        "translate in --page --samples 2 --seed 5 --out out --model {}",
        with_dropout()
    );
    let output = run(root, &line);
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    assert!(
        told.contains("broken.png") && told.contains("on a page"),
        "{told}"
    );
    let row = |name: &str| {
        format!(
            "input images/{name}-input.png; output, seed 5 {name}-seed5.png; output, seed 6 \
             {name}-seed6.png"
        )
    };
    assert_eq!(described(&root.join("out")), [row("deep"), row("whole")]);
    let page = fs::read_to_string(root.join("out/index.html")).unwrap();
    assert!(page.contains("<p>2 images; 1 image failed</p>"), "{page}");
    assert!(page.contains(" width=\"70\" height=\"50\""), "{page}");
    let input = open(&root.join("out/images/deep-input.png"));
    assert_eq!(
        (input.dimensions(), input.color().channel_count()),
        ((70, 50), 3)
    );
}

#[test]
fn what_has_no_page_is_refused() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("in/a.png"), 40, 40);
    picture(&root.join("in/images/b-input.png"), 40, 40);
    picture(&root.join("in/b.png"), 40, 40);
    for (rest, expected) in [
        (
            "in/a.png --out out.png",
            "out.png is one file, and a page lies in a folder",
        ),
        (
            "in/a.png --out -",
            "--page shows files; name files or folders",
        ),
        ("in --out out --format tiff", "no browser shows tiff files"),
        (
            "in --out in --format jpg",
            "would lie among the inputs in in; name another --out",
        ),
    ] {
        refuse(
            root,
            2,
            &[(&translate(&format!("{rest} --page")), expected)],
        );
    }
    // Two inputs of one name are an error of their own, which the page counts.
    picture(&root.join("two/a.png"), 40, 40);
    picture(&root.join("two/a.bmp"), 40, 40);
    picture(&root.join("two/c.png"), 40, 40);
    assert_eq!(
        run(root, &translate("two --page --out two-out"))
            .status
            .code(),
        Some(1)
    );
    let page = fs::read_to_string(root.join("two-out/index.html")).unwrap();
    assert!(page.contains("<p>2 images; 1 image failed</p>"), "{page}");
    let clash = translate("in --page --out out");
    refuse(root, 1, &[(&clash, "would both be out/images/b-input.png")]);
    let mut stream = command(root, &translate("- --page --out out"));
    let told = stderr(&stream.output().unwrap());
    assert!(told.contains("--page shows files"), "{told}");
    assert!(!root.join("out").exists() && !root.join("out.png").exists());
}
