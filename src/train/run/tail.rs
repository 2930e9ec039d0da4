//! The rows that are added to `metrics.csv` while somebody looks on. Only what is new is read.

use super::error::RunError;
use super::metrics::{self, MetricsRow};
use super::{METRICS, RunDir};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes that one look reads at most; the next one reads on.
const MOST_BYTES: u64 = 1 << 20;

/// What a look found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewRows {
    /// The file is another one, or shorter: a run that goes on has dropped the rows after its
    /// checkpoint. `rows` are then all that there are.
    pub is_anew: bool,
    /// The rows that were added.
    pub rows: Vec<MetricsRow>,
}

/// A place in `metrics.csv`. Everything before it was read.
#[derive(Debug)]
pub struct MetricsTail {
    path: PathBuf,
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    identity: Option<(u64, u64)>,
    header: String,
    /// Bytes of whole lines that were read.
    read: u64,
    lines: usize,
}

impl MetricsTail {
    /// The beginning of the file of the run in `folder`.
    pub fn of(folder: &Path) -> Self {
        Self {
            path: folder.join(METRICS),
            place: None,
        }
    }

    /// Reads what was added since the last look. A last line that is not whole is left for the
    /// next.
    ///
    /// # Errors
    /// [`RunError::Read`], also for a folder that is gone, and [`RunError::Metrics`].
    pub fn look(&mut self) -> Result<NewRows, RunError> {
        let failed = |error| RunError::read(&self.path, error);
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = self.path.parent().unwrap_or(&self.path);
                // A run has no rows at first. A folder that is gone is no run any more.
                std::fs::metadata(folder).map_err(|error| RunError::read(folder, error))?;
                let is_anew = self.place.take().is_some();
                return Ok(NewRows {
                    is_anew,
                    rows: Vec::new(),
                });
            }
            Err(error) => return Err(failed(error)),
        };
        let metadata = file.metadata().map_err(failed)?;
        let (length, identity) = (metadata.len(), identity(&metadata));
        let is_anew = self
            .place
            .as_ref()
            .is_some_and(|place| place.identity != identity || length < place.read);
        if is_anew {
            self.place = None;
        }
        let from = self.place.as_ref().map_or(0, |place| place.read);
        let mut bytes = Vec::new();
        if length > from {
            file.seek(SeekFrom::Start(from)).map_err(failed)?;
            file.take(MOST_BYTES)
                .read_to_end(&mut bytes)
                .map_err(failed)?;
        }
        let rows = self.take(identity, &bytes)?;
        Ok(NewRows { is_anew, rows })
    }

    /// The whole lines of `bytes`, which follow on what was read.
    fn take(
        &mut self,
        identity: Option<(u64, u64)>,
        bytes: &[u8],
    ) -> Result<Vec<MetricsRow>, RunError> {
        let whole = bytes.iter().rposition(|&byte| byte == b'\n');
        let text = String::from_utf8_lossy(whole.map_or(&[][..], |end| &bytes[..end]));
        let mut lines = text.lines();
        let place = match self.place.take() {
            Some(place) => self.place.insert(place),
            None => match lines.next() {
                None => return Ok(Vec::new()),
                Some(header) => {
                    metrics::check_header(&self.path, header)?;
                    self.place.insert(Place {
                        identity,
                        header: header.to_owned(),
                        read: 0,
                        lines: 1,
                    })
                }
            },
        };
        let mut rows = Vec::new();
        for line in lines {
            place.lines += 1;
            rows.push(metrics::row_of(
                &self.path,
                place.lines,
                &place.header,
                line,
            )?);
        }
        place.read += whole.map_or(0, |end| end as u64 + 1);
        Ok(rows)
    }
}

impl RunDir {
    /// All rows of the run in `folder`.
    ///
    /// # Errors
    /// Those of [`RunDir::metrics`].
    pub fn metrics_of(folder: &Path) -> Result<Vec<MetricsRow>, RunError> {
        metrics::read(&folder.join(METRICS))
    }
}

/// What a file keeps when it is renamed, and what another one of its name has not.
fn identity(metadata: &std::fs::Metadata) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Some((metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    fn row(step: u64) -> MetricsRow {
        MetricsRow {
            step,
            epoch: 1,
            g_gan: Some(0.5),
            g_l1: 0.25,
            d_real: Some(0.5),
            d_fake: Some(0.5),
            d_gp: None,
            g_feat: None,
            learning_rate: 2e-4,
            seconds: step as f64,
            val_l1: None,
            val_ssim: None,
            val_psnr: None,
        }
    }

    fn steps(found: &NewRows) -> Vec<u64> {
        found.rows.iter().map(|row| row.step).collect()
    }

    #[test]
    fn each_look_finds_what_is_new() {
        let root = tempfile::tempdir().unwrap();
        let run = RunDir::create(root.path(), "r").unwrap();
        let mut tail = MetricsTail::of(run.path());
        assert_eq!(tail.look().unwrap(), NewRows::default());
        run.append(&row(1)).unwrap();
        run.append(&row(2)).unwrap();
        assert_eq!(tail.look().unwrap().rows, [row(1), row(2)]);
        assert_eq!(tail.look().unwrap(), NewRows::default());
        run.append(&row(3)).unwrap();
        assert_eq!(tail.look().unwrap().rows, [row(3)]);
        // A run that goes on from step 2.
        run.rewind(2).unwrap();
        let found = tail.look().unwrap();
        assert_eq!((found.is_anew, steps(&found)), (true, vec![1, 2]));
        fs::remove_dir_all(run.path()).unwrap();
        let error = tail.look().unwrap_err().to_string();
        assert!(error.contains("r"), "{error}");
    }

    #[test]
    fn a_line_that_is_not_whole_is_left_for_later() {
        let root = tempfile::tempdir().unwrap();
        let run = RunDir::create(root.path(), "r").unwrap();
        run.append(&row(1)).unwrap();
        run.append(&row(2)).unwrap();
        let path = run.path().join(METRICS);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, b"").unwrap();
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        let (mut tail, mut found) = (MetricsTail::of(run.path()), Vec::new());
        for byte in whole {
            file.write_all(&[byte]).unwrap();
            let new = tail.look().unwrap();
            assert!(!new.is_anew);
            found.extend(new.rows);
        }
        assert_eq!(found, [row(1), row(2)]);
    }

    #[test]
    fn a_line_that_is_no_row_is_named() {
        let root = tempfile::tempdir().unwrap();
        let run = RunDir::create(root.path(), "r").unwrap();
        run.append(&row(1)).unwrap();
        let mut tail = MetricsTail::of(run.path());
        tail.look().unwrap();
        let path = run.path().join(METRICS);
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"no row\n").unwrap();
        assert!(matches!(
            tail.look(),
            Err(RunError::Metrics { line: 3, .. })
        ));
    }
}
