//! The files of a run, read-only.

use super::within;
use crate::studio::page::kind_of;
use crate::studio::refusal::{Refusal, on_disk};
use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use tokio::sync::mpsc;

/// Bytes that are read at once, and how many of such parts wait for a slow client.
const PART: usize = 64 << 10;
const WAITING: usize = 4;

/// A page of a run may be anybody's. Its scripts run, but as no origin: the interface refuses them.
const POLICY: &str = "sandbox allow-scripts allow-popups";

/// Answers with a file below `folder`.
///
/// # Errors
/// A path that leads elsewhere, a file whose name begins with a dot, and one that is not there.
pub async fn file(folder: PathBuf, path: String) -> Result<Response, Refusal> {
    let kind = kind_of(&path);
    let (file, length) = on_disk(move || open(&folder, Path::new(&path))).await?;
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
    ];
    Ok((headers, stream(file, length)).into_response())
}

fn open(folder: &Path, path: &Path) -> Result<(File, u64), Refusal> {
    let missing = || Refusal::missing("there is no such file; it may have been moved or removed");
    let is_plain = path.components().all(|part| match part {
        Component::Normal(name) => !name.to_string_lossy().starts_with('.'),
        _ => false,
    });
    if !is_plain {
        return Err(missing());
    }
    let full = within(folder, &folder.join(path))?;
    let file = File::open(full).map_err(|_| missing())?;
    let metadata = file.metadata().map_err(|_| missing())?;
    match metadata.is_file() {
        true => Ok((file, metadata.len())),
        false => Err(missing()),
    }
}

/// The first `length` bytes of a file, part by part: a file of gigabytes takes no more memory than
/// a small one.
fn stream(file: File, length: u64) -> Body {
    let (sender, receiver) = mpsc::channel::<io::Result<Vec<u8>>>(WAITING);
    tokio::task::spawn_blocking(move || {
        let mut file = file.take(length);
        loop {
            let mut part = Vec::with_capacity(PART);
            let read = file.by_ref().take(PART as u64).read_to_end(&mut part);
            let is_last = !matches!(read, Ok(1..));
            let told = match read {
                Ok(0) => return,
                read => read.map(|_| part),
            };
            // A client that has gone away wants no more.
            if sender.blocking_send(told).is_err() || is_last {
                return;
            }
        }
    });
    Body::from_stream(futures_util::stream::unfold(
        receiver,
        async |mut receiver| receiver.recv().await.map(|part| (part, receiver)),
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_plain_files_below_the_folder_are_opened() {
        let root = tempfile::tempdir().unwrap();
        let run = root.path().join("run");
        fs::create_dir_all(run.join("samples")).unwrap();
        for file in ["run/a.txt", "run/samples/b.png", "run/.lock", "outside"] {
            fs::write(root.path().join(file), "x").unwrap();
        }
        let opens = |path: &str| open(&run, Path::new(path)).is_ok();
        assert!(opens("a.txt") && opens("samples/b.png"));
        let outside = root.path().join("outside");
        for path in [
            "../outside",
            "samples/../../outside",
            "samples/../a.txt",
            ".lock",
            "samples",
            "",
            ".",
            "absent",
            "a.txt/",
            outside.to_str().unwrap(),
        ] {
            assert!(!opens(path) || path == "a.txt/", "{path}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&outside, run.join("link")).unwrap();
            assert!(!opens("link"));
        }
    }
}
