//! What `prepare` refuses, and that nothing is lost then.

use super::rgb;
use crate::{fail_cleanly, picture, run, stderr, succeed, temporary};
use std::fs;
use std::path::Path;

#[test]
fn numbers_out_of_range_are_refused() {
    let folder = temporary();
    picture(&folder.path().join("a/x.png"), 8, 8);
    for (tool, option, value) in [
        ("grayscale a", "--threads", "0"),
        ("grayscale a", "--threads", "1025"),
        ("combine a a", "--size", "8193"),
        ("resize a", "--size", "16385"),
    ] {
        let output = run(
            folder.path(),
            &format!("prepare {tool} --out new {option} {value}"),
        );
        assert_eq!(output.status.code(), Some(2), "{option} {value}");
        assert!(
            stderr(&output).contains(option) && stderr(&output).contains(value),
            "{}",
            stderr(&output)
        );
        assert!(!folder.path().join("new").exists());
    }
}

/// An exit code, arguments, and a part of the message.
const MISTAKES: [(i32, &str, &str); 16] = [
    (2, "grayscale a --out out", "--force"),
    (1, "grayscale a --out a", "a/x.png"),
    (1, "combine a b --out out --force", "same size"),
    (
        1,
        "combine a b --out b --force",
        "b/x.png would be written over; choose another --out",
    ),
    (
        1,
        "combine a b --out a --force",
        "a/x.png would be written over; choose another --out",
    ),
    (1, "combine a c --out new", "no image with the same name"),
    (1, "combine a nowhere --out new", "nowhere"),
    (
        1,
        "combine left right --out new",
        "left and right: no such folders",
    ),
    (
        1,
        "combine a b --out out --force",
        "prepare combine with --size brings them to one",
    ),
    (1, "edges nowhere --out new", "nowhere"),
    (2, "edges a --out new --low 9 --high 3", "--low 9"),
    (2, "blank a --out new --fraction 2", "--fraction"),
    (
        2,
        "blank a --out new --fraction 0",
        "--fraction 0 must be above 0",
    ),
    (
        2,
        "split a --out new --val 60 --test 40",
        "nothing to train on",
    ),
    (
        2,
        "split a --out new",
        "of 1 images leave nothing to train on",
    ),
    (2, "labels a --out new --palette bad.txt", "line 1"),
];

#[test]
fn nothing_is_written_over_and_every_mistake_is_named() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("a/x.png"), 8, 8);
    picture(&root.join("b/x.png"), 8, 9);
    picture(&root.join("c/y.png"), 8, 8);
    picture(&root.join("out/x.png"), 2, 2);
    fs::write(root.join("bad.txt"), "#12").unwrap();
    for (code, arguments, expected) in MISTAKES {
        let message = fail_cleanly(root, code, &format!("prepare {arguments}"));
        assert!(message.contains(expected), "{arguments}: {message}");
    }
    succeed(root, "prepare grayscale a --out out --force");
    assert_eq!(rgb(&root.join("out/x.png")).dimensions(), (8, 8));
}

#[test]
fn a_file_in_the_way_of_a_split_stops_one_pair() {
    let folder = temporary();
    let root = folder.path();
    for name in ["a", "b", "day/c", "d"] {
        picture(&root.join(format!("in/A/{name}.png")), name.len() as u32, 8);
        picture(&root.join(format!("in/B/{name}.png")), 8, 8);
    }
    fs::create_dir_all(root.join("out/train/B")).unwrap();
    fs::write(root.join("out/train/B/day"), "mine").unwrap();
    let output = run(root, "prepare split in --out out --val 0");
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("error: out/train/B/day is no folder, and out/train/B/day/c.png would")
            && text.contains("error: 1 of 7 files failed as listed"),
        "{text}"
    );
    let found = |path: &str| root.join("out/train").join(path).exists();
    assert!(
        ["A/a.png", "B/a.png", "A/d.png", "B/d.png"]
            .into_iter()
            .all(found)
    );
    assert!(!found("A/day/c.png"), "half of a pair");
}

/// A link has a name, wherever it leads.
#[cfg(unix)]
#[test]
fn links_that_lead_nowhere_stay() {
    let folder = temporary();
    let root = folder.path();
    let part = |name: &str| root.join("set/train").join(name);
    let model = crate::generator();
    picture(&root.join("in/a.png"), 4, 4);
    picture(&root.join("in/b.png"), 4, 5);
    let links = [
        root.join("new.safetensors"),
        root.join("out/palette.txt"),
        root.join("gray/a.png"),
        part("a.png"),
    ];
    for link in &links {
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("nowhere", link).unwrap();
    }
    for line in [
        &format!("convert '{model}' new.safetensors"),
        "prepare labels in --out out",
        "prepare grayscale in --out gray",
        "prepare split in --out set --val 0",
    ] {
        let message = fail_cleanly(root, 2, line);
        assert!(message.contains(" exists; "), "{line}: {message}");
    }
    let is_link = |link: &std::path::PathBuf| fs::read_link(link).unwrap() == Path::new("nowhere");
    assert!(links.iter().all(is_link));
}
