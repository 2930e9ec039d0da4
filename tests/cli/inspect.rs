//! `inspect` of models, its page and its feature maps.

use crate::trained::generator;
use crate::{fail_cleanly, picture, stdout, succeed, temporary};
use std::fs;

#[test]
fn inspect_writes_a_page_and_writes_over_none() {
    let folder = temporary();
    let root = folder.path();
    let step = "inspect --size 32 --ngf 4 --ndf 4";
    let text = stdout(&succeed(root, &format!("{step} --html inside.html")));
    assert!(text.starts_with(&stdout(&succeed(root, step))) && text.contains("inside.html: "));
    let page = fs::read_to_string(root.join("inside.html")).unwrap();
    for part in [
        "<svg class=\"graph\"",
        "data-layer=\"generator.down1\"",
        "<title>node ",
        "id=\"node-0\"",
        "optimiser moments",
        "@compute",
        "inspect --size 32",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let message = fail_cleanly(root, 2, &format!("{step} --html inside.html"));
    assert!(message.contains("inside.html exists; --force"), "{message}");
    succeed(root, &format!("{step} --html inside.html --force"));
}

#[test]
fn inspect_shows_what_a_model_makes_of_a_picture() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("photo.png"), 40, 40);
    let look = format!("inspect --model {} --activations photo.png", generator());
    let text = stdout(&succeed(
        root,
        &format!("{look} --out maps --html inside.html"),
    ));
    assert!(
        text.contains("generator.down1: conv2d") && text.contains("weights"),
        "{text}"
    );
    assert!(text.contains("generator.down1.png: ") && text.contains("channels, each from"));
    for layer in ["generator.down1", "generator.up1", "output"] {
        let map = image::open(root.join(format!("maps/{layer}.png"))).unwrap();
        assert!(map.width() > 24, "{layer}: {map:?}");
    }
    let page = fs::read_to_string(root.join("inside.html")).unwrap();
    let pictures = fs::read_dir(root.join("maps")).unwrap().count();
    assert_eq!(
        page.matches("src=\"data:image/png;base64,").count(),
        pictures
    );
    let message = fail_cleanly(root, 2, &format!("{look} --out maps"));
    assert!(
        message.contains("generator.down1.png exists; --force"),
        "{message}"
    );
    succeed(root, &format!("{look} --out maps --force"));
}

#[test]
fn inspect_refuses_what_would_do_nothing() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("photo.png"), 40, 40);
    let model = generator();
    for (line, part) in [
        (
            format!("inspect --model {model} --activations photo.png"),
            "--html FILE",
        ),
        (format!("inspect --model {model} --ngf 4"), "--ngf"),
        (
            format!("inspect --model {model} --lambda-l1 4"),
            "--lambda-l1",
        ),
        (
            format!("inspect --model {model} --out maps"),
            "--activations",
        ),
        (
            "inspect --activations photo.png --html a.html".to_owned(),
            "--model",
        ),
    ] {
        let message = fail_cleanly(root, 2, &line);
        assert!(message.contains(part), "{line}: {message}");
    }
    let line = format!("inspect --model {model} --activations none.png --html a.html");
    let message = fail_cleanly(root, 1, &line);
    assert!(message.contains("none.png"), "{message}");
    let message = fail_cleanly(root, 1, "inspect --size 32 --html none/a.html");
    assert!(message.contains("none"), "{message}");
}
