//! Held-out scores of a run: the best checkpoint, and the end of a run that gets no better.

use crate::{TINY, config, dataset, fail, picture, stderr, stdout, succeed, temporary};
use std::fs;

#[test]
fn a_run_that_gets_no_better_ends_and_its_best_weights_stay() {
    let folder = temporary();
    let root = folder.path();
    dataset(&root.join("pairs"), 2);
    picture(&root.join("pairs/val/a.png"), 80, 40);
    // Without a learning rate the first score is never beaten.
    let line = format!(
        "train pairs --name r --steps 9 --lr 0 --sample-every 1 --patience 2 --eval-metric ssim {TINY}"
    );
    let output = succeed(root, &line);
    let told = stderr(&output);
    let best = root.join("runs/r/checkpoints/best.safetensors");
    for expected in [
        "ended at step 3: 2 held-out scores in a row were not better; to go on all the same: pix2pix \
         train --resume runs/r --patience 4\n",
        "the best held-out SSIM was 0.",
        ", at step 1: runs/r/checkpoints/best.safetensors\n",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    let printed = stdout(&output);
    let last = printed.lines().last().unwrap();
    assert!(
        last.starts_with("held-out L1 0.")
            && last.contains(", SSIM ")
            && last.contains(", copying"),
        "{printed}"
    );
    assert!(best.is_file());
    assert_eq!(config(root, "r")["eval_metric"], "ssim");
    let rows = fs::read_to_string(root.join("runs/r/metrics.csv")).unwrap();
    let header = rows.lines().next().unwrap();
    assert!(header.ends_with(",val_l1,val_ssim,val_psnr"), "{header}");
    assert!(
        rows.lines().skip(1).all(|row| !row.ends_with(',')),
        "{rows}"
    );
    let chart = fs::read_to_string(root.join("runs/r/losses.svg")).unwrap();
    assert!(chart.contains("SSIM of held-out pairs"));
    let page = fs::read_to_string(root.join("runs/r/index.html")).unwrap();
    for expected in [
        "<p>Ended at step 3: 2 held-out scores in a row were not better; to go on all the same:</p>\n\
         <pre>pix2pix train --resume runs/r --patience 4</pre>",
        "<dt>Held-out SSIM</dt>",
        " at step 1</small>",
        "the best held-out SSIM, at step 1</td>",
        "--model runs/r/checkpoints/best.safetensors --out translated</pre>",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    // The step that ended the run was scored, and is not scored again.
    assert_eq!(rows.lines().count(), 4, "{rows}");
    succeed(
        root,
        "translate pairs/val/a.png --half A --model runs/r/checkpoints/best.safetensors --out out",
    );
}

#[test]
fn patience_goes_on_with_a_run() {
    let folder = temporary();
    let root = folder.path();
    dataset(&root.join("pairs"), 2);
    picture(&root.join("pairs/val/a.png"), 80, 40);
    let line =
        format!("train pairs --name r --steps 9 --lr 0 --sample-every 1 --patience 2 {TINY}");
    succeed(root, &line);
    let told = stderr(&succeed(root, "train --resume r"));
    assert!(told.contains("ended at step 3"), "{told}");
    let told = stderr(&succeed(root, "train --resume r --patience 4"));
    assert!(told.contains("ended at step 5: 4 held-out"), "{told}");
    assert_eq!(config(root, "r")["patience"], 4);
}

#[test]
fn the_best_weights_stay_when_a_run_gets_longer() {
    let folder = temporary();
    let root = folder.path();
    dataset(&root.join("pairs"), 2);
    picture(&root.join("pairs/val/a.png"), 80, 40);
    // The only score comes after the last checkpoint, so that does not know of it.
    succeed(root, &format!("train pairs --name r --steps 2 {TINY}"));
    let path = root.join("runs/r/checkpoints/best.safetensors");
    let best = fs::read(&path).unwrap();
    // Without a learning rate the next score is no better.
    let told = stderr(&succeed(root, "train --resume r --steps 4 --lr 0"));
    assert!(told.contains("the best held-out L1 was 0."), "{told}");
    assert!(told.contains(", at step 2: runs/r/"), "{told}");
    assert!(fs::read(&path).unwrap() == best);

    fs::write(&path, "no weights").unwrap();
    let told = stderr(&succeed(root, "train --resume r --steps 6"));
    assert!(
        told.contains("the best checkpoint so far cannot be read, so the next scored one"),
        "{told}"
    );
    assert!(fs::read(&path).unwrap().len() > 1000);

    // What is gone is no best checkpoint either.
    fs::remove_file(&path).unwrap();
    succeed(root, "train --resume r --steps 8");
    assert!(path.is_file());
}

#[test]
fn scores_that_cannot_be_are_refused() {
    let folder = temporary();
    let root = folder.path();
    dataset(&root.join("pairs"), 2);
    let message = fail(root, 2, "train pairs --name z --size 32 --dropout");
    assert!(
        message.contains("error: --dropout does nothing: this generator has no block for dropout"),
        "{message}"
    );
    let message = fail(root, 2, "train pairs --name z --patience 0");
    assert!(
        message.contains("--patience 0 must be at least 1"),
        "{message}"
    );

    for option in ["--patience", "--eval-metric"] {
        let value = if option == "--patience" { "2" } else { "ssim" };
        let line = format!("train pairs {option} {value} --steps 2 {TINY}");
        let message = fail(root, 1, &line);
        let expected = "follows the held-out score, and there are no held-out pairs";
        assert!(
            message.contains(&format!("{option} {expected}")),
            "{message}"
        );
    }
}
