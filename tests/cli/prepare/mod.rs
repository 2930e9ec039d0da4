//! Data sets out of folders of images: what each tool makes, and that nothing is lost on the way.

mod folders;
mod refusals;

use crate::{
    TINY, fail, fail_cleanly, generator, open, picture, run, snapshot, stderr, stdout, succeed,
    temporary,
};
use image::{ColorType, Rgb, RgbImage};
use std::fs;
use std::path::Path;

fn rgb(path: &Path) -> RgbImage {
    open(path).to_rgb8()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn photos_become_a_data_set_that_trains() {
    let folder = temporary();
    let root = folder.path();
    (0..12).for_each(|i| picture(&root.join(format!("photos/{i}.jpg")), 60 + i, 50));
    assert_eq!(
        stdout(&succeed(root, "prepare edges photos --out edges")),
        "12 images in edges\n"
    );
    succeed(root, "prepare combine edges photos --out pairs --size 40");
    assert_eq!(rgb(&root.join("pairs/7.png")).dimensions(), (80, 40));
    succeed(root, "prepare split pairs --out set --val 10 --test 25");
    let parts = ["train", "val", "test"].map(|part| names(&root.join("set").join(part)));
    assert_eq!(parts.each_ref().map(Vec::len), [8, 1, 3]);
    let mut all = parts.concat();
    all.sort();
    assert_eq!(all, names(&root.join("pairs")));
    assert_eq!(
        fs::read(root.join("set/val").join(&parts[1][0])).unwrap(),
        fs::read(root.join("pairs").join(&parts[1][0])).unwrap()
    );
    succeed(root, &format!("train set --steps 1 --name s {TINY}"));
}

#[test]
fn each_tool_does_what_it_says_on_any_number_of_threads() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("in/a.png"), 40, 20);
    picture(&root.join("in/b.png"), 33, 33);
    for (threads, out) in [("1", "one"), ("7", "seven")] {
        for (tool, options) in [
            ("grayscale", ""),
            ("blank", "--fraction 0.25"),
            ("edges", "--blur 0 --low 1 --high 2"),
            ("resize", "--size 16 --fit pad"),
        ] {
            succeed(
                root,
                &format!("prepare {tool} in --out {out}/{tool} --threads {threads} {options}"),
            );
        }
    }
    assert_eq!(
        snapshot(&root.join("one"))
            .into_values()
            .collect::<Vec<_>>(),
        snapshot(&root.join("seven"))
            .into_values()
            .collect::<Vec<_>>()
    );
    let one = |path: &str| rgb(&root.join("one").join(path));
    assert!(
        one("grayscale/a.png")
            .pixels()
            .all(|Rgb([r, g, b])| r == g && g == b)
    );
    assert_eq!(
        one("blank/a.png")
            .pixels()
            .filter(|pixel| pixel.0 == [255; 3])
            .count(),
        10 * 5
    );
    assert_eq!(
        (
            one("resize/a.png").dimensions(),
            one("resize/a.png").get_pixel(0, 0).0
        ),
        ((16, 16), [255; 3])
    );
}

#[test]
fn half_takes_apart_what_combine_put_together() {
    let folder = temporary();
    let root = folder.path();
    for name in ["0.png", "day/1.png"] {
        picture(&root.join("a").join(name), 20, 30);
        picture(&root.join("b").join(name), 21, 30);
        picture(&root.join("c").join(name), 20, 30);
    }
    succeed(root, "prepare combine a c --out pairs");
    for (half, source) in [("A", "a"), ("B", "c")] {
        let made = succeed(
            root,
            &format!("prepare half pairs --half {half} --out {half}"),
        );
        assert_eq!(stdout(&made), format!("2 images in {half}\n"));
        for name in ["0.png", "day/1.png"] {
            assert_eq!(
                rgb(&root.join(half).join(name)),
                rgb(&root.join(source).join(name))
            );
        }
    }
    let message = fail(root, 1, "prepare half b/0.png --half A --out odd");
    assert!(
        message.contains("b/0.png") && message.contains("21"),
        "{message}"
    );
    let whole = run(root, "prepare half pairs --half none --out none");
    assert_eq!(whole.status.code(), Some(2));
    assert!(
        stderr(&whole).contains("[possible values: A, B]"),
        "{}",
        stderr(&whole)
    );
}

#[test]
fn label_maps_keep_their_colours_where_they_are_resized() {
    let folder = temporary();
    let root = folder.path();
    fs::create_dir(root.join("maps")).unwrap();
    let colours = [[0, 0, 0], [200, 0, 10], [9, 9, 250]];
    RgbImage::from_fn(9, 9, |x, _| Rgb(colours[x as usize / 3]))
        .save(root.join("maps/a.png"))
        .unwrap();
    picture(&root.join("photos/a.png"), 9, 9);
    let found = |path: &str, left: u32| -> std::collections::BTreeSet<[u8; 3]> {
        rgb(&root.join(path))
            .enumerate_pixels()
            .filter(|(x, ..)| *x < left)
            .map(|(.., pixel)| pixel.0)
            .collect()
    };
    let combine = "prepare combine maps photos --size 32 --out";
    succeed(root, &format!("{combine} mixed"));
    assert!(found("mixed/a.png", 32).len() > 3, "interpolated");
    succeed(root, &format!("{combine} pairs --nearest left"));
    assert_eq!(found("pairs/a.png", 32), colours.into());
    let right =
        |path: &str| image::imageops::crop_imm(&rgb(&root.join(path)), 32, 0, 32, 32).to_image();
    assert_eq!(
        right("pairs/a.png"),
        right("mixed/a.png"),
        "the photo is resized as ever"
    );
    succeed(
        root,
        "prepare resize maps --size 20 --nearest --out squares",
    );
    assert_eq!(found("squares/a.png", 20), colours.into());
    succeed(root, "prepare split pairs --out set --val 0");
    let output = succeed(
        root,
        &format!("train set --steps 1 --name s --input labels {TINY}"),
    );
    assert!(
        stderr(&output).contains("3 labels in the input images"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_damaged_image_does_not_stop_the_others() {
    let folder = temporary();
    let root = folder.path();
    for name in ["a", "c", "d"] {
        picture(&root.join(format!("in/{name}.png")), 33, 40);
    }
    fs::write(root.join("in/b.png"), "no picture").unwrap();
    fs::write(root.join("in/e.png"), "").unwrap();
    let model = generator();
    for (out, line) in [
        ("gray", "prepare grayscale in --out gray"),
        (
            "translated",
            &format!("translate in --model '{model}' --out translated"),
        ),
    ] {
        let output = run(root, line);
        assert_eq!(output.status.code(), Some(1));
        let text = stderr(&output);
        // The line that ends a translation depends on the time.
        let is_fixed = |line: &&str| !line.ends_with(" images/s");
        let lines: Vec<&str> = text.lines().filter(is_fixed).collect();
        let [first, second, last] = lines[..] else {
            panic!("{text}")
        };
        assert!(
            first.starts_with("error: in/b.png") && second.starts_with("error: in/e.png"),
            "{text}"
        );
        assert_eq!(
            last,
            "error: 2 of 5 files failed as listed; the others are done"
        );
        assert_eq!(names(&root.join(out)), ["a.png", "c.png", "d.png"]);
    }
    let message = fail_cleanly(root, 2, "prepare grayscale in --out gray");
    assert!(message.contains("--force to go on"), "{message}");
    picture(&root.join("in/b.png"), 8, 8);
    fs::remove_file(root.join("in/e.png")).unwrap();
    assert_eq!(
        stdout(&succeed(root, "prepare grayscale in --out gray --force")),
        "4 images in gray\n"
    );
}

#[test]
fn label_maps_get_numbers_and_a_palette() {
    let folder = temporary();
    let root = folder.path();
    fs::create_dir(root.join("maps")).unwrap();
    let colours = [[0, 0, 0], [200, 0, 10], [9, 9, 250]];
    RgbImage::from_fn(9, 3, |x, _| Rgb(colours[x as usize / 3]))
        .save(root.join("maps/a.png"))
        .unwrap();
    succeed(root, "prepare labels maps --out numbers");
    let labels = rgb(&root.join("numbers/a.png"));
    assert_eq!([0, 3, 8].map(|x| labels.get_pixel(x, 0).0[0]), [0, 2, 1]);
    assert_eq!(
        fs::read_to_string(root.join("numbers/palette.txt")).unwrap(),
        "#000000 0\n#0909fa 1\n#c8000a 2\n"
    );

    succeed(
        root,
        "prepare labels maps --out again --palette numbers/palette.txt",
    );
    assert_eq!(rgb(&root.join("again/a.png")), labels);
    fs::write(root.join("short.txt"), "#000000 void\n#0909fa sky\n").unwrap();
    let message = fail_cleanly(
        root,
        1,
        "prepare labels maps --out numbers --palette short.txt --force",
    );
    assert!(
        message.contains("a.png")
            && message.contains("(3, 0)")
            && message.contains("#000000")
            && message.contains("a line #c8000a"),
        "{message}"
    );
}

#[test]
fn nothing_is_written_where_colours_cannot_all_be_numbered() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("maps/a.png"), 4, 4);
    let labels = "prepare labels maps --out out";
    // Images that are there, a palette that is there, too many colours, a clash and a damaged
    // image: nothing is written.
    for there in ["out/a.png", "out/palette.txt"] {
        picture(&root.join("out/b.png"), 2, 2);
        fs::copy(root.join("out/b.png"), root.join(there)).unwrap();
        let message = fail_cleanly(root, 2, labels);
        assert!(
            message.contains(there) && message.contains("--force"),
            "{message}"
        );
        fs::remove_dir_all(root.join("out")).unwrap();
    }
    picture(&root.join("maps/photo.png"), 40, 40);
    let message = fail_cleanly(root, 1, labels);
    assert!(
        message.contains("photo.png") && message.contains("256"),
        "{message}"
    );
    let message = fail_cleanly(root, 1, "prepare labels maps maps/a.png --out out");
    assert!(message.contains("would both be"), "{message}");
    fs::write(
        root.join("maps/photo.png"),
        &fs::read(root.join("maps/a.png")).unwrap()[..50],
    )
    .unwrap();
    assert!(fail_cleanly(root, 1, labels).contains("photo.png"));
    fs::remove_file(root.join("maps/photo.png")).unwrap();
    succeed(root, labels);
    assert_eq!(names(&root.join("out")), ["a.png", "palette.txt"]);
}

/// The system lets no file be larger than a kilobyte here.
#[cfg(unix)]
#[test]
fn a_palette_is_there_before_the_maps_that_need_it() {
    let folder = temporary();
    let root = folder.path();
    fs::create_dir(root.join("maps")).unwrap();
    for (name, side) in [("a", 4), ("large", 90), ("z", 4)] {
        let colour = |x, y| Rgb([(x * 7 + y * 13 + x * y * 3) as u8 % 16 * 16, 0, 0]);
        RgbImage::from_fn(side, side, colour)
            .save(root.join(format!("maps/{name}.png")))
            .unwrap();
    }
    let line = "trap '' XFSZ; ulimit -f 1; exec \"$0\" prepare labels maps --out out";
    let output = std::process::Command::new("sh")
        .args(["-c", line, crate::BINARY])
        .current_dir(root)
        .output()
        .unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines.len() == 3
            && lines[0] == "16 labels, see out/palette.txt"
            && lines[1].starts_with("error: cannot write out/large.png: ")
            && lines[2].contains("1 of 3 files failed"),
        "{text}"
    );
    assert_eq!(names(&root.join("out")), ["a.png", "palette.txt", "z.png"]);
}

#[test]
fn a_file_never_lies_in_two_parts() {
    let folder = temporary();
    let root = folder.path();
    (0..9).for_each(|i| picture(&root.join(format!("in/{i}.png")), 8 + i, 4));
    let split =
        |seed: &'static str| format!("prepare split in --out set --val 40 --force --seed {seed}");
    succeed(root, &split("0"));
    succeed(root, &split("0"));
    let message = fail_cleanly(root, 2, &split("1"));
    assert!(
        message.contains(".png exists")
            && message.contains("set/val/")
            && message.contains("another --out, or move set away"),
        "{message}"
    );
    fs::remove_dir_all(root.join("set")).unwrap();
    succeed(root, &split("1"));

    // Copies under other names, and one picture in two formats, are one file to the draw.
    for i in 0..9 {
        fs::copy(
            root.join(format!("in/{i}.png")),
            root.join(format!("in/copy-{i}.png")),
        )
        .unwrap();
    }
    picture(&root.join("in/COPY-3.jpg"), 8, 4);
    let output = succeed(root, "prepare split in --out whole --val 40");
    assert!(
        stderr(&output).contains("10 of 19 files go with others"),
        "{}",
        stderr(&output)
    );
    let val = names(&root.join("whole/val"));
    for name in names(&root.join("in")) {
        let digit = name.chars().find(char::is_ascii_digit).unwrap();
        assert_eq!(
            val.contains(&name),
            val.contains(&format!("{digit}.png")),
            "{name}"
        );
    }
    // A set that is there knows them too.
    fs::remove_file(root.join("whole/val").join(&val[0])).unwrap();
    fs::write(root.join("whole/train").join(val[0].to_uppercase()), "").unwrap();
    let message = fail_cleanly(root, 2, "prepare split in --out whole --val 40 --force");
    assert!(message.contains("would be whole/val/"), "{message}");
}

#[test]
fn a_split_keeps_pairs_of_two_folders_together() {
    let folder = temporary();
    let root = folder.path();
    for i in 0..5 {
        picture(&root.join(format!("in/A/{i}.png")), 8 + i, 4);
        // All targets are one picture, which makes no group of them.
        picture(&root.join(format!("in/B/{i}.jpg")), 8, 4);
    }
    let split = "prepare split in --out in/set --val 40 --force";
    succeed(root, split);
    let stems = |part: &str| {
        let names = names(&root.join("in/set").join(part));
        let stem = |name: &String| name.split('.').next().unwrap_or_default().to_owned();
        names.iter().map(stem).collect::<Vec<_>>()
    };
    for (part, count) in [("train", 3), ("val", 2)] {
        let a = stems(&format!("{part}/A"));
        assert_eq!(a.len(), count, "{part}");
        assert_eq!(a, stems(&format!("{part}/B")), "{part}");
    }
    succeed(root, split);
    let message = fail_cleanly(root, 1, "prepare split in/set --out again");
    assert!(message.contains("in/set/train: is there"), "{message}");
}

#[test]
fn the_lines_of_a_palette_that_hold_no_colour_are_told() {
    let folder = temporary();
    let root = folder.path();
    fs::create_dir(root.join("maps")).unwrap();
    RgbImage::new(4, 4).save(root.join("maps/a.png")).unwrap();
    let text = "labels of the town\r\n#000000 Straße\r\n".encode_utf16();
    let bytes: Vec<u8> = [0xFEFF]
        .into_iter()
        .chain(text)
        .flat_map(u16::to_le_bytes)
        .collect();
    fs::write(root.join("palette.txt"), bytes).unwrap();
    let output = succeed(
        root,
        "prepare labels maps --out numbers --palette palette.txt",
    );
    let text = stderr(&output);
    assert!(
        text.contains("palette.txt: lines without a colour #rrggbb, which are left out: 1, ")
            && text.contains("line 1: labels of"),
        "{text}"
    );
}

#[test]
fn sixteen_bits_stay() {
    let folder = temporary();
    let root = folder.path();
    fs::create_dir_all(root.join("in")).unwrap();
    image::ImageBuffer::from_fn(9, 6, |x, y| image::Luma([(x * 3001 + y * 7) as u16]))
        .save(root.join("in/a.png"))
        .unwrap();
    for tool in [
        "grayscale in",
        "resize in --size 8",
        "blank in",
        "combine in in",
    ] {
        let out = tool.split(' ').next().unwrap();
        succeed(root, &format!("prepare {tool} --out {out}"));
        let result = open(&root.join(out).join("a.png"));
        assert_eq!(result.color(), ColorType::Rgb16, "{tool}");
    }
    // A slope of less than a level of 8 bits, where these would be stairs.
    let fine = "prepare edges in --low 0.2 --high 0.3 --out outlines";
    image::ImageBuffer::from_fn(60, 6, |x, _| image::Luma([(x * 30) as u16]))
        .save(root.join("in/a.png"))
        .unwrap();
    succeed(root, fine);
    assert!(
        rgb(&root.join("outlines/a.png"))
            .pixels()
            .all(|pixel| pixel.0 == [255; 3])
    );
    // Numbers of labels that are one colour in 8 bits.
    succeed(root, "prepare labels in --out labels");
    let labels = rgb(&root.join("labels/a.png"));
    assert_eq!(
        [0, 1, 59].map(|x| labels.get_pixel(x, 5).0),
        [[0; 3], [1; 3], [59; 3]]
    );
    assert!(
        fs::read_to_string(root.join("labels/palette.txt"))
            .unwrap()
            .ends_with("#06ea06ea06ea 59\n")
    );
}
