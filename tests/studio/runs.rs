//! Runs, whoever trains them.

use crate::{Studio, TINY, command, made_run, row};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::Stdio;
use tempfile::tempdir;

fn rows(event: &Value) -> Option<Vec<u64>> {
    let rows = event["rows"].as_array()?.iter();
    Some(rows.map(|row| row["step"].as_u64().unwrap()).collect())
}

fn state(event: &Value) -> Option<String> {
    Some(event["state"].as_str()?.to_owned())
}

#[test]
fn rows_that_are_added_are_told() {
    let folder = tempdir().unwrap();
    let runs = folder.path().join("runs");
    made_run(&runs, "r", 3);
    made_run(&runs, "other", 1);
    let studio = Studio::start(folder.path(), "");
    let [mut all, mut newer] =
        ["0", "2"].map(|after| studio.events(&format!("/api/runs/r/events?after={after}")));
    assert_eq!(all.until(rows), [1, 2, 3]);
    assert_eq!(newer.until(rows), [3]);
    assert_eq!(all.until(state), "stopped");
    let path = runs.join("r/metrics.csv");
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(format!("{}{}5,1,0.5", row(4), "").as_bytes())
        .unwrap();
    assert_eq!(all.until(rows), [4]);
    assert_eq!(newer.until(rows), [4]);
    file.write_all(b",0.25,0.5,0.5,0.0002,5.0,,,\n").unwrap();
    assert_eq!(all.until(rows), [5]);
    // A run that goes on from step 2 drops what came after.
    let text = fs::read_to_string(&path).unwrap();
    let kept: String = text.split_inclusive('\n').take(3).collect();
    let moved = runs.join("r/new");
    fs::write(&moved, kept).unwrap();
    fs::rename(&moved, &path).unwrap();
    all.until(|event| (event["kind"] == "anew").then_some(()));
    assert_eq!(all.until(rows), [1, 2]);
    // A folder that vanishes is said, and the others go on.
    fs::rename(runs.join("r"), folder.path().join("moved")).unwrap();
    let told = all.until(|event| (event["state"] == "gone").then(|| event["message"].clone()));
    assert!(told.as_str().unwrap().contains("no run r"), "{told}");
    assert!(all.next().is_none(), "nothing follows");
    let left = studio.get("/api/runs").json();
    assert_eq!(left["runs"][0]["id"], "other");
    assert_eq!(left["runs"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_wrong_with_a_run_is_said_and_the_others_are_there() {
    let folder = tempdir().unwrap();
    let runs = folder.path().join("runs");
    made_run(&runs, "good", 2);
    made_run(&runs, "torn", 2);
    made_run(&runs, "study/cell", 1);
    fs::write(runs.join("study/comparison.json"), "{}").unwrap();
    fs::write(runs.join("study/index.html"), "<p>a report</p>").unwrap();
    fs::write(runs.join("torn/metrics.csv"), "no rows\n").unwrap();
    let studio = Studio::start(folder.path(), "");
    let all = studio.get("/api/runs").json();
    let ids: Vec<&str> = all["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["good", "study/cell", "torn"]);
    assert_eq!(all["comparisons"][0]["page"], "index.html");
    assert!(all["runs"][0]["problem"].is_null());
    assert!(
        all["runs"][2]["problem"]
            .as_str()
            .unwrap()
            .contains("metrics.csv")
    );
    assert_eq!(studio.get("/api/runs/study%2Fcell").json()["step"], 1);
    assert_eq!(studio.get("/files/-/study%2Fcell/config.json").status, 200);
    assert_eq!(studio.get("/files/-/study/index.html").status, 200);
    let metrics = studio.get("/api/runs/good/metrics?after=1").json();
    assert_eq!(rows(&metrics), Some(vec![2]));
    assert_eq!(studio.get("/api/runs/good/metrics?after=x").status, 400);
}

#[test]
fn tags_and_notes_are_kept_and_the_slower_writer_is_told() {
    let folder = tempdir().unwrap();
    made_run(&folder.path().join("runs"), "r", 1);
    let studio = Studio::start(folder.path(), "");
    let path = "/api/runs/r/notes";
    let first = studio.put(
        path,
        r#"{"version": 0, "tags": ["good", " a "], "note": "look"}"#,
    );
    assert_eq!(first.json()["version"], 1);
    let slower = studio.put(path, r#"{"version": 0, "tags": ["bad"], "note": ""}"#);
    assert_eq!(slower.status, 409);
    assert!(slower.message().contains("somebody else"));
    assert_eq!(slower.json()["now"]["tags"][1], "good");
    let run = studio.get("/api/runs").json()["runs"][0].clone();
    assert_eq!(
        (&run["tags"][0], &run["note"]),
        (&"a".into(), &"look".into())
    );
    assert_eq!(
        studio
            .put("/api/runs/absent/notes", r#"{"version": 0}"#)
            .status,
        404
    );
}

#[test]
fn a_training_of_another_process_is_watched() {
    let folder = tempdir().unwrap();
    let line = format!("train --steps 3000 --sample-every 20 --name r {TINY}");
    let mut training = command(folder.path(), &line)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let studio = Studio::start(folder.path(), "");
    let run = studio.until("/api/runs", |all| {
        let run = &all["runs"][0];
        (run["step"].as_u64()? >= 3 && run["alive"] == true).then(|| run.clone())
    });
    assert_eq!(
        (&run["stage"], &run["steps"]),
        (&"training".into(), &3000.into())
    );
    assert_eq!(run["process"], training.id());
    assert!(run["memory"].as_u64().unwrap() > 0 && run["secondsLeft"].as_f64().is_some());
    let mut events = studio.events("/api/runs/r/events?after=0");
    let last = *events.until(rows).last().unwrap();
    let newer = events.until(rows);
    assert_eq!(newer[0], last + 3000 / 1000, "no row is lost");
    let refused = studio.post("/api/runs/r/stop", "");
    assert_eq!(refused.status, 409);
    let process = format!("process {}", training.id());
    assert!(
        refused.message().contains(&process),
        "{}",
        refused.message()
    );
    training.kill().unwrap();
    training.wait().unwrap();
    let told = events.until(|event| state(event).filter(|state| state != "training"));
    assert_eq!(told, "stopped");
}
