//! Runs that have ended, that another process uses, and folders that are no runs.

use crate::{copy_folder, fail_cleanly, finished, picture, run, stderr, succeed, temporary};
use std::fs;

#[test]
fn a_run_that_has_ended_says_so_and_can_be_made_longer() {
    let folder = temporary();
    let root = folder.path();
    copy_folder(finished(), root);
    let ended = stderr(&succeed(root, "train --resume t"));
    assert!(
        ended.contains("note: runs/t ended after 4 steps; to go on, name the new length in all: ")
            && ended.contains(
                "pix2pix train --resume runs/t --epochs N, or pix2pix train --resume runs/t \
                 --steps N"
            ),
        "{ended}"
    );
    let page = fs::read_to_string(root.join("runs/t/index.html")).unwrap();
    assert!(
        page.contains(
            "<p>Ended after 4 steps; to go on, name the new length in all:</p>\n\
             <pre>pix2pix train --resume runs/t --epochs N\n\
             pix2pix train --resume runs/t --steps N</pre>"
        ) && page.contains("4 of 4"),
        "{page}"
    );
    let shorter = fail_cleanly(root, 2, "train --resume t --steps 3");
    assert!(shorter.contains("has done 4 steps already"), "{shorter}");
    let longer = stderr(&succeed(root, "train --resume t --epochs 3"));
    assert!(
        longer.contains("now 6 steps long in all, before it was 4 steps")
            && longer.contains("learning rate")
            && longer.contains("step 6 of 6"),
        "{longer}"
    );
    assert!(
        root.join("runs/t/checkpoints/step-000006.safetensors")
            .is_file()
    );
    assert_eq!(crate::config(root, "t")["length"]["epochs"], 3);
}

/// The only checkpoint was moved away, and then nothing can be written: all else stays.
#[cfg(unix)]
#[test]
fn a_run_whose_checkpoint_was_moved_away_loses_nothing() {
    let folder = temporary();
    let root = folder.path();
    copy_folder(finished(), root);
    let checkpoints = root.join("runs/t/checkpoints");
    // The new length is written once the checkpoint has been read.
    let script = format!(
        "(i=0; until grep -q '\"steps\": 400' runs/t/config.json || [ $i -ge 3000 ]; do \
         i=$((i+1)); sleep 0.01; done; rm -f {0}/*) & \
         trap '' XFSZ; ulimit -f 100; exec {1} train --resume t --steps 400",
        checkpoints.display(),
        crate::BINARY
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(root)
        .env("PIX2PIX_CACHE", "")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(fs::read_dir(&checkpoints).unwrap().count(), 0);
    for file in [
        "generator.safetensors",
        "metrics.csv",
        "samples/step-000004.png",
    ] {
        assert!(root.join("runs/t").join(file).is_file(), "{file}");
    }
    let message = fail_cleanly(root, 1, "train --resume t");
    assert!(
        message.contains("put one back into its folder checkpoints/"),
        "{message}"
    );
}

#[test]
fn a_data_set_is_not_resumed() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("facades/train/1.png"), 80, 40);
    for name in ["./facades/", "facades"] {
        let message = fail_cleanly(root, 1, &format!("train --resume {name}"));
        assert!(
            message.contains("facades is no run, it has no config.json")
                && !message.contains("remove"),
            "{message}"
        );
    }
}

#[test]
fn a_run_of_another_process_is_left_alone() {
    let folder = temporary();
    let root = folder.path();
    copy_folder(finished(), root);
    let lock = root.join("runs/t/.lock");
    let other = fs::File::create(&lock).unwrap();
    other.lock().unwrap();
    fs::write(&lock, "4711").unwrap();
    let message = fail_cleanly(root, 1, "train --resume t");
    assert!(
        message.contains("runs/t is in use by process 4711"),
        "{message}"
    );
    drop(other);
    assert!(run(root, "train --resume t").status.success());
}
