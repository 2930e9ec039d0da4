//! Which files of a folder are images.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::DataError;
use super::limits::EXTENSIONS;

/// The image files that are meant by files and folders: a file itself, and of a folder the images
/// directly in it, sorted by name.
///
/// # Errors
/// [`DataError::NotFound`], [`DataError::ReadFolder`], or [`DataError::NoImages`] for a folder
/// without any.
pub fn list_images(paths: &[PathBuf]) -> Result<Vec<PathBuf>, DataError> {
    let mut images = Vec::new();
    for path in paths {
        if path.is_dir() {
            images.extend(images_in(path)?);
        } else if path.exists() {
            images.push(path.clone());
        } else {
            return Err(DataError::NotFound { path: path.clone() });
        }
    }
    Ok(images)
}

/// The image files directly in a folder, sorted by name; at least one.
pub(super) fn images_in(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let folder_error = |source: io::Error| DataError::ReadFolder {
        path: folder.to_owned(),
        source,
    };
    let mut images = Vec::new();
    for entry in fs::read_dir(folder).map_err(folder_error)? {
        let path = entry.map_err(folder_error)?.path();
        if has_image_name(&path) && !path.is_dir() {
            images.push(path);
        }
    }
    if images.is_empty() {
        return Err(DataError::NoImages {
            path: folder.to_owned(),
        });
    }
    images.sort();
    Ok(images)
}

/// Whether a file has the ending of an image, and is not hidden.
pub fn has_image_name(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .and_then(OsStr::to_str)
        .is_some_and(|name| name.starts_with('.'));
    let known = path
        .extension()
        .and_then(OsStr::to_str)
        .is_some_and(|ending| {
            EXTENSIONS
                .iter()
                .any(|known| ending.eq_ignore_ascii_case(known))
        });
    known && !hidden
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lists_files_and_folders_sorted_without_hidden_and_other_files() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.PNG", "a.jpg", ".hidden.png", "notes.txt", "no_ending"] {
            fs::write(folder.path().join(name), b"x").unwrap();
        }
        fs::create_dir(folder.path().join("folder.png")).unwrap();
        let lone = folder.path().join("no_ending");
        let images = list_images(&[lone.clone(), folder.path().to_owned()]).unwrap();
        assert_eq!(
            images,
            [
                lone,
                folder.path().join("a.jpg"),
                folder.path().join("b.PNG")
            ]
        );

        let empty = folder.path().join("folder.png");
        assert!(matches!(
            list_images(&[empty]),
            Err(DataError::NoImages { .. })
        ));
        let missing = folder.path().join("missing");
        assert!(matches!(
            list_images(&[missing]),
            Err(DataError::NotFound { .. })
        ));
    }
}
