//! Trainings that the studio starts.

use crate::{Studio, made_run};
use serde_json::{Value, json};
use std::fs;
use tempfile::tempdir;

/// A small training of so many steps.
fn small(name: &str, steps: u64) -> String {
    let config = json!({
        "size": 32, "ngf": 2, "ndf": 2, "num_downs": 2, "d_layers": 1,
        "steps": steps, "sample_every": 1000, "checkpoint_every": 1000
    });
    json!({"dataset": "bundled", "name": name, "config": config}).to_string()
}

fn state(event: &Value) -> Option<String> {
    Some(event["state"].as_str()?.to_owned()).filter(|state| state != "training")
}

#[test]
fn a_training_is_started_stopped_and_gone_on_with() {
    let folder = tempdir().unwrap();
    let studio = Studio::start(folder.path(), "");
    assert_eq!(
        studio.post("/api/trainings", &small("r", 3000)).json()["id"],
        "r"
    );
    // While it trains, nothing else does.
    let second = studio.post("/api/trainings", &small("s", 5));
    assert_eq!(second.status, 409);
    assert!(
        second.message().contains("r is training"),
        "{}",
        second.message()
    );
    let mut events = studio.events("/api/runs/r/events?after=0");
    events.until(|event| (!event["rows"].as_array()?.is_empty()).then_some(()));
    assert_eq!(studio.get("/api/runs").json()["training"], "r");
    assert_eq!(studio.post("/api/runs/r/stop", "").status, 200);
    assert_eq!(events.until(state), "stopped");
    let done = studio.until("/api/runs/r", |run| {
        (run["alive"] == false).then(|| run["step"].as_u64().unwrap())
    });
    assert!((1..3000).contains(&done));
    let none = studio.post("/api/runs/r/stop", "");
    assert!(
        none.message().contains("does not train now"),
        "{}",
        none.message()
    );
    studio.until("/api/runs", |all| all["training"].is_null().then_some(()));
    // Another length in all, which it has passed, and then one that it has not.
    let passed = studio.post("/api/runs/r/resume", r#"{"steps": 1}"#);
    assert!(
        done == 1 || passed.message().contains("ask for more"),
        "{}",
        passed.message()
    );
    let steps = done + 5;
    let resumed = studio.post("/api/runs/r/resume", &json!({"steps": steps}).to_string());
    assert_eq!(resumed.json()["id"], "r");
    studio.until("/api/runs/r", |run| {
        (run["stage"] == "complete").then_some(())
    });
    let run = studio.get("/api/runs/r").json();
    assert_eq!(
        (&run["step"], &run["steps"]),
        (&steps.into(), &steps.into())
    );
    assert_eq!(run["hasWeights"], true);
}

#[test]
fn what_breaks_a_rule_names_its_field() {
    let folder = tempdir().unwrap();
    made_run(&folder.path().join("runs"), "r", 1);
    let studio = Studio::start(folder.path(), "");
    let start = |config: Value| {
        let asked = json!({"dataset": "bundled", "name": "n", "config": config});
        studio.post("/api/trainings", &asked.to_string())
    };
    for (config, status, field, told) in [
        (json!({"ngf": 0}), 422, "ngf", "`ngf` 0 must lie between 1"),
        (json!({"size": 100}), 422, "size", "no multiple of 32"),
        (
            json!({"momentum": 0.5}),
            422,
            "momentum",
            "does nothing with Adam",
        ),
        (json!({"nfg": 2}), 422, "config", "no field"),
        (
            json!({"recipe.pretrained": "/etc/passwd"}),
            400,
            "",
            "neither a bundled model nor a run",
        ),
        (
            json!({"recipe.pretrained": "r"}),
            400,
            "",
            "has saved no generator",
        ),
        (json!({"dataset": "/"}), 400, "", "leave it out"),
    ] {
        let answer = start(config.clone());
        assert_eq!(answer.status, status, "{config}: {}", answer.message());
        assert!(
            answer.message().contains(told),
            "{config}: {}",
            answer.message()
        );
        assert_eq!(
            answer.json()["field"].as_str().unwrap_or_default(),
            field,
            "{config}"
        );
    }
    for (asked, status, told) in [
        (json!({"dataset": "/"}), 404, "no data set of this studio"),
        (
            json!({"dataset": "bundled", "name": "../x"}),
            400,
            "it contains",
        ),
        (json!({"dataset": "bundled", "name": "r"}), 409, "r"),
    ] {
        let answer = studio.post("/api/trainings", &asked.to_string());
        assert_eq!(answer.status, status, "{asked}: {}", answer.message());
        assert!(
            answer.message().contains(told),
            "{asked}: {}",
            answer.message()
        );
    }
    let answer = studio.post("/api/runs/r/resume", "");
    assert_eq!(answer.status, 409);
    assert!(
        answer.message().contains("no checkpoint"),
        "{}",
        answer.message()
    );
    let left: Vec<_> = fs::read_dir(folder.path().join("runs")).unwrap().collect();
    assert_eq!(left.len(), 1, "a refused training leaves no folder");
}

#[test]
fn the_form_and_the_data_sets_are_there() {
    let folder = tempdir().unwrap();
    let pairs = folder.path().join("pairs/train");
    fs::create_dir_all(&pairs).unwrap();
    let picture = image::RgbImage::from_pixel(64, 32, image::Rgb([9, 8, 7]));
    for name in ["a", "b"] {
        picture.save(pairs.join(format!("{name}.png"))).unwrap();
    }
    let studio = Studio::start(folder.path(), "--data pairs");
    let sets = studio.get("/api/datasets").json();
    assert_eq!(
        (&sets[0]["id"], &sets[1]["title"]),
        (&"bundled".into(), &"pairs".into())
    );
    assert_eq!(sets[1]["pairs"], 2);
    let form = studio.get("/api/options").json();
    let fields: Vec<&Value> = form
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["fields"].as_array().unwrap())
        .collect();
    let size = fields.iter().find(|field| field["name"] == "size").unwrap();
    assert_eq!(
        (&size["kind"], &size["least"]),
        (&"integer".into(), &32.0.into())
    );
    assert!(size["help"].as_str().unwrap().contains("pixels"));
}

/// Ctrl-C: what the studio trains is saved, and said.
#[cfg(unix)]
#[test]
fn ctrl_c_saves_what_it_trains() {
    let folder = tempdir().unwrap();
    let studio = Studio::start(folder.path(), "");
    studio.post("/api/trainings", &small("r", 3000));
    studio.until("/api/runs", |all| {
        (all["runs"][0]["step"].as_u64()? > 0).then_some(())
    });
    let _events = studio.events("/api/runs/r/events?after=0");
    let (status, said) = studio.interrupt();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("r stopped and saved at step"), "{said}");
    assert!(
        said.contains("pix2pix train --resume") && said.contains("has ended"),
        "{said}"
    );
    let saved = fs::read_dir(folder.path().join("runs/r/checkpoints")).unwrap();
    assert_eq!(saved.count(), 1);
}
