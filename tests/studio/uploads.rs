//! Data sets that are sent, and what is forgotten.

use crate::{Studio, made_run};
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use std::fs;
use std::io::{Cursor, Write};
use tempfile::tempdir;

/// A pair of pictures, side by side.
fn pair(number: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    RgbImage::from_fn(64, 32, |x, y| Rgb([number, x as u8, y as u8]))
        .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)
        .unwrap();
    bytes
}

/// The files of a folder, as the page sends them.
fn folder_of(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let list: Vec<Value> = files
        .iter()
        .map(|(path, bytes)| json!({"path": path, "bytes": bytes.len()}))
        .collect();
    let mut body = format!("{}\n", Value::from(list)).into_bytes();
    files.iter().for_each(|(_, bytes)| body.extend(bytes));
    body
}

fn zip_of(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in files {
        zip.start_file(*path, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn delete(studio: &Studio, path: &str) -> u16 {
    let host = format!("Host: {}\r\n", studio.host);
    studio.send("DELETE", path, &host, b"").status
}

#[test]
fn a_data_set_is_sent_trained_on_and_forgotten() {
    let folder = tempdir().unwrap();
    let studio = Studio::start(folder.path(), "");
    let host = format!("Host: {}\r\n", studio.host);
    let send = |name: &str, body: &[u8]| {
        studio
            .send("POST", &format!("/api/datasets?name={name}"), &host, body)
            .json()
    };
    let files = [("train/a.png", pair(9)), ("train/b.png", pair(80))];
    let (one, two) = (
        send("mine", &folder_of(&files)),
        send("mine.zip", &zip_of(&files)),
    );
    assert_eq!((&one["pairs"], &two["pairs"]), (&2.into(), &2.into()));
    assert_ne!(one["id"], two["id"], "a name that is taken has a number");
    let config = json!({
        "size": 32, "ngf": 2, "ndf": 2, "num_downs": 2, "d_layers": 1, "epochs": 1
    });
    let asked = json!({"dataset": one["id"], "name": "r", "config": config});
    let started = studio.post("/api/trainings", &asked.to_string());
    assert_eq!(started.status, 200, "{}", started.json());
    let mut events = studio.events("/api/runs/r/events?after=0");
    let told = events.until(|event| {
        let lines = event["told"].as_array()?;
        (!lines.is_empty()).then(|| event["told"].to_string())
    });
    assert!(told.contains("train"), "how the data set is read: {told}");
    studio.until("/api/runs", |all| {
        (all["training"].is_null() && all["runs"][0]["stage"] == "complete").then_some(())
    });
    // Without its state a run of epochs still says how long it is.
    fs::remove_file(folder.path().join("runs/r/state.json")).unwrap();
    assert_eq!(studio.get("/api/runs/r").json()["steps"], 2);
    let of = |set: &Value| {
        let id = set["id"].as_str().unwrap().replace('/', "%2F");
        format!("/api/datasets/{id}")
    };
    assert_eq!(delete(&studio, &of(&one)), 409, "a run needs it");
    assert_eq!(delete(&studio, &of(&two)), 200);
    assert_eq!(delete(&studio, "/api/datasets/%2Fetc"), 404);
    assert_eq!(delete(&studio, "/api/runs/r"), 200);
    let kept = folder
        .path()
        .join("runs/.forgotten/r/generator.safetensors");
    assert!(kept.is_file(), "nothing is removed");
    assert_eq!(delete(&studio, &of(&one)), 200);
    let sets = studio.get("/api/datasets").json();
    assert_eq!(sets.as_array().unwrap().len(), 1, "{sets}");
}

#[test]
fn broken_and_large_uploads_are_said_and_leave_nothing() {
    let folder = tempdir().unwrap();
    made_run(&folder.path().join("runs"), "r", 1);
    let studio = Studio::start(folder.path(), "");
    let host = format!("Host: {}\r\n", studio.host);
    let good = folder_of(&[("train/a.png", pair(1))]);
    let zip = zip_of(&[("train/a.png", pair(1))]);
    let outside = folder_of(&[("../../a.png", pair(1))]);
    let no_pairs = folder_of(&[("notes.txt", b"x".to_vec())]);
    for (body, told) in [
        (&good[..good.len() - 1], "cut off"),
        (&zip[..zip.len() / 2], "ZIP"),
        (&outside[..], "../../a.png"),
        (&no_pairs[..], ""),
        (b"nothing", "cut off"),
    ] {
        let answer = studio.send("POST", "/api/datasets?name=d", &host, body);
        assert_eq!(answer.status, 400, "{}", answer.message());
        assert!(answer.message().contains(told), "{}", answer.message());
    }
    for path in ["/api/datasets?name=d", "/api/models?name=x.pth"] {
        let answer = studio.send_part("POST", path, &host, (b"", 1 << 30));
        assert_eq!(answer.status, 413, "{}", answer.message());
        assert!(answer.message().contains("larger than 536870912 bytes"));
    }
    let left = fs::read_dir(folder.path().join("runs")).unwrap();
    assert_eq!(left.count(), 1, "only the run");
    assert_eq!(delete(&studio, "/api/models/file:none"), 404);
}
