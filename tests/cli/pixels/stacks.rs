//! Several images a side.

use super::{colourful, kind, save, train};
use crate::{TINY, fail_cleanly, open, stderr, stdout, succeed, temporary};
use image::ColorType;
use std::fs;

#[test]
fn stacked_images_go_in_and_come_out_by_numbered_names() {
    let folder = temporary();
    let root = folder.path();
    for side in ["A", "A2", "A3", "B", "B2"] {
        save(
            &root.join(format!("set/train/{side}/x.png")),
            colourful(40, 40),
        );
        save(
            &root.join(format!("set/val/{side}/y.png")),
            colourful(33, 33),
        );
    }
    let stacks = "--input gray --stack 3 --output-stack 2";
    train(root, "set", "s", stacks);
    // Three inputs, two outputs and two targets beside each other.
    let grid = open(&root.join("runs/s/samples/step-000002.png"));
    assert_eq!((grid.width(), grid.height()), (7 * 32 + 2 * 2, 32));
    let page = fs::read_to_string(root.join("runs/s/index.html")).unwrap();
    assert!(
        page.contains("3fr 2fr 2fr\"><span>inputs</span><span>outputs</span><span>targets</span>")
            && page.contains("translate A A2 A3 ")
    );
    succeed(root, "train --resume s");

    let translate = |inputs: &str| format!("translate {inputs} --model runs/s --out out");
    let text = stdout(&succeed(
        root,
        &translate("set/val/A set/val/A2 set/val/A3"),
    ));
    assert_eq!(text, "out/y.png\nout/y-2.png\n");
    assert_eq!(kind(&root.join("out/y-2.png")), (ColorType::Rgb8, 33, 33));
    let message = fail_cleanly(root, 2, &translate("set/val/A set/val/A2"));
    assert!(
        message.contains("takes 3 images") && message.contains("not 2"),
        "{message}"
    );
    let message = fail_cleanly(root, 1, &translate("set/val/A set/val/A2 set/train/A"));
    assert!(
        message.contains("y.png") && message.contains("set/train/A"),
        "{message}"
    );

    for side in ["A", "A2", "A3"] {
        save(&root.join(format!("small/{side}/z.png")), colourful(9, 9));
    }
    for (inputs, first, each) in [
        (
            "small/A small/A2 small/A3",
            "small/A",
            "each folder into another one",
        ),
        (
            "small/A/z.png small/A2/z.png small/A3/z.png",
            "small/A/z.png",
            "each image into a folder of its own",
        ),
    ] {
        let text = stderr(&succeed(root, &format!("{} --force", translate(inputs))));
        let help = format!("resize them first, {each}: pix2pix prepare resize {first} --size 32 ");
        assert!(text.contains(&help), "{text}");
    }

    let more = |options: &str| format!("train --name t {options} {TINY}");
    assert!(fail_cleanly(root, 1, &more("set --stack 4")).contains("A4"));
    assert!(fail_cleanly(root, 2, &more("--stack 2")).contains("name a data set"));
    save(&root.join("combined/x.png"), colourful(80, 40));
    assert!(fail_cleanly(root, 1, &more("combined --stack 2")).contains("folders A, A2"));
}
