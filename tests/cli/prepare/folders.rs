//! Folders in folders, what is left out of them, and files that are there already.

use super::{names, rgb};
use crate::{fail_cleanly, picture, refuse, run, stderr, stdout, succeed, temporary};
use std::fs;

#[test]
fn subfolders_are_walked_and_kept() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("in/a.png"), 20, 20);
    picture(&root.join("in/day/a.png"), 24, 20);
    fs::write(root.join("in/day/notes.txt"), "mine").unwrap();
    let gray = "prepare grayscale in --out in/gray";
    let first = succeed(root, gray);
    assert_eq!(stdout(&first), "2 images in in/gray\n");
    assert_eq!(
        stderr(&first),
        "note: files that are no images by their ending and are not read: 1, such as \
         in/day/notes.txt\n"
    );
    assert_eq!(rgb(&root.join("in/gray/day/a.png")).width(), 24);
    // Results are no inputs, and stay unless told otherwise.
    let message = stderr(&run(root, gray));
    assert!(
        message.contains("note: images below in/gray, which are results and no inputs: 2,")
            && message.contains("in/gray/a.png and 1 other exist; choose another --out"),
        "{message}"
    );
    fs::remove_file(root.join("in/gray/a.png")).unwrap();
    let rest = succeed(root, &format!("{gray} --skip-existing"));
    assert_eq!(stdout(&rest), "1 image in in/gray\n");
    assert!(
        stderr(&rest).contains("note: 1 result is there already and stays"),
        "{}",
        stderr(&rest)
    );
    let message = fail_cleanly(root, 2, "prepare labels in --out numbers --skip-existing");
    assert!(message.contains("needs --palette FILE"), "{message}");
}

#[test]
fn pairs_in_subfolders_are_combined_and_what_is_left_over_is_told() {
    let folder = temporary();
    let root = folder.path();
    for (index, name) in ["0.png", "day/0.png", "day/IMG_1.png"].iter().enumerate() {
        picture(&root.join("a").join(name), 20 + 4 * index as u32, 20);
        let partner = name.replace("IMG", "img");
        picture(&root.join("b").join(partner), 20 + 4 * index as u32, 20);
    }
    fs::write(root.join("b/notes.txt"), "mine").unwrap();
    let output = succeed(root, "prepare combine a b --out pairs");
    assert_eq!(stdout(&output), "3 images in pairs\n");
    assert_eq!(
        stderr(&output),
        "A: 3 images in a/, B: 3 in b/, paired by name\n\
         note: pairs whose names differ in letter case or accents: 1, such as a/day/IMG_1.png; \
         they are paired\n\
         note: files that are no images by their ending and are not read: 1, such as b/notes.txt\n"
    );
    assert_eq!(names(&root.join("pairs/day")), ["0.png", "IMG_1.png"]);
    assert_eq!(rgb(&root.join("pairs/0.png")).width(), 40);
    assert_eq!(rgb(&root.join("pairs/day/0.png")).width(), 48);
    refuse(
        root,
        2,
        &[("prepare combine a b --out x.png", "name a folder")],
    );
}

#[test]
fn a_split_tells_what_it_leaves_out() {
    let folder = temporary();
    let root = folder.path();
    for width in [20, 24, 28] {
        picture(&root.join(format!("set/A/{width}.png")), width, 20);
        picture(&root.join(format!("set/B/{width}.png")), width, 21);
    }
    picture(&root.join("set/loose.png"), 20, 20);
    fs::write(root.join("set/notes.txt"), "mine").unwrap();
    refuse(
        root,
        2,
        &[("prepare split set --out ./set", "choose another --out")],
    );
    let split = "prepare split set --val 40 --out set/parts";
    let told = "A: 3 images in A/, B: 3 in B/, paired by name\n\
                note: images that are in no pair and are not used: 1, such as set/loose.png\n\
                note: files that are no images by their ending and are not read: 1, such as \
                set/notes.txt\n";
    assert_eq!(stderr(&succeed(root, split)), told);
    let again = succeed(root, &format!("{split} --skip-existing"));
    assert_eq!(stdout(&again), "0 images in set/parts\n");
    let text = stderr(&again);
    for line in [
        "note: 6 results are there already and stay as they are, for example set/parts/",
        "note: images in the folder of the results, which are no inputs: 6, such as set/parts/",
        &told[told.find("note").unwrap()..],
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn out_can_be_the_file_of_one_image_and_a_clash_stops_one() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("in/a.png"), 20, 20);
    picture(&root.join("in/a.jpg"), 20, 20);
    picture(&root.join("in/b.png"), 20, 20);
    let one = succeed(root, "prepare resize in/b.png --size 8 --out new/small.png");
    assert_eq!(stdout(&one), "new/small.png\n");
    assert_eq!(rgb(&root.join("new/small.png")).dimensions(), (8, 8));
    refuse(
        root,
        2,
        &[
            (
                "prepare resize in/b.png --size 8 --out small.jpg",
                "what prepare makes are .png files",
            ),
            ("prepare grayscale in --out x.png", "name a folder"),
            (
                "prepare grayscale in --out -",
                "prepare writes no stream; name a folder",
            ),
            (
                "prepare blank in/b.png --out new/small.png",
                "new/small.png exists",
            ),
        ],
    );
    let output = run(root, "prepare grayscale in --out gray");
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("in/a.jpg and in/a.png would both be gray/a.png")
            && text.contains("1 of 3 files failed"),
        "{text}"
    );
    assert_eq!(names(&root.join("gray")), ["a.png", "b.png"]);
}
