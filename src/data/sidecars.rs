//! Files beside an image that say more of it: world files, which place it on Earth, and GDAL's
//! `.aux.xml`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::remark::{PlaceRemark, Remark, RemarkKind};
use crate::files;

/// What is told of such files of these images, where the images are copied without them.
pub fn sidecar_remark<'a>(images: impl Iterator<Item = &'a PathBuf>) -> Option<Remark> {
    let files: Vec<PathBuf> = images.filter_map(|image| sidecar_of(image)).collect();
    Remark::of(RemarkKind::Place(PlaceRemark::Beside), &files)
}

/// The first such file of an image.
pub(super) fn sidecar_of(image: &Path) -> Option<PathBuf> {
    let ending = image.extension().and_then(OsStr::to_str)?;
    let lower = ending.to_ascii_lowercase();
    let mut letters = lower.chars();
    let (first, last) = (letters.next()?, letters.next_back()?);
    // `a.tif` has `a.tfw`, `a.tifw` or `a.wld`.
    let names = [
        format!("{first}{last}w"),
        format!("{lower}w"),
        "wld".to_owned(),
    ];
    let cases = names
        .into_iter()
        .flat_map(|name| [name.to_ascii_uppercase(), name]);
    let world_files = cases.map(|name| image.with_extension(name));
    let mut metadata = image.as_os_str().to_owned();
    metadata.push(".aux.xml");
    world_files
        .chain([PathBuf::from(metadata)])
        .find(|path| files::is_file(path))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn files_beside_images_are_found() {
        for (image, beside, other) in [
            ("a.tif", "a.tfw", "a.jgw"),
            ("a.b.tiff", "a.b.tfw", "a.tfw"),
            ("a.jpg", "a.jgw", "b.jgw"),
            ("A.JPG", "A.JGW", "A.TXT"),
            ("a.jpeg", "a.jpegw", "a.jpg"),
            ("a.png", "a.wld", "a.world"),
            ("a.png", "a.png.aux.xml", "a.aux.xml"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = |name: &str| folder.path().join(name);
            std::fs::write(path(other), "").unwrap();
            assert_eq!(sidecar_of(&path(image)), None, "{other}");
            std::fs::write(path(beside), "").unwrap();
            assert_eq!(sidecar_of(&path(image)), Some(path(beside)));
        }
        assert_eq!(sidecar_of(Path::new("no_ending")), None);
    }
}
