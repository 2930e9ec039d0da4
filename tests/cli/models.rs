//! `models`, and bundled models by their names.

use crate::{TINY, dataset, fail, picture, run, stderr, stdout, succeed, temporary};
use std::fs;
use std::path::{Path, PathBuf};

/// The folders of all models, as the build found them.
fn folders() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/models");
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn name(folder: &Path) -> &str {
    folder.file_name().unwrap().to_str().unwrap()
}

#[test]
fn every_model_is_listed_and_an_unknown_name_lists_them() {
    let folder = temporary();
    let root = folder.path();
    let list = stdout(&succeed(root, "models"));
    let unknown = fail(root, 1, "models no-such-model");
    let used = fail(root, 1, "translate a.png --model no-such-model --out out");
    for model in folders() {
        let name = name(&model);
        assert!(list.contains(&format!("{name}: ")), "{list}");
        assert!(list.contains(&format!("--model {name} --out")), "{list}");
        let page = stdout(&succeed(root, &format!("models {name}")));
        // The same but for what only the project's folders show.
        let whole = fs::read_to_string(model.join("README.md")).unwrap();
        let is_link = |line: &&str| line.contains("](");
        let plain: Vec<&str> = whole.lines().filter(|line| !is_link(line)).collect();
        let found: Vec<&str> = page.lines().collect();
        assert!(plain.iter().all(|line| found.contains(line)), "{page}");
        assert!(
            !found.iter().any(is_link) && !page.contains("grid.png"),
            "{page}"
        );
        assert!(!page.contains("\n\n\n"), "{page}");
        assert!(unknown.contains(name) && used.contains(name), "{used}");
    }
    if folders().is_empty() {
        assert_eq!(list, "this program carries no models\n");
        assert!(
            used.contains("no-such-model: this program carries no models"),
            "{used}"
        );
    }
}

#[test]
fn a_name_stands_where_a_file_does() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("a.png"), 64, 64);
    dataset(&root.join("pairs"), 2);
    for model in folders() {
        let name = name(&model);
        // A run starts from it too. It says which tensor does not fit this network.
        let line = format!("train pairs --steps 1 --pretrained {name} {TINY}");
        let message = fail(root, 1, &line);
        assert!(
            message.contains(&format!("{name}: tensor model.model.0.weight is")),
            "{message}"
        );
        let translated = |model: &str| {
            let line = format!("translate a.png --model '{model}' --out out --force");
            let said = stderr(&succeed(root, &line));
            (fs::read(root.join("out/a.png")).unwrap(), said)
        };
        let file = model.join("generator.safetensors");
        let (expected, _) = translated(file.to_str().unwrap());
        let (found, said) = translated(name);
        assert!(found == expected, "{name}");
        assert!(!said.contains("is the bundled model"), "{said}");
        succeed(root, &format!("convert {name} copy.safetensors"));
        assert!(translated("copy.safetensors").0 == expected, "{name}");
        fs::remove_file(root.join("copy.safetensors")).unwrap();
        // Something else of this name is told of, and can be named too.
        fs::write(root.join(name), "no weights").unwrap();
        let (found, said) = translated(name);
        assert!(found == expected, "{name}");
        let expected = format!("note: {name} is the bundled model; ./{name} would be what has");
        assert!(said.contains(&expected), "{said}");
        let own = run(root, &format!("translate a.png --model ./{name} --out out"));
        assert!(
            stderr(&own).contains(&format!("./{name} is no weight file")),
            "{own:?}"
        );
    }
}
