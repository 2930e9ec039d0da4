//! Lists the trained models in `assets/models/` for `src/models/`: each folder there is one, by its
//! name, with `generator.safetensors` and `model.json`.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=assets/models");
    // The list has whole paths. A build folder may be used by a checkout elsewhere.
    println!("cargo::rerun-if-env-changed=CARGO_MANIFEST_DIR");
    let of_cargo = |name: &str| env::var(name).map_err(io::Error::other);
    let folder = Path::new(&of_cargo("CARGO_MANIFEST_DIR")?).join("assets/models");
    let mut models = Vec::new();
    // Without the feature `assets` the library carries none.
    let folders = match env::var_os("CARGO_FEATURE_ASSETS") {
        Some(_) => fs::read_dir(folder)?.collect(),
        None => Vec::new(),
    };
    for entry in folders {
        let path = entry?.path();
        if path.is_dir() {
            models.push(path);
        }
    }
    models.sort();
    let mut list = "&[\n".to_owned();
    for path in models {
        let name = path.file_name().unwrap_or_default();
        let [weights, card] = ["generator.safetensors", "model.json"].map(|file| path.join(file));
        for file in [&weights, &card] {
            if !file.is_file() {
                return Err(io::Error::other(format!("{} is missing", file.display())));
            }
        }
        // A path as Rust writes a text, backslashes escaped.
        writeln!(
            list,
            "BundledModel {{ name: {name:?}, weights: include_bytes!({weights:?}), \
             card: include_str!({card:?}) }},"
        )
        .map_err(io::Error::other)?;
    }
    list += "]\n";
    fs::write(Path::new(&of_cargo("OUT_DIR")?).join("models.rs"), list)
}
