//! Drawing through the socket makes the pixels of `pix2pix translate`.

use crate::client::Socket;
use crate::{Studio, TINY, succeed};
use image::{Rgb, RgbImage, RgbaImage};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// A picture of colours and edges.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let inside = (x / 8 + y / 8) % 2 == 0;
        Rgb(if inside {
            [200, (3 * x) as u8, 40]
        } else {
            [255, 255, (5 * y) as u8]
        })
    })
}

fn draw(socket: &mut Socket, model: &str, image: &RgbImage) -> (Value, Vec<u8>) {
    let (width, height) = image.dimensions();
    let rgba: RgbaImage = image::DynamicImage::from(image.clone()).into_rgba8();
    let header = json!({"model": model, "seed": 0, "width": width, "height": height});
    socket.send_text(&header.to_string());
    socket.send_bytes(&rgba);
    let told = socket.receive_json();
    match told["message"].is_null() {
        true => (told, socket.receive()),
        false => (told, Vec::new()),
    }
}

/// The pixels that the command makes.
fn translated(folder: &Path, model: &str, image: &RgbImage) -> Vec<u8> {
    image.save(folder.join("in.png")).unwrap();
    succeed(
        folder,
        &format!("translate in.png --model {model} --out out.png --force"),
    );
    image::open(folder.join("out.png"))
        .unwrap()
        .into_rgba8()
        .into_raw()
}

#[test]
fn the_pixels_are_those_of_translate() {
    let folder = tempdir().unwrap();
    succeed(folder.path(), &format!("train --steps 2 --name r {TINY}"));
    let studio = Studio::start(folder.path(), "");
    let mut socket = Socket::open(&studio, "/api/draw");
    // The size that it was trained at, and another one that does not suit it.
    for size in [(32, 32), (50, 37)] {
        let image = picture(size.0, size.1);
        let (told, pixels) = draw(&mut socket, "run:r", &image);
        assert_eq!(
            (&told["width"], &told["height"]),
            (&size.0.into(), &size.1.into()),
            "{told}"
        );
        assert!(told["milliseconds"].as_f64().unwrap() > 0.0);
        assert!(
            pixels == translated(folder.path(), "runs/r", &image),
            "{size:?}"
        );
    }
    // Newer weights of the run are taken without a word.
    let image = picture(32, 32);
    let before = draw(&mut socket, "run:r", &image).1;
    succeed(folder.path(), "train --resume r --steps 12");
    let after = draw(&mut socket, "run:r", &image).1;
    assert!(before != after);
    assert!(after == translated(folder.path(), "runs/r", &image));
    // A file that is sent.
    let weights = fs::read(folder.path().join("runs/r/generator.safetensors")).unwrap();
    let host = format!("Host: {}\r\n", studio.host);
    let sent = studio
        .send("POST", "/api/models?name=mine.safetensors", &host, &weights)
        .json();
    assert_eq!(
        (&sent["id"], &sent["from"]),
        (&"file:mine.safetensors".into(), &"file".into())
    );
    assert!(draw(&mut socket, "file:mine.safetensors", &image).1 == after);
    let models = studio.get("/api/models").json();
    let ids: Vec<&Value> = models
        .as_array()
        .unwrap()
        .iter()
        .map(|model| &model["id"])
        .collect();
    assert!(
        ids.contains(&&"flat-to-3d".into()) && ids.contains(&&"run:r".into()),
        "{ids:?}"
    );
    assert!(ids.contains(&&"file:mine.safetensors".into()), "{ids:?}");
}

#[test]
fn what_cannot_be_drawn_is_said_and_the_socket_goes_on() {
    let folder = tempdir().unwrap();
    let studio = Studio::start(folder.path(), "");
    let mut socket = Socket::open(&studio, "/api/draw");
    let image = picture(32, 32);
    let (told, _) = draw(&mut socket, "no-such-model", &image);
    assert!(
        told["message"]
            .as_str()
            .unwrap()
            .contains("no model no-such-model"),
        "{told}"
    );
    let (told, _) = draw(&mut socket, "run:../x", &image);
    assert!(told["message"].is_string(), "{told}");
    for (header, told) in [
        (
            json!({"model": "flat-to-3d", "width": 9, "height": 9}),
            "9×9",
        ),
        (
            json!({"model": "flat-to-3d", "width": u32::MAX, "height": u32::MAX}),
            "no picture",
        ),
        (json!({"width": 1, "height": 1}), "makes no sense"),
    ] {
        socket.send_text(&header.to_string());
        socket.send_bytes(&[0; 4]);
        let answer = socket.receive_json();
        assert!(
            answer["message"].as_str().unwrap().contains(told),
            "{answer}"
        );
    }
    let host = format!("Host: {}\r\n", studio.host);
    let broken = studio.send("POST", "/api/models?name=x.pth", &host, b"no weights");
    assert_eq!(broken.status, 400);
    assert!(broken.message().contains("x.pth"), "{}", broken.message());
}
