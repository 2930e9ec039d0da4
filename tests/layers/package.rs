//! Holds the size of the package that a registry gets.

use super::root;
use std::path::Path;
use std::process::Command;

/// Bytes that a registry takes.
const MOST_BYTES: f64 = 10e6;

/// What is left of a file in a compressed package: pictures are compressed already, numbers of 16
/// bits hardly shrink (to 0.92 on 2026-11-30), and texts shrink to a fifth.
fn share(file: &Path) -> f64 {
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("jpg" | "png") => 1.0,
        Some("safetensors") => 0.93,
        _ => 0.25,
    }
}

#[test]
fn the_package_is_not_too_large() {
    let list = ["package", "--list", "--allow-dirty", "--offline"];
    let cargo = Command::new(env!("CARGO"))
        .args(list)
        .current_dir(root())
        .output();
    let output = cargo.unwrap();
    let files = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let (mut bytes, mut found) = (0.0, 0);
    for file in files.lines().map(Path::new) {
        // What cargo makes itself is not in the folder.
        if let Ok(metadata) = root().join(file).metadata() {
            (bytes, found) = (bytes + metadata.len() as f64 * share(file), found + 1);
        }
    }
    assert!(found > 300, "{found} files: {said}");
    assert!(
        files.contains("assets/pairs/train.jpg") && !files.contains("grid.png"),
        "{files}"
    );
    assert!(bytes < MOST_BYTES, "about {bytes:.0} bytes");
}
