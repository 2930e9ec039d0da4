//! Files that make the next start faster: tuned choices and compiled pipelines. They can be deleted
//! at any time.
//!
//! They lie in the user's cache folder, in one folder for each device and driver, because they are
//! not valid for another one. If the folder cannot be written, the work is done again at the next
//! start.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::Builder;
use wgpu::AdapterInfo;

/// The cache folder of one device with one driver; none where the user has no home.
#[derive(Debug, Clone)]
pub struct UserCache {
    folder: Option<PathBuf>,
}

impl UserCache {
    /// The folder for a device, its driver and this version of the program. `PIX2PIX_CACHE` names
    /// another place; empty means none.
    pub fn for_device(info: &AdapterInfo) -> Self {
        let mut hasher = DefaultHasher::new();
        let AdapterInfo {
            name,
            vendor,
            device,
            driver,
            driver_info,
            backend,
            ..
        } = info;
        (
            name,
            vendor,
            device,
            driver,
            driver_info,
            backend.to_str(),
            env!("CARGO_PKG_VERSION"),
        )
            .hash(&mut hasher);
        Self {
            folder: root().map(|root| root.join(format!("{:016x}", hasher.finish()))),
        }
    }

    /// A file's bytes, if it is there.
    pub fn read(&self, file: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.as_ref()?.join(file)).ok()
    }

    /// Replaces a file, whole or not at all; says nothing when that fails.
    pub fn write(&self, file: &str, bytes: &[u8]) {
        let Some(folder) = &self.folder else { return };
        // Not synced: what a power cut takes is made again.
        let _ = replace(folder, file, bytes);
    }

    /// A JSON file's value, if it is there and is one.
    pub fn read_json<T: DeserializeOwned>(&self, file: &str) -> Option<T> {
        serde_json::from_slice(&self.read(file)?).ok()
    }

    /// Replaces a JSON file.
    pub fn write_json<T: Serialize>(&self, file: &str, value: &T) {
        if let Ok(text) = serde_json::to_vec_pretty(value) {
            self.write(file, &text);
        }
    }
}

fn replace(folder: &Path, file: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    // With the rights of any new file; the crate's own files are their owner's alone.
    let mut temporary = Builder::new().make_in(folder, |path| fs::File::create_new(path))?;
    temporary.write_all(bytes)?;
    // Windows renames no file that is open.
    temporary.into_temp_path().persist(folder.join(file))?;
    Ok(())
}

/// The folder of all devices.
fn root() -> Option<PathBuf> {
    if let Some(folder) = env::var_os("PIX2PIX_CACHE") {
        return Some(PathBuf::from(folder)).filter(|folder| !folder.as_os_str().is_empty());
    }
    let home = |below: &str| env::var_os("HOME").map(|home| PathBuf::from(home).join(below));
    let base = if cfg!(target_os = "windows") {
        env::var_os("LOCALAPPDATA").map(PathBuf::from)
    } else if cfg!(target_os = "macos") {
        home("Library/Caches")
    } else {
        env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| home(".cache"))
    };
    base.map(|base| base.join("pix2pix-wgpu"))
}
