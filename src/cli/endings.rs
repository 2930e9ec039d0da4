//! Endings of files that are not written. A folder of such a name would be a mistake.

use super::CliError;
use crate::data::limits::is_unread_picture;
use std::path::Path;

/// Endings of videos. Those of pictures that are read are refused where the format is chosen.
const VIDEOS: &[&str] = &[
    "avi", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "webm", "wmv", "y4m",
];
/// Endings of what holds pictures and is neither read nor written, beside those of
/// [`is_unread_picture`].
const OTHERS: &[&str] = &["eps", "npy", "pdf"];

/// Refuses a file of a format that is not written. A folder that is there may have any name.
///
/// # Errors
/// [`CliError::Usage`].
pub fn check_ending(out: &Path) -> Result<(), CliError> {
    let ending = out.extension().unwrap_or_default().to_ascii_lowercase();
    let is_in = |endings: &[&str]| endings.iter().any(|known| ending == *known);
    let remedy = match () {
        () if out.is_dir() => return Ok(()),
        () if is_in(VIDEOS) => "frames go to a folder, or to - for a program that makes the video",
        () if is_in(OTHERS) || is_unread_picture(out) => {
            "name a folder, or a .png file for one image"
        }
        () => return Ok(()),
    };
    Err(CliError::Usage(format!(
        "{}: no {} is written; {remedy}",
        out.display(),
        ending.to_string_lossy().to_uppercase()
    )))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_format_that_is_not_written_is_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let named = |name: &str| check_ending(&folder.path().join(name));
        for (name, ending) in [("r.heic", "HEIC"), ("v.MP4", "MP4"), ("r.psd", "PSD")] {
            let text = named(name).unwrap_err().to_string();
            assert!(text.contains(&format!("no {ending} is written")), "{text}");
        }
        for name in ["results", "results.v2", "2024.11.30"] {
            named(name).unwrap();
        }
        std::fs::create_dir(folder.path().join("old.mp4")).unwrap();
        named("old.mp4").unwrap();
    }
}
