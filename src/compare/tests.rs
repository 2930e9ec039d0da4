//! Reports of comparisons whose runs are made up.

use super::*;
use crate::data::Split;
use image::RgbImage;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A plan of two objectives with two seeds, without any runs.
fn plan() -> (ComparisonPlan, Grid) {
    let axis = Axis {
        speaks: true,
        ..Axis::parse("objective=l1,l1+cgan").unwrap()
    };
    let grid = Grid::new(vec![axis]).unwrap();
    let pairs = Pairs {
        training: 7,
        training_names: 1,
        scored: 2,
        scored_names: 2,
        split: Some(Split::Test),
    };
    let mut plan = ComparisonPlan::new(32, pairs);
    plan.axes = grid.axes().to_vec();
    plan.command = "pix2pix compare <x>".to_owned();
    plan.seeds = vec![0, 1];
    plan.shown = 1;
    (plan, grid)
}

/// The evaluation of a run with this MAE and sharpness.
fn evaluate(run: &Path, mae: f64, sharpness: f64) {
    evaluate_in(&run.join("eval"), mae, sharpness);
}

fn evaluate_in(folder: &Path, mae: f64, sharpness: f64) {
    fs::create_dir_all(folder.join("images")).unwrap();
    let of = |output: f64| json!({ "output": { "mean": output }, "copy": { "mean": 50.0 } });
    let scores = json!({
        "pairs": "pairs, test, 32×32",
        "images": [{ "name": "a<b>.png" }, { "name": "c.png" }],
        "summary": { "mae": of(mae), "sharpness": of(sharpness), "psnr": of(f64::NAN) },
    });
    fs::write(folder.join("scores.json"), scores.to_string()).unwrap();
    for kind in ["input", "output", "target"] {
        let file = folder.join(format!("images/00000-{kind}.png"));
        RgbImage::new(32, 32).save(file).unwrap();
    }
}

/// Notes a run with the scores that are there.
fn done(plan: &mut ComparisonPlan, root: &Path, run: &str, failure: Option<&str>) {
    let mut record = Record {
        device: "a device".to_owned(),
        seconds: 61.0,
        early: None,
        failure: failure.map(str::to_owned),
        scored: BTreeMap::new(),
    };
    for size in [32, 64] {
        let folder = evaluation_folder(&root.join("c").join(run), plan.size, Some(size));
        if let Some(there) = Measures::read(&folder).unwrap() {
            record.scored.insert(size, Outcome::Scores(there.number));
        }
    }
    plan.records.insert(run.to_owned(), record);
}

/// The Markdown and the page of a comparison in `root`.
fn report(root: &Path, plan: &ComparisonPlan, grid: &Grid) -> (Report, String, String) {
    let (mut folder, _) = ComparisonFolder::find(&root.join("c")).unwrap();
    folder.begin(plan).unwrap();
    let report = Report::read(folder.path(), plan, grid).unwrap();
    let tiles = report.tiles(folder.path(), plan.shown);
    folder.write_report(&report, &tiles).unwrap();
    let read = |path| fs::read_to_string(path).unwrap();
    let texts = (read(folder.markdown_path()), read(folder.page_path()));
    (report, texts.0, texts.1)
}

#[test]
fn the_best_value_is_bold_once_all_runs_have_ended() {
    let root = tempfile::tempdir().unwrap();
    let (mut plan, grid) = plan();
    let run = |name: &str| root.path().join("c").join(name);
    let (empty, text, _) = report(root.path(), &plan, &grid);
    assert_eq!(empty.counts(), [0, 0, 4]);
    assert!(text.contains("**0 of 4 runs have scores.**"), "{text}");
    assert!(!root.path().join("c/pictures.png").exists());

    for (name, mae, sharpness) in [
        ("l1-seed0", 20.0, 0.5),
        ("l1-seed1", 21.0, 0.6),
        ("l1+cgan-seed0", 30.0, 1.05),
    ] {
        evaluate(&run(name), mae, sharpness);
        done(&mut plan, root.path(), name, None);
    }
    let (_, text, _) = report(root.path(), &plan, &grid);
    assert!(text.contains("| l1+cgan (1 of 2 runs) | 30.00 |"), "{text}");
    assert!(!text.contains("| **"), "{text}");

    evaluate(&run("l1+cgan-seed1"), 31.0, 0.9);
    done(&mut plan, root.path(), "l1+cgan-seed1", None);
    let (whole, text, page) = report(root.path(), &plan, &grid);
    assert_eq!(whole.progress(), None);
    for line in [
        "| l1 | **20.50 ± 0.71** | 0.550 ± 0.071 | 61.0 ± 0.0 |\n",
        "| l1+cgan | 30.50 ± 0.71 | **0.975 ± 0.106** | 61.0 ± 0.0 |\n",
        "| *copying the input* | 50.00 | 50.000 | – |\n",
        "no. 0 (a\\<b>.png)",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert_eq!(page.matches("class=\"best\"").count(), 2);
    assert!(
        page.contains(
            "<pre><span>pix2pix</span> <span>compare</span> <span>&lt;x&gt;</span></pre>"
        ),
        "{page}"
    );
    // Sharpness alone has its best value inside, and what copying scores is named beside its line.
    assert_eq!(page.matches("<button data-near ").count(), 1);
    assert!(page.contains("text-anchor=\"end\">1</text>"), "{page}");
    let table = whole.to_string();
    assert!(
        table.contains("20.50 ± 0.71 *") && table.contains("both deviations; rows without"),
        "{table}"
    );
}

#[test]
fn no_value_is_bold_that_the_rows_without_training_reach() {
    let root = tempfile::tempdir().unwrap();
    let (mut plan, grid) = plan();
    report(root.path(), &plan, &grid);
    // Copying the input has an MAE of 50, and each row is worse.
    for (name, mae) in [
        ("l1-seed0", 60.0),
        ("l1-seed1", 61.0),
        ("l1+cgan-seed0", 70.0),
        ("l1+cgan-seed1", 71.0),
    ] {
        evaluate(&root.path().join("c").join(name), mae, 1.0);
        done(&mut plan, root.path(), name, None);
    }
    let (whole, text, page) = report(root.path(), &plan, &grid);
    assert!(text.contains("| l1 | 60.50 ± 0.71 |"), "{text}");
    assert!(!page.contains("class=\"best\""), "{page}");
    assert!(!whole.to_string().contains('*'), "{whole}");
}

#[test]
fn runs_that_patience_ended_are_named() {
    let root = tempfile::tempdir().unwrap();
    let (mut plan, grid) = plan();
    report(root.path(), &plan, &grid);
    evaluate(&root.path().join("c/l1-seed1"), 60.0, 1.0);
    done(&mut plan, root.path(), "l1-seed1", None);
    let (whole, ..) = report(root.path(), &plan, &grid);
    assert!(whole.early().is_none());
    plan.records.get_mut("l1-seed1").unwrap().early = Some(4);
    let (whole, text, page) = report(root.path(), &plan, &grid);
    let line = "ended before the budget was used, because no score was better for so long: l1, seed 1: step 4";
    for text in [whole.to_string(), text, page] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn failed_runs_are_told_with_their_reason() {
    let root = tempfile::tempdir().unwrap();
    let (mut plan, grid) = plan();
    report(root.path(), &plan, &grid);
    for (name, failure) in [
        ("l1-seed0", None),
        ("l1-seed1", None),
        ("l1+cgan-seed0", Some("step 3: loss <g_l1>")),
        ("l1+cgan-seed1", Some("step 4")),
    ] {
        if failure.is_none() {
            evaluate(&root.path().join("c").join(name), 20.0, 1.0);
        }
        done(&mut plan, root.path(), name, failure);
    }
    let (report, text, page) = report(root.path(), &plan, &grid);
    assert_eq!(report.counts(), [2, 2, 4]);
    let expected = "- **l1+cgan, seed 0 failed**: step 3: loss \\<g\\_l1>\n";
    assert!(text.contains(expected), "{text}");
    assert!(
        text.contains("| l1+cgan (0 of 2 runs) | – | – | – |"),
        "{text}"
    );
    assert!(
        page.contains("failed</b>: step 3: loss &lt;g_l1&gt;"),
        "{page}"
    );
    // One that failed is not waited for.
    assert!(
        page.contains("<td>failed</td>") && !page.contains("none yet"),
        "{page}"
    );
    plan.records.remove("l1+cgan-seed1");
    let (.., page) = self::report(root.path(), &plan, &grid);
    assert!(page.contains("<td>none yet</td>"), "{page}");
}

const RUNS: [&str; 4] = ["l1-seed0", "l1-seed1", "l1+cgan-seed0", "l1+cgan-seed1"];

#[test]
fn scores_that_the_comparison_did_not_note_are_not_shown() {
    let root = tempfile::tempdir().unwrap();
    let (mut plan, grid) = plan();
    report(root.path(), &plan, &grid);
    let run = root.path().join("c/l1-seed0");
    evaluate(&run, 20.0, 1.0);
    done(&mut plan, root.path(), "l1-seed0", None);
    let (own, ..) = report(root.path(), &plan, &grid);
    assert_eq!(own.counts(), [1, 0, 4]);
    // As `eval` leaves those of another checkpoint.
    evaluate(&run, 19.0, 1.0);
    let (other, text, _) = report(root.path(), &plan, &grid);
    assert_eq!(other.counts(), [0, 0, 4]);
    assert!(!text.contains("19.0"), "{text}");
}

/// A comparison of 32 and 64 pixels, whose runs are scored at 32 and not noted yet.
fn at_two_sizes(root: &Path) -> (ComparisonPlan, Grid) {
    let (mut plan, grid) = plan();
    plan.test_sizes = vec![32, 64];
    report(root, &plan, &grid);
    for name in RUNS {
        evaluate(&root.join("c").join(name), 20.0, 1.0);
    }
    (plan, grid)
}

#[test]
fn a_run_is_done_when_it_is_done_at_all_sizes() {
    let root = tempfile::tempdir().unwrap();
    let (mut plan, grid) = at_two_sizes(root.path());
    let run = |name: &str| root.path().join("c").join(name);
    for name in RUNS {
        done(&mut plan, root.path(), name, None);
    }
    let (half, text, _) = report(root.path(), &plan, &grid);
    assert_eq!(half.counts(), [0, 0, 4]);
    let progress = "**0 of 4 runs have scores at all sizes.**";
    assert!(text.contains(progress), "{text}");
    // Inputs and targets are those of the size that has some.
    assert!(text.contains("(pictures.png)"), "{text}");
    for name in RUNS {
        evaluate_in(&run(name).join("eval-64"), 30.0, 1.0);
        done(&mut plan, root.path(), name, None);
    }
    let (whole, ..) = report(root.path(), &plan, &grid);
    assert_eq!(whole.counts(), [4, 0, 4]);
    assert_eq!(whole.progress(), None);
}

#[test]
fn a_run_that_fails_at_one_size_keeps_its_scores_at_others() {
    let root = tempfile::tempdir().unwrap();
    let (mut plan, grid) = at_two_sizes(root.path());
    let run = |name: &str| root.path().join("c").join(name);
    for name in RUNS {
        evaluate_in(&run(name).join("eval-64"), 30.0, 1.0);
        done(&mut plan, root.path(), name, None);
    }
    let failed = plan.records.get_mut("l1-seed0").unwrap();
    let reason = Outcome::Failed("too large".to_owned());
    failed.scored.insert(64, reason);
    let (whole, text, _) = report(root.path(), &plan, &grid);
    assert_eq!(whole.counts(), [3, 1, 4]);
    assert!(text.contains("| l1 at 32 | 20.00 ± 0.00 |"), "{text}");
    assert!(
        text.contains("| l1 at 64 (1 of 2 runs) | 30.00 |"),
        "{text}"
    );
    assert_eq!(whole.failures(), [("l1 at 64", 0, "too large")]);
    // One that is not trained has no scores at all, and is named once.
    plan.records.get_mut("l1-seed0").unwrap().failure = Some("step 3".to_owned());
    let (whole, ..) = report(root.path(), &plan, &grid);
    assert_eq!(whole.failures(), [("l1", 0, "step 3")]);
}

#[test]
fn suggested_commands_name_folders_as_a_shell_takes_them() {
    let comparison: std::path::PathBuf = "runs/my first".into();
    let moved = CompareError::Moved {
        path: comparison.join("l1-seed0"),
        comparison: comparison.clone(),
    };
    let gone = CompareError::Gone {
        dataset: "pairs".into(),
        comparison,
    };
    for text in [moved.to_string(), gone.to_string()] {
        assert!(text.contains("DATASET `resume` 'runs/my first'"), "{text}");
    }
}

#[test]
fn a_plan_is_read_back_and_one_process_has_it() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("c");
    let (mut plan, _) = plan();
    done(&mut plan, root.path(), "l1-seed0", Some("why"));
    plan.records.get_mut("l1-seed0").unwrap().scored = [
        (32, Outcome::Scores(u64::MAX)),
        (64, Outcome::Failed("too large".to_owned())),
    ]
    .into();
    let (mut folder, none) = ComparisonFolder::find(&path).unwrap();
    assert!(none.is_none() && !path.exists());
    folder.begin(&plan).unwrap();
    let error = ComparisonFolder::find(&path).unwrap_err().to_string();
    assert!(error.contains("is in use by process"), "{error}");
    drop(folder);
    let (folder, found) = ComparisonFolder::find(&path).unwrap();
    assert_eq!(found, Some(plan));
    drop(folder);
    fs::write(path.join("comparison.json"), "{\"version\": 9}").unwrap();
    let error = ComparisonFolder::find(&path).unwrap_err().to_string();
    assert!(
        error.contains("its version is 9, this one reads 1"),
        "{error}"
    );
    let error = ComparisonFolder::find(root.path()).unwrap_err().to_string();
    assert!(
        error.contains("is no comparison, it has no comparison.json"),
        "{error}"
    );
}
