//! Tests of [`super`].

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::data::colour::STEP;
use crate::data::read_picture;
use image::{DynamicImage, ImageBuffer, Luma, Rgb, RgbImage};
use std::path::Path;

#[test]
fn a_palette_is_read_written_and_found() {
    let palette = Palette::parse("a note\n# another\n#\n#0a0B0c road\n  #ffffff\n").unwrap();
    assert_eq!(
        (palette.len(), palette.text().as_str()),
        (2, "#0a0b0c 0\n#ffffff 1\n")
    );
    assert_eq!(Palette::parse(&palette.text()), Ok(palette.clone()));
    let image = RgbImage::from_fn(4, 4, |x, _| {
        Rgb(if x == 2 { [255; 3] } else { [10, 11, 12] })
    });
    assert_eq!(
        palette.index(&image.into()).unwrap().bytes()[..4],
        [0, 0, 1, 0]
    );
    let json = serde_json::to_string(&palette).unwrap();
    assert_eq!(serde_json::from_str::<Palette>(&json).unwrap(), palette);
    assert!(serde_json::from_str::<Palette>("\"#12\"").is_err());
}

/// A folder, and what has no end: neither is read.
#[test]
fn what_is_no_list_of_colours_is_not_read_as_a_palette() {
    let folder = tempfile::tempdir().unwrap();
    let long = folder.path().join("long.txt");
    std::fs::write(&long, vec![b'#'; (1 << 20) + 1]).unwrap();
    let mut bad = vec![
        (folder.path(), "not a regular file"),
        (&long, "longer than 1 MiB"),
    ];
    if cfg!(unix) {
        bad.push((Path::new("/dev/zero"), "not a regular file"));
    }
    for (path, said) in bad {
        let error = crate::data::read_palette_file(path)
            .unwrap_err()
            .to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn a_palette_is_read_in_the_encodings_that_editors_write() {
    let text = "#000000 Straße\r\n#ff0000 b\r\n";
    let units: Vec<u16> = text.encode_utf16().collect();
    let le: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let be: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    let old_mac = text.replace("\r\n", "\r");
    for bytes in [
        text.as_bytes().to_vec(),
        [&[0xEF, 0xBB, 0xBF], text.as_bytes()].concat(),
        [&[0xFF, 0xFE], &le[..]].concat(),
        [&[0xFE, 0xFF], &be[..]].concat(),
        le,
        be,
        old_mac.into_bytes(),
        // Windows-1252, which is no UTF-8.
        b"#000000 Stra\xDFe\n#ff0000 b".to_vec(),
        // Without marks, and with words that are hexadecimal digits alone.
        b"000000 void\nff0000 road".to_vec(),
    ] {
        let palette = Palette::parse(&palette_text(&bytes)).unwrap();
        assert_eq!(palette.text(), "#000000 0\n#ff0000 1\n", "{bytes:?}");
    }
    for bytes in [&b""[..], b"\xFF\xFE", b"\x00", b"\x89PNG\r\n"] {
        let problem = Palette::parse(&palette_text(bytes)).unwrap_err();
        // A line is quoted so that no byte of it reaches the terminal.
        let is_clean = !problem.contains(char::is_control);
        assert!(problem.contains("#rrggbb") && is_clean, "{problem}");
    }
}

#[test]
fn no_line_of_a_palette_is_left_out_without_a_word() {
    let (NamedPalette { palette, names }, skipped) =
        Palette::parse_lines("facades\n\n# note\n#\n#010203  a  wall\nroad #ff0000\n#040506")
            .unwrap();
    let lines: Vec<_> = skipped
        .iter()
        .map(|line| (line.number, &line.text[..]))
        .collect();
    assert_eq!(palette.len(), 2);
    assert_eq!(names, ["a  wall", ""]);
    assert_eq!(lines, [(1, "facades"), (6, "road #ff0000")]);
    let problem = Palette::parse("#010203 a\nff0000 road").unwrap_err();
    assert!(
        problem.contains("line 2") && problem.contains("#ff0000"),
        "{problem}"
    );
}

#[test]
fn the_colours_of_all_files_are_found_and_256_are_the_most() {
    let folder = tempfile::tempdir().unwrap();
    let save = |name: &str, width: u32, blue: u8| {
        let path = folder.path().join(name);
        RgbImage::from_fn(width, 2, |x, _| Rgb([x as u8, (x >> 8) as u8, blue]))
            .save(&path)
            .unwrap();
        path
    };
    let mut files = vec![
        save("a.png", 200, 0),
        save("b.png", 56, 1),
        save("c.png", 200, 0),
    ];
    for threads in [1, 3] {
        let palette = Palette::of(&files, threads, |path| {
            Ok(vec![(path.clone(), read_picture(path)?)])
        })
        .unwrap();
        assert_eq!(
            (palette.len(), palette.colours[1], palette.colours[255]),
            (256, [0, 0, STEP], [199 * STEP, 0, 0])
        );
    }
    files.push(save("photo.png", 257, 2));
    for threads in [1, 4] {
        let message = Palette::of(&files, threads, |path| {
            Ok(vec![(path.clone(), read_picture(path)?)])
        })
        .unwrap_err()
        .to_string();
        assert!(
            message.contains("photo.png")
                && message.contains("256")
                && message.contains("`palette`"),
            "{message}"
        );
    }
}

#[test]
fn what_is_no_palette_and_what_is_not_in_it_are_named() {
    for (text, expected) in [
        ("", "it has no line with a colour #rrggbb or #rrrrggggbbbb"),
        (
            "# a note\nblue\n",
            "line 2: \"blue\" is no colour #rrggbb or #rrrrggggbbbb, and no other line has one",
        ),
        (
            "#12345",
            "line 1: \"#12345\" is no colour #rrggbb or #rrrrggggbbbb",
        ),
        ("#+12345", "line 1"),
        ("#ff0000ff", "line 1"),
        ("#ff0000,", "line 1"),
        ("#ff00000001", "line 1"),
        ("#+00000000001", "line 1"),
        ("#010203\n#010102020303", "#010203 stands there twice"),
        ("#000000\n#00000g", "line 2"),
        ("#010203\n#010203", "twice"),
    ] {
        let problem = Palette::parse(text).unwrap_err();
        assert!(problem.contains(expected), "{text:?}: {problem}");
    }
    let palette = Palette::parse("#000000\n#ff0000").unwrap();
    let mut image = RgbImage::new(3, 2);
    image.put_pixel(1, 1, Rgb([250, 3, 0]));
    assert_eq!(
        palette.index(&image.into()),
        Err(UnknownColour {
            colour: [250, 3, 0].map(|byte| byte * STEP),
            nearest: [u16::MAX, 0, 0],
            at: [1, 1]
        })
    );
}

#[test]
fn labels_of_16_bits_stay_apart_and_those_of_8_bits_are_the_same_in_both() {
    // Numbers of classes and instances, which are one colour or none in 8 bits.
    let numbers = [0u16, 1, 2, 128, 257, 26_001, 65_535];
    let map = Picture::from(DynamicImage::from(ImageBuffer::from_fn(7, 2, |x, _| {
        Luma([numbers[x as usize]])
    })));
    let palette = Palette::of(std::slice::from_ref(&map), 1, |map| {
        Ok(vec![("map.png".into(), map.clone())])
    })
    .unwrap();
    assert_eq!(
        (palette.len(), palette.text().lines().nth(4)),
        (7, Some("#010101 4"))
    );
    assert!(
        palette.text().contains("#659165916591 5\n"),
        "{}",
        palette.text()
    );
    assert_eq!(Palette::parse(&palette.text()), Ok(palette.clone()));
    assert_eq!(
        palette.index(&map).unwrap().bytes(),
        [0, 1, 2, 3, 4, 5, 6].repeat(2)
    );

    let eight = RgbImage::from_fn(3, 2, |x, _| Rgb([200, x as u8, 10]));
    let both = [
        DynamicImage::from(eight.clone()),
        DynamicImage::from(eight).into_rgb16().into(),
    ]
    .map(Picture::from);
    let palette = Palette::parse("#c8000a\n#c8010a\n#c8020a").unwrap();
    both.iter()
        .for_each(|map| assert_eq!(palette.index(map).unwrap().bytes(), [0, 1, 2, 0, 1, 2]));
}
