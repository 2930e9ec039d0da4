//! `compare`: grids of runs, their report, and how a comparison goes on.

use crate::{
    TINY, config, dataset, fail, json, picture, run, snapshot, stderr, stdout, succeed, temporary,
};
use std::fs;
use std::path::Path;

/// Two pairs to train on, and three that are held out.
pub fn pairs(root: &Path) {
    dataset(&root.join("pairs"), 2);
    (0..3).for_each(|i| picture(&root.join(format!("pairs/test/{i}.png")), 80, 40));
}

/// The report without the times of training.
pub fn without_times(root: &Path, name: &str) -> String {
    let text = fs::read_to_string(root.join(format!("runs/{name}/report.md"))).unwrap();
    let lines = text.lines().map(|line| match line.starts_with('|') {
        true => line.trim_end_matches('|').rsplit_once('|').unwrap().0,
        false => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Makes a run as a crash after step 2 leaves it: without its last checkpoint and without scores.
fn crash(root: &Path, comparison: &str, run: &str) {
    let folder = root.join("runs").join(comparison);
    fs::remove_dir_all(folder.join(run).join("eval")).unwrap();
    fs::remove_file(folder.join(run).join("checkpoints/step-000004.safetensors")).unwrap();
    let mut plan = json(&folder.join("comparison.json"));
    plan["records"]
        .as_object_mut()
        .unwrap()
        .remove(run)
        .unwrap();
    fs::write(folder.join("comparison.json"), plan.to_string()).unwrap();
}

#[test]
fn a_comparison_is_scored_and_goes_on_where_it_was() {
    let folder = temporary();
    let root = folder.path();
    pairs(root);
    let line = format!(
        "compare pairs --vary objective=l1,l1+cgan --steps 4 --checkpoint-every 2 {TINY} --name c"
    );
    let output = succeed(root, &line);
    let told = stderr(&output);
    for expected in [
        "note: --d-layers does nothing in l1, and is left out there\n",
        "comparison of objective: 2 cells × 1 seed = 2 runs, 8 steps in all; folder runs/c\n",
        "run 2 of 2: l1+cgan, seed 0\n",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    let table = stdout(&output);
    for line in ["l1+cgan ", "copying the input ", "mean target "] {
        assert!(table.contains(line), "{table}");
    }
    let files = "all pictures and numbers: runs/c/index.html, runs/c/report.md\n";
    assert!(table.ends_with(files), "{table}");
    report_is_whole(root);
    let sheet = root.join("runs/c/pictures.png");
    let before = (without_times(root, "c"), fs::read(&sheet).unwrap());

    // The same command, and the name alone: nothing is trained again.
    for again in [&line[..], "compare --resume c"] {
        let told = stderr(&succeed(root, again));
        assert!(told.contains("2 of 2 runs are there already"), "{told}");
        assert!(!told.contains("run 1 of 2"), "{told}");
    }
    scored_at_other_steps_it_goes_on(root);
    a_named_interval_stays(root, &line);
    crash(root, "c", "l1+cgan-seed0");
    // Other intervals of a longer run follow from its length.
    let longer = line
        .replace(" --checkpoint-every 2", "")
        .replace("--steps 4", "--steps 40");
    let told = stderr(&run(root, &longer));
    assert!(
        told.contains("with another --epochs or --steps; "),
        "{told}"
    );
    moved_data_is_found(root, &line);
    let told = stderr(&succeed(root, &line));
    assert!(told.contains("goes on from step 2\n"), "{told}");
    let after = (without_times(root, "c"), fs::read(&sheet).unwrap());
    assert!(before == after, "{}\n{}", before.0, after.0);

    others_do_not_mix_with_it(root, &line);
}

/// Versions before chose other steps for the scores of short runs.
fn scored_at_other_steps_it_goes_on(root: &Path) {
    let path = root.join("runs/c/l1-seed0/config.json");
    let kept = fs::read(&path).unwrap();
    let mut config = config(root, "c/l1-seed0");
    assert_ne!(config["sample_every"], 1);
    config["sample_every"] = 1.into();
    fs::write(&path, config.to_string()).unwrap();
    let told = stderr(&succeed(root, "compare --resume c"));
    assert!(told.contains("2 of 2 runs are there already"), "{told}");
    fs::write(&path, kept).unwrap();
}

/// An interval that somebody named when it was begun is one of its settings.
fn a_named_interval_stays(root: &Path, line: &str) {
    let told = stderr(&run(root, &line.replace(" --checkpoint-every 2", "")));
    assert!(told.contains("with another --checkpoint-every; "), "{told}");
}

/// A comparison whose data set lies elsewhere says how it goes on.
fn moved_data_is_found(root: &Path, line: &str) {
    let (here, there) = (root.join("pairs"), root.join("elsewhere"));
    fs::rename(&here, &there).unwrap();
    let told = stderr(&run(root, "compare --resume c"));
    let remedy = "say where it lies now, as in pix2pix compare DATASET --resume runs/c\n";
    assert!(told.ends_with(remedy), "{told}");
    let told = stderr(&run(root, &line.replace("pairs", "elsewhere")));
    let remedy = "give it with --resume, as in pix2pix compare DATASET --resume runs/c, or";
    assert!(told.contains(remedy), "{told}");
    fs::rename(&there, &here).unwrap();
}

/// A run is an ordinary one, and other settings and other pairs do not mix with it.
fn others_do_not_mix_with_it(root: &Path, line: &str) {
    assert_eq!(config(root, "c/l1+cgan-seed0")["length"]["steps"], 4);
    succeed(root, "eval runs/c/l1-seed0 --force");
    refused(
        root,
        &line.replace("--steps 4", "--steps 5"),
        "runs/c/l1-seed0 was trained with another --epochs or --steps; leave that as it was, \
         remove this folder to train it again, or choose another --name",
    );
    let other = fail(
        root,
        2,
        &line.replace("objective=l1,l1+cgan", "norm=batch,none"),
    );
    assert!(
        other.contains("runs/c compares objective, and now it is norm; vary the same"),
        "{other}"
    );
    refused(
        root,
        &line.replace("--name c", "--name d --split train"),
        "every cell was trained on the training pairs, so their scores say little; use --split val \
         or test",
    );
    let other = line.replace("--name c", "--name d --split val");
    let none = stderr(&run(root, &other));
    assert!(
        none.contains("has no val pairs; add a val/ folder"),
        "{none}"
    );
    // As many, of the same names.
    (0..3).for_each(|i| picture(&root.join(format!("pairs/val/{i}.png")), 80, 40));
    refused(
        root,
        &format!("{line} --split val"),
        "runs/c scores the test pairs, and now it is val; leave --split out, or choose another \
         --name",
    );
    picture(&root.join("pairs/test/more.png"), 80, 40);
    refused(
        root,
        line,
        "runs/c began with 2 training pairs and 3 held-out ones, and now there are 2 training \
         pairs and 4 held-out ones; put the data set back as it was, or choose another --name",
    );
}

/// The line is refused as its last word, and nothing is changed.
fn refused(root: &Path, line: &str, expected: &str) {
    let before = snapshot(root);
    let output = run(root, line);
    assert_eq!(output.status.code(), Some(2), "{line}");
    let told = stderr(&output);
    assert_eq!(told.lines().last().unwrap(), format!("error: {expected}"));
    assert!(before == snapshot(root), "{line} changed something");
}

/// The report names everything, and its page holds its pictures.
fn report_is_whole(root: &Path) {
    let text = fs::read_to_string(root.join("runs/c/report.md")).unwrap();
    for expected in [
        "# Comparison of objective: c\n",
        "pix2pix compare pairs --vary objective=l1,l1+cgan --steps 4",
        "- **objective, varied**: l1, l1+cgan\n",
        "- **data**: pairs, test, 32×32; 2 training pairs and 3 held-out ones\n",
        "- **budget of a run**: 4 steps of one pair, 2.0 epochs\n",
        "\n| l1+cgan | ",
        "\n| *mean target* | ",
        "(pictures.png)",
        "no. 0 (0.png), no. 1 (1.png), no. 2 (2.png)",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let missing = "\n- without a column, because not defined for these pictures: MS-SSIM\n";
    assert!(text.contains(missing), "{text}");
    assert!(
        text.matches("MS-SSIM").count() == 1 && !text.contains("| **"),
        "{text}"
    );
    let page = fs::read_to_string(root.join("runs/c/index.html")).unwrap();
    assert_eq!(page.matches("src=\"data:image/png;base64,").count(), 3 * 4);
    assert!(!page.contains("http") && page.contains("href=\"l1-seed0/eval/index.html\""));
}

#[test]
fn a_run_that_fails_is_marked_and_the_others_go_on() {
    let folder = temporary();
    let root = folder.path();
    pairs(root);
    let line = "compare pairs --vary lr=1e30,0.001 --objective l1 --steps 4 --size 32 --ngf 2 \
                --depth 2 --seeds 2 --name f";
    let output = run(root, line);
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    assert!(
        told.contains("this run failed, and the others go on: step "),
        "{told}"
    );
    let last = told.lines().last().unwrap();
    let expected = "error: 2 of 4 runs failed; why stands in runs/f/report.md; to train one again";
    assert!(last.starts_with(expected), "{last}");
    let table = stdout(&output);
    assert!(table.contains("lr 1e30 (0 of 2 runs)  –"), "{table}");
    assert!(
        table.contains("lr 0.001 ") && table.contains(" ± "),
        "{table}"
    );
    let text = fs::read_to_string(root.join("runs/f/report.md")).unwrap();
    assert!(
        text.contains("**2 of 4 runs have scores, 2 failed.**"),
        "{text}"
    );
    assert!(
        text.contains("- **lr 1e30, seed 1 failed**: step "),
        "{text}"
    );
    // It is not tried again, and the finished runs stay.
    let told = stderr(&run(root, line));
    assert!(told.contains("4 of 4 runs are there already"), "{told}");
}

/// The paper's comparison of sizes: one training, used at two sizes.
#[test]
#[ignore = "second tier: a comparison at two sizes, and more seeds and values"]
fn a_comparison_grows_and_one_training_is_used_at_two_sizes() {
    let folder = temporary();
    let root = folder.path();
    pairs(root);
    let line = format!("compare pairs --paper sizes --steps 2 {TINY}");
    let output = succeed(root, &line);
    let told = stderr(&output);
    assert!(
        told.contains("--paper sizes stands for --test-sizes 32,64\n"),
        "{told}"
    );
    assert!(told.contains("1 cell × 1 seed = 1 run, 2 steps"), "{told}");
    let text = fs::read_to_string(root.join("runs/pairs-sizes/report.md")).unwrap();
    assert!(text.contains("\n## 64×64 pixels\n"), "{text}");
    assert!(
        root.join("runs/pairs-sizes/run-seed0/eval-64/index.html")
            .is_file()
    );
    assert!(text.contains("test, 32×32 and 64×64; "), "{text}");
    let page = fs::read_to_string(root.join("runs/pairs-sizes/index.html")).unwrap();
    let link = "<a href=\"run-seed0/eval-64/index.html\">scores at 64×64 pixels</a>";
    assert!(page.contains(link), "{page}");

    let grow = |vary: &str, seeds: u64| {
        let line = format!(
            "compare pairs --vary {vary} --vary upsample=deconv,nearest --seeds {seeds} --steps 2 \
             --name g {TINY}"
        );
        stderr(&succeed(root, &line))
    };
    let told = grow("objective=l1,cgan", 1);
    assert!(told.contains("4 cells × 1 seed = 4 runs"), "{told}");
    let told = grow("objective=l1,gan,cgan", 2);
    assert!(told.contains("6 cells × 2 seeds = 12 runs"), "{told}");
    assert!(told.contains("4 of 12 runs are there already"), "{told}");
    let text = fs::read_to_string(root.join("runs/g/report.md")).unwrap();
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| gan, "))
        .collect();
    assert_eq!(rows.len(), 2, "{text}");
    assert!(rows.iter().all(|row| row.contains(" ± ")), "{text}");
    // Fewer values than are there: those stay.
    let told = grow("objective=gan", 1);
    assert!(told.contains("12 of 12 runs are there already"), "{told}");
    let stay = "note: the seeds that are there stay, so each cell has these: 0, 1\n";
    assert!(told.contains(stay), "{told}");
    // Its data set in another place.
    fs::rename(root.join("pairs"), root.join("elsewhere")).unwrap();
    for again in ["compare elsewhere --resume g", "compare --resume g"] {
        let told = stderr(&succeed(root, again));
        assert!(told.contains("6 cells × 2 seeds = 12 runs"), "{told}");
        assert!(told.contains("data: elsewhere, test, "), "{told}");
    }
    let told = stderr(&succeed(root, "compare --resume g"));
    assert!(told.contains("12 of 12 runs are there already"), "{told}");
}

/// A generator that does not change has no better score.
#[test]
#[ignore = "second tier: a comparison whose runs end by their patience"]
fn a_run_that_patience_ended_is_named() {
    let folder = temporary();
    let root = folder.path();
    pairs(root);
    let line = format!(
        "compare pairs --vary lr=1e-30,2e-30 --steps 20 --sample-every 1 --patience 1 --name p \
         --no-dropout {TINY}"
    );
    let output = succeed(root, &line);
    let told = stderr(&output);
    assert!(
        told.contains("ended by --patience at step 2 of 20\n"),
        "{told}"
    );
    let line = "ended before the budget was used, because no score was better for so \
                long: lr 1e-30, seed 0: step 2; lr 2e-30";
    assert!(stdout(&output).contains(line), "{}", stdout(&output));
    let text = fs::read_to_string(root.join("runs/p/report.md")).unwrap();
    assert!(text.contains(line), "{text}");
}

/// Ctrl-C in the second run; then the same command ends it.
#[cfg(unix)]
#[test]
#[ignore = "second tier: a comparison that is stopped by a signal"]
fn a_comparison_that_is_stopped_says_how_it_goes_on() {
    use crate::stopping::{start, stop, wait_until};
    let folder = temporary();
    let root = folder.path();
    pairs(root);
    let line = format!("compare pairs --vary lr=0.001,0.002 --steps 400 {TINY} --name s");
    let child = start(root, &line);
    let metrics = root.join("runs/s/lr-0.002-seed0/metrics.csv");
    wait_until(|| fs::read_to_string(&metrics).map_or(0, |text| text.lines().count()) > 1);
    let output = stop(child, "INT");
    let told = stderr(&output);
    assert!(output.status.success(), "{told}");
    let expected = "stopped and saved: 1 of 2 runs have scores; go on with: pix2pix compare \
                    --resume runs/s\n";
    assert!(told.ends_with(expected), "{told}");
    let text = fs::read_to_string(root.join("runs/s/report.md")).unwrap();
    assert!(text.contains("**1 of 2 runs have scores.**"), "{text}");
    assert!(text.contains("| lr 0.002 (0 of 1 runs) | – |"), "{text}");
    let told = stderr(&succeed(root, "compare --resume runs/s"));
    assert!(
        told.contains("1 of 2 runs are there already") && told.contains("goes on from step "),
        "{told}"
    );
}
