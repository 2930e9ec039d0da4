//! `--tune`: what is found is kept for the next time, in a folder that may be missing, damaged or
//! closed.

use crate::{NARROW, command, dataset, stderr, temporary};
use pix2pix::contraction::Rung;
use std::fs;
use std::path::{Path, PathBuf};

const TUNED: &str = "tuning ";
/// A network of few contractions.
const FEW: &str = "--depth 2 --objective l1";

/// Two steps with `--tune quick`; gives what the program said.
fn train(folder: &Path, cache: &Path, name: &str, network: &str) -> String {
    dataset(&folder.join("pairs"), 2);
    let line = format!("train pairs --steps 2 --tune quick --name {name} {NARROW} {network}");
    let output = command(folder, &line)
        .env("PIX2PIX_CACHE", cache)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stderr(&output)
}

/// The file of choices, in the one folder of this device.
fn choices(cache: &Path) -> PathBuf {
    let folders: Vec<_> = fs::read_dir(cache)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(folders.len(), 1, "one device, one folder: {folders:?}");
    folders[0].join("kernels-quick.json")
}

#[test]
#[ignore = "second tier: every candidate on every shape of a step"]
fn what_tuning_found_is_kept_and_a_damaged_file_is_made_again() {
    let folder = temporary();
    let cache = folder.path().join("cache");
    assert!(train(folder.path(), &cache, "first", "").contains(TUNED));
    let file = choices(&cache);
    let found: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert!(found.len() > 20, "{found:?}");
    for (key, kernel) in &found {
        let kernel = kernel.as_str().unwrap();
        let rung = kernel.split('/').next().and_then(Rung::named);
        assert!(
            key.starts_with("conv") && rung.is_some_and(|rung| rung != Rung::Naive),
            "{key}: {kernel}"
        );
    }

    assert!(
        !train(folder.path(), &cache, "second", "").contains(TUNED),
        "everything is known by now"
    );
    fs::write(&file, "{ \"conv2d").unwrap();
    assert!(train(folder.path(), &cache, "third", FEW).contains(TUNED));
    assert!(serde_json::from_slice::<serde_json::Value>(&fs::read(&file).unwrap()).is_ok());
}

#[test]
fn a_cache_that_cannot_be_written_is_no_failure() {
    let folder = temporary();
    let cache = folder.path().join("a file");
    fs::write(&cache, "in the way").unwrap();
    assert!(train(folder.path(), &cache, "t", FEW).contains(TUNED));
    assert_eq!(fs::read(&cache).unwrap(), b"in the way");
}
