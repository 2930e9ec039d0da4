//! The weights that somebody names: a file, a run folder, or a bundled model.

use super::{CliError, note_as_it_is, recorded};
use crate::interop::TensorFile;
use crate::models::{self, BundledModel};
use crate::train::checkpoint::NetworkKind;
use crate::train::run::{RunDir, quote};
use std::path::{Path, PathBuf};

/// Opens the network of this kind that `path` names.
pub fn open_weights(path: &Path, kind: NetworkKind) -> Result<TensorFile, CliError> {
    match bundled(path)? {
        Some(model) => Ok(model.file()?),
        None => Ok(TensorFile::open(&network_file(path, kind)?)?),
    }
}

/// What a run records of the weights that `path` names: the full path of the file, or the name of
/// the bundled model.
pub fn recorded_weights(path: &Path, kind: NetworkKind) -> Result<PathBuf, CliError> {
    match bundled(path)? {
        Some(model) => Ok(PathBuf::from(model.name)),
        None => recorded(&network_file(path, kind)?),
    }
}

/// The bundled model that `path` names. It is used even where something else has this name, which
/// is told.
fn bundled(path: &Path) -> Result<Option<&'static BundledModel>, CliError> {
    let model = models::named(path);
    match model {
        Some(model) if path.exists() => note_as_it_is(&format!(
            "note: {0} is the bundled model; ./{0} would be what has this name here",
            model.name
        )),
        None if is_unknown_name(path) => {
            return Err(CliError::NoModel {
                name: path.to_owned(),
                remedy: format!("{}; for your own, name a file or a run folder", names()),
            });
        }
        _ => {}
    }
    Ok(model)
}

/// Whether this is a name alone, without an ending, that nothing has.
fn is_unknown_name(path: &Path) -> bool {
    let is_alone = path.file_name() == Some(path.as_os_str());
    is_alone && path.extension().is_none() && !path.exists()
}

/// The names that there are.
pub fn names() -> String {
    let names: Vec<&str> = models::ALL.iter().map(|model| model.name).collect();
    match names.is_empty() {
        true => "this program carries no models".to_owned(),
        false => format!("the bundled models are {}", names.join(", ")),
    }
}

/// The file of a network. This is `path` itself or, if `path` is a run folder, the file of this
/// network in it.
fn network_file(path: &Path, kind: NetworkKind) -> Result<PathBuf, CliError> {
    let file = path.join(kind.file_name());
    match path.is_dir() {
        false => Ok(path.to_owned()),
        true if file.is_file() => Ok(file),
        true => Err(CliError::NoNetwork {
            folder: path.to_owned(),
            name: kind.file_name(),
            remedy: instead_of(path, kind.file_name()),
        }),
    }
}

/// What to name in place of a folder that has no file of this `name`.
fn instead_of(folder: &Path, name: &str) -> String {
    let folders = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    if RunDir::is_run(folder) {
        let saved = folders(&folder.join("checkpoints")).pop();
        return match saved {
            Some(file) => format!("name a checkpoint of the run, say {}", quote(&file)),
            None => "the run has saved nothing yet, wait for its first checkpoint".to_owned(),
        };
    }
    let above = folder.parent().filter(|above| RunDir::is_run(above));
    let below = folders(folder).into_iter();
    let run = above
        .map(Path::to_owned)
        .or(below.clone().find(|run| run.join(name).is_file()));
    match run {
        Some(run) => format!("name a run folder, say {}, or a file", quote(&run)),
        None => "name a run folder that has one, or a file".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_folder_without_a_network_says_what_to_name() {
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path().join("runs");
        let (run, name) = (runs.join("new"), NetworkKind::Generator.file_name());
        fs::create_dir_all(run.join("checkpoints")).unwrap();
        let said = |folder: &Path| {
            let error = network_file(folder, NetworkKind::Generator).unwrap_err();
            error.to_string()
        };
        assert!(said(&runs).ends_with("; name a run folder that has one, or a file"));
        fs::write(run.join("config.json"), "{}").unwrap();
        assert!(said(&run).contains("has saved nothing yet"));
        let checkpoint = run.join("checkpoints/step-000002.safetensors");
        fs::write(&checkpoint, "").unwrap();
        assert!(said(&run).ends_with(&format!("say {}", quote(&checkpoint))));
        fs::write(run.join(name), "").unwrap();
        assert_eq!(
            network_file(&run, NetworkKind::Generator).unwrap(),
            run.join(name)
        );
        // The run is named by one of its folders, or by the folder of all runs.
        for other in [run.join("checkpoints"), run.join("checkpoints/"), runs] {
            let text = said(&other);
            let words = format!("name a run folder, say {}, or a file", quote(&run));
            assert!(text.ends_with(&words), "{text}");
        }
    }

    #[test]
    fn a_name_that_nothing_has_lists_the_models() {
        let kind = NetworkKind::Generator;
        let text = open_weights(Path::new("no-such-model"), kind)
            .unwrap_err()
            .to_string();
        assert!(
            text.starts_with("nothing here is called no-such-model"),
            "{text}"
        );
        for model in models::ALL {
            assert!(text.contains(model.name), "{text}");
        }
        // A file that is not there is told as such.
        for path in ["absent.pth", "runs/absent", "./absent"] {
            let text = open_weights(Path::new(path), kind).unwrap_err().to_string();
            assert!(text.starts_with(&format!("cannot read {path}")), "{text}");
        }
    }
}
