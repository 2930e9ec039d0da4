//! `compare`: its scores are its own, and sizes are added to them.

use crate::compare::{pairs, without_times};
use crate::{TINY, stderr, succeed, temporary};
use std::fs;
use std::path::Path;

#[test]
fn scores_of_another_checkpoint_are_not_taken_for_those_of_a_run() {
    let folder = temporary();
    let root = folder.path();
    pairs(root);
    let line = "compare pairs --vary lr=0.01,0.02 --objective l1 --steps 4 --checkpoint-every 2 \
                --size 32 --ngf 2 --depth 2 --name z";
    succeed(root, line);
    let before = without_times(root, "z");
    let run = "runs/z/lr-0.01-seed0";
    for other in [
        "/checkpoints/step-000002.safetensors",
        " --test-norm running",
    ] {
        succeed(root, &format!("eval {run}{other} --force"));
        let told = stderr(&succeed(root, "compare --resume z"));
        let line = format!(
            "note: {run}/eval has other scores than this comparison noted, so the run is scored \
             again\n"
        );
        assert!(told.contains("1 of 2 runs are there already"), "{told}");
        assert!(told.contains(&line), "{told}");
        let after = without_times(root, "z");
        assert!(before == after, "{before}\n{after}");
    }
    a_size_is_added(root, line);
}

/// The scores that are there stay in the report, and are not made again.
fn a_size_is_added(root: &Path, line: &str) {
    let scores = root.join("runs/z/lr-0.02-seed0/eval/scores.json");
    let written = || fs::metadata(&scores).unwrap().modified().unwrap();
    let before = written();
    let told = stderr(&succeed(root, &format!("{line} --test-sizes 64")));
    assert!(!told.contains("are there already"), "{told}");
    assert!(!told.contains("goes on from step"), "{told}");
    assert_eq!(before, written());
    let text = fs::read_to_string(root.join("runs/z/report.md")).unwrap();
    for title in ["\n## 32×32 pixels\n", "\n## 64×64 pixels\n"] {
        assert!(text.contains(title), "{title}: {text}");
    }
    assert!(!text.contains("(0 of 1 runs)"), "{text}");
}

/// Ctrl-C while runs that are there are scored at another size.
#[cfg(unix)]
#[test]
#[ignore = "second tier: a comparison that is stopped while it scores a larger size"]
fn a_comparison_that_is_stopped_at_a_larger_size_tells_how_far_it_is() {
    use crate::stopping::{start, stop, wait_until};
    let folder = temporary();
    let root = folder.path();
    pairs(root);
    let line = format!("compare pairs --vary lr=0.001,0.002 --steps 2 {TINY} --name s");
    succeed(root, &line);
    let child = start(root, &format!("{line} --test-sizes 128"));
    // The pictures of an evaluation lie in a folder beside it until all are there.
    let run = root.join("runs/s/lr-0.001-seed0");
    let is_draft = |path: &Path| path.display().to_string().contains("/.evaluation-");
    wait_until(|| {
        let drafts = fs::read_dir(&run).unwrap().flatten();
        let mut drafts = drafts
            .map(|entry| entry.path())
            .filter(|path| is_draft(path));
        drafts.any(|draft| draft.join("images/00000-input.png").is_file())
    });
    let output = stop(child, "INT");
    let told = stderr(&output);
    assert!(output.status.success(), "{told}");
    let expected = " of 2 runs have scores at all sizes; go on with: pix2pix compare --resume \
                    runs/s\n";
    assert!(
        told.contains("stopped and saved: ") && told.ends_with(expected),
        "{told}"
    );
    let text = fs::read_to_string(root.join("runs/s/report.md")).unwrap();
    assert!(
        text.contains(" of 2 runs have scores at all sizes.**"),
        "{text}"
    );
    assert!(
        text.contains("| lr 0.002 at 32 | ") && text.contains("(pictures.png)"),
        "{text}"
    );
}
