//! What `compare` refuses before anything is trained.

use crate::compare::pairs;
use crate::{TINY, dataset, refuse, run, stderr, temporary};

/// Lines that make no sense, and what is said of them.
const SENSELESS: &[(&str, &str)] = &[
    ("compare", "nothing varies; name what to compare"),
    ("compare --vary objective", "write a setting and its values"),
    ("compare --vary norm=batch,,none", "a value is empty"),
    ("compare --vary norm=none,none", "none stands there twice"),
    (
        "compare --vary normal=batch",
        "train has no option --normal;",
    ),
    (
        "compare --vary norm=batch,nome",
        "nome: invalid value 'nome' for '--norm <NORM>' [possible values: batch,",
    ),
    (
        "compare --vary norm=batch,none --norm none",
        "--norm is given for all cells as well; leave one out",
    ),
    ("compare --vary seed=1,2", "use --seeds N, which counts up"),
    ("compare --vary tune=off,full", "it is no setting of a run"),
    ("compare --vary recompute=on,no", "is neither on nor off"),
    (
        "compare --vary size=32,64",
        "size 32 and size 64 are scored on other pictures, because they differ in --size",
    ),
    (
        "compare --vary direction=AtoB,BtoA",
        "AtoB and BtoA are scored on other pictures, because they differ in --direction",
    ),
    (
        "compare --vary lr=0.1,1e-1",
        "lr 0.1 and lr 1e-1 are the same run; leave one of them out",
    ),
    (
        "compare --vary patch=16,17",
        "patch 17: --patch 17 is none of 1, 16, 34, 70, 142 and 286; the nearest is 16",
    ),
    (
        "compare --vary objective=l1,gan --vary patch=16,70",
        "l1, patch 16: --patch does nothing without an adversarial loss",
    ),
    (
        "compare --vary steps=1,2 --epochs 3",
        "steps 1: the argument '--epochs <N>' cannot be used with '--steps <N>'",
    ),
    (
        "compare --vary ngf=1,2,3,4,5,6,7,8,9 --vary ndf=1,2,3,4,5,6,7,8,9",
        "81 cells are too many for one comparison, which holds 64",
    ),
    (
        "compare --paper patches --objective l1",
        "--paper patches varies --patch, and no value of it goes with the other options \
                 (--patch does nothing without an adversarial loss",
    ),
    (
        "compare --paper sizes --test-sizes 32",
        "--paper sizes has --test-sizes of its own; leave one of the two out",
    ),
    (
        "compare --test-sizes 32,64,32",
        "--test-sizes: 32 stands there twice; write it once",
    ),
    (
        "compare --paper patches --ngf 0",
        "--ngf 0 must lie between",
    ),
];

/// Lines that name what is not there.
const WITHOUT_FILES: &[(&str, &str)] = &[
    ("compare --resume c", "there is no comparison in runs/c;"),
    (
        "compare --vary pretrained=pairs/none.pth --size 32",
        "pretrained pairs/none.pth: ",
    ),
    (
        "compare --vary norm=batch,none --name a/b",
        "\"a/b\" cannot name a run",
    ),
    (
        "compare --vary norm=batch,none --out pairs",
        "pairs is there and is no comparison, it has no comparison.json",
    ),
];

#[test]
fn what_cannot_be_compared_is_refused_in_one_line() {
    let folder = temporary();
    let root = folder.path();
    pairs(root);
    dataset(&root.join("alone"), 2);
    refuse(root, 2, SENSELESS);
    refuse(root, 1, WITHOUT_FILES);
    let told = stderr(&run(
        root,
        &format!("compare pairs --vary batch-size=1,9 --steps 2 {TINY}"),
    ));
    assert!(
        told.contains("error: batch-size 9: nothing to train: 2 training pairs, 9 to a step"),
        "{told}"
    );
    let told = stderr(&run(
        root,
        "compare pairs --size 32 --ngf 2 --test-sizes 32,20000",
    ));
    let line =
        "error: --test-sizes 20000: pictures have at most 16384 pixels a side; name smaller ones\n";
    assert!(told.ends_with(line), "{told}");
    let told = stderr(&run(
        root,
        "compare alone --vary norm=batch,none --size 32 --ngf 2",
    ));
    assert!(told.contains("add a test/ or val/ folder"), "{told}");
    assert!(!root.join("runs").exists());
}
