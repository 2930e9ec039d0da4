//! What stands on the page of a run.

use super::*;
use crate::train::run::tests::{config, entries, row, standing};
use crate::train::run::{CHECKPOINTS, Commands, GoOn, PAGE, SampleRow, Samples, Stage, lock};

fn page(run: &RunDir, standing: &Standing) -> String {
    run.refresh(standing).unwrap();
    fs::read_to_string(run.page_path()).unwrap()
}

#[test]
fn an_empty_run_has_a_page() {
    let root = tempfile::tempdir().unwrap();
    let run = RunDir::create(root.path(), "cats").unwrap();
    assert!(page(&run, &standing(40)).contains("No step"));
    assert_eq!(
        entries(run.path()),
        [lock::FILE, CHECKPOINTS, PAGE, SAMPLES]
    );
}

/// Writes what a run of 20 steps has.
fn fill(run: &RunDir) {
    run.write_config(&config()).unwrap();
    let held_out = HeldOut {
        pairs: 40,
        copy_l1: 0.131,
    };
    run.write_held_out(&held_out).unwrap();
    for step in [10, 20, 30] {
        run.append(&row(step)).unwrap();
    }
    run.rewind(20).unwrap();
    assert_eq!(run.metrics().unwrap(), [row(10), row(20)]);
    let image = vec![0.0; 4 * 4 * 3];
    let row = SampleRow {
        height: 4,
        width: 4,
        input: image.clone(),
        output: image.clone(),
        target: image,
    };
    let samples = Samples {
        rows: vec![row.clone(), row],
    };
    run.write_samples(10, &samples).unwrap();
    let newest = run.write_samples(20, &samples).unwrap();
    assert_eq!(newest, run.sample_path(20));
    write_atomic(&run.checkpoint_path(20), |writer| {
        writer.write_all(&[0; 2048])
    })
    .unwrap();
}

#[test]
fn the_page_shows_the_run_and_nothing_from_elsewhere() {
    let root = tempfile::tempdir().unwrap();
    let run = RunDir::create(root.path(), "<i>R&D's")
        .unwrap()
        .with_commands(COMMANDS);
    fill(&run);
    let html = page(&run, &standing(40));
    for part in [
        "<h1>&lt;i&gt;R&amp;D&#39;s</h1>",
        "<td>&lt;script&gt;&amp;</td>",
        "<td>0.0002</td>",
        "0.2500",
        "0.1310",
        "src=\"losses.svg\"",
        "src=\"samples/step-000010.png\" loading=\"lazy\"",
        "after step 20</h2>",
        "checkpoints/step-000020.safetensors</td><td class=\"number\">2.0 KiB",
        "20 of 40",
        "<p>It stands at Training:</p>",
        "/&lt;i&gt;R&amp;D&#39;s\ntwo in ",
        "<p>Translate images:</p>\n<pre>translate 1 with ",
        "step-000020.safetensors</pre>",
    ] {
        assert!(html.contains(part), "{part}");
    }
    for foreign in ["<i>", "<script", "http:", "https:", "file:", "url("] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    assert!(run.path().join(CHART).exists());
}

/// As the program's, but for the words.
const COMMANDS: Commands = Commands {
    go_on: |run, standing| GoOn {
        words: format!("it stands at {:?}", standing.stage),
        commands: ["one", "two"]
            .map(|word| format!("{word} in {}", run.display()))
            .into(),
    },
    translate: |model, images| format!("translate {images} with {}", model.display()),
};

#[test]
fn the_page_says_why_a_run_ended_and_how_to_go_on() {
    let root = tempfile::tempdir().unwrap();
    let run = RunDir::create(root.path(), "r")
        .unwrap()
        .with_commands(COMMANDS);
    fill(&run);
    let folder = run.path().display();
    for stage in [
        Stage::Stopped,
        Stage::Complete,
        Stage::OutOfPatience { waited: 3 },
    ] {
        let html = page(
            &run,
            &Standing {
                stage,
                ..standing(40)
            },
        );
        let expected =
            format!("<p>It stands at {stage:?}:</p>\n<pre>one in {folder}\ntwo in {folder}</pre>");
        assert!(html.contains(&expected), "{html}");
    }
}

#[test]
fn the_page_shows_the_score_that_counts_and_its_best_weights() {
    let root = tempfile::tempdir().unwrap();
    let run = RunDir::create(root.path(), "r")
        .unwrap()
        .with_commands(COMMANDS);
    fill(&run);
    let best = |value| Best {
        step: 10,
        value,
        waited: 1,
        scored: 20,
    };
    let of = |metric, value| Standing {
        metric,
        best: Some(best(value)),
        ..standing(40)
    };
    let tile = |label: &str, value: &str, note: &str| {
        format!("<dt>Held-out {label}</dt><dd>{value}{note}</dd>")
    };
    let note = |best: &str| format!("<small>best {best} at step 10</small>");
    let l1 = |note: &str| tile("L1", "0.2500", note);
    for (standing, tiles) in [
        (of(EvalMetric::L1, 0.125), vec![l1(&note("0.1250"))]),
        (
            of(EvalMetric::Ssim, 0.75),
            vec![tile("SSIM", "0.5000", &note("0.7500")), l1("")],
        ),
        (
            of(EvalMetric::Psnr, 21.5),
            vec![tile("PSNR", "20.00 dB", &note("21.50 dB")), l1("")],
        ),
    ] {
        // There is no file of the best weights.
        let html = page(&run, &standing);
        assert_eq!(html.matches("<dt>Held-out").count(), tiles.len(), "{html}");
        assert!(tiles.iter().all(|tile| html.contains(tile)), "{html}");
        assert!(!html.contains("best.safetensors"), "{html}");
    }
    fs::write(run.best_path(), [0; 1024]).unwrap();
    let html = page(&run, &of(EvalMetric::Ssim, 0.75));
    for part in [
        "<td>checkpoints/best.safetensors</td><td class=\"number\">1.0 KiB</td>\
         <td>the best held-out SSIM, at step 10</td>",
        "<p>Translate images with the best weights, of step 10:</p>\n<pre>translate 1 with ",
        "best.safetensors</pre>",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
}

#[test]
fn the_page_says_which_images_it_shows() {
    let root = tempfile::tempdir().unwrap();
    for (name, val_l1, expected) in [
        (
            "held",
            Some(0.25),
            ["Held-out images", "each held-out image"],
        ),
        ("own", None, ["Training images", "each training image"]),
    ] {
        let run = RunDir::create(root.path(), name).unwrap();
        run.append(&MetricsRow { val_l1, ..row(1) }).unwrap();
        fs::write(run.sample_path(1), "").unwrap();
        let html = page(&run, &standing(40));
        for part in expected {
            assert!(
                html.contains(&format!("{part} after step 1")),
                "{name}: {part}"
            );
        }
    }
}

#[test]
fn shell_words_are_quoted_where_they_must_be() {
    assert_eq!(quote(Path::new("runs/flat-3d")), "runs/flat-3d");
    assert_eq!(quote(Path::new("my runs/it's")), "'my runs/it'\\''s'");
}

#[test]
fn numbers_read_well() {
    assert_eq!(size(512), "0.5 KiB");
    assert_eq!(size(218 * 1024 * 1024), "218.0 MiB");
    assert_eq!(duration(7.9), "7 s");
    assert_eq!(duration(125.0), "2 min 5 s");
    assert_eq!(duration(7325.0), "2 h 2 min");
    assert_eq!(duration(f64::NAN), "0 s");
}

#[test]
fn nested_configuration_is_flat_and_escaped() {
    let config = serde_json::json!({ "data": { "path": "<b>", "sizes": [64, 64] }, "seed": null });
    let mut rows = String::new();
    config_rows(&mut rows, "", &config);
    let expected = "<tr><th>data.path</th><td>&lt;b&gt;</td></tr>\n\
                    <tr><th>data.sizes</th><td>[64,64]</td></tr>\n\
                    <tr><th>seed</th><td>–</td></tr>\n";
    assert_eq!(rows, expected);
}
