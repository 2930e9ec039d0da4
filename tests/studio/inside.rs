//! Looking inside: the same tables, drawings and shaders as `inspect`.

use crate::{Studio, TINY, succeed};
use serde_json::{Value, json};
use tempfile::tempdir;

#[test]
fn a_step_and_a_model_are_looked_into() {
    let folder = tempdir().unwrap();
    succeed(folder.path(), &format!("train --steps 2 --name r {TINY}"));
    let studio = Studio::start(folder.path(), "");
    let config = json!({"size": 32, "ngf": 2, "ndf": 2, "num_downs": 2, "d_layers": 1});
    for what in [json!({"config": config}), json!({"model": "run:r"})] {
        let made = studio.post("/api/inspect", &what.to_string()).json();
        let nodes = made["nodes"].as_array().unwrap();
        let mut kernels = nodes.iter().filter_map(|node| node["kernels"][0].as_str());
        let kernel = kernels.next_back().expect("a kernel").to_owned();
        let drawing = studio.post("/api/drawing", &what.to_string());
        let text = String::from_utf8(drawing.body).unwrap();
        assert!(text.starts_with("<svg") && text.contains("</svg>"));
        let mut asked = what.clone();
        asked["kernel"] = kernel.into();
        let shader = studio.post("/api/shader", &asked.to_string());
        assert!(String::from_utf8_lossy(&shader.body).contains("@compute"));
        asked["kernel"] = "none".into();
        let none = studio.post("/api/shader", &asked.to_string());
        assert_eq!(none.status, 404);
        assert!(none.message().contains("no kernel none"));
    }
    let wrong = studio.post("/api/inspect", r#"{"config": {"ngf": 0}}"#);
    assert_eq!((wrong.status, &wrong.json()["field"]), (422, &"ngf".into()));
    let both = studio.post("/api/inspect", r#"{"config": {}, "model": "run:r"}"#);
    assert_eq!(both.status, 400);
    let absent = studio.post("/api/inspect", r#"{"model": "absent"}"#);
    assert_eq!(absent.status, 404);
}

#[test]
fn feature_maps_are_pictures_of_all_layers() {
    let folder = tempdir().unwrap();
    succeed(folder.path(), &format!("train --steps 2 --name r {TINY}"));
    let studio = Studio::start(folder.path(), "");
    let host = format!("Host: {}\r\n", studio.host);
    let ask = |size: u32, bytes: usize| {
        let path = format!("/api/activations?model=run:r&width={size}&height={size}");
        studio.send("POST", &path, &host, &vec![200; bytes])
    };
    let answer = ask(32, 32 * 32 * 4);
    assert_eq!(answer.status, 200);
    let end = answer.body.iter().position(|byte| *byte == b'\n').unwrap();
    let list: Vec<Value> = serde_json::from_slice(&answer.body[..end]).unwrap();
    let mut rest = &answer.body[end + 1..];
    for map in &list {
        let bytes = map["bytes"].as_u64().unwrap() as usize;
        assert!(rest[..bytes].starts_with(b"\x89PNG"), "{map}");
        rest = &rest[bytes..];
    }
    assert!(rest.is_empty());
    let last = list.last().unwrap();
    assert_eq!(
        (&last["layer"], &last["shape"]),
        (&"output".into(), &json!([32, 32, 3]))
    );
    let wrong = ask(32, 7);
    assert_eq!(wrong.status, 400);
    assert!(wrong.message().contains("no picture of 32×32"));
}
