//! Trained models that many tests share. Each is made once, by the first test that asks for it. A
//! test that changes one works on a copy.

use crate::{NARROW, dataset, picture, succeed, temporary};
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

/// The folder where `line` was run, once. Two pairs lie there, and eight more that are held out.
fn once(made: &'static OnceLock<TempDir>, line: &str) -> &'static Path {
    let folder = made.get_or_init(|| {
        let folder = temporary();
        let pairs = folder.path().join("pairs");
        dataset(&pairs, 2);
        (0..8).for_each(|i| picture(&pairs.join(format!("val/{i}.png")), 80, 40));
        succeed(folder.path(), line);
        folder
    });
    folder.path()
}

/// A finished run of four steps: `runs/t` in this folder.
pub fn finished() -> &'static Path {
    static MADE: OnceLock<TempDir> = OnceLock::new();
    once(&MADE, &format!("train pairs --steps 4 --name t {NARROW}"))
}

/// The finished run's generator.
pub fn generator() -> String {
    let file = finished().join("runs/t/generator.safetensors");
    file.to_str().unwrap().to_owned()
}

/// The folder of a run whose generator is used with dropout and the statistics of a batch.
pub fn with_dropout() -> String {
    static MADE: OnceLock<TempDir> = OnceLock::new();
    let used = "--test-dropout --test-norm batch";
    let line = format!("train pairs --size 64 --ngf 2 --steps 3 --batch-size 2 {used} --name r");
    once(&MADE, &line)
        .join("runs/r")
        .to_str()
        .unwrap()
        .to_owned()
}
