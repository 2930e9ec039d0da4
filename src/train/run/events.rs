//! A run's event files: what TensorBoard shows of `metrics.csv`, the sample grids and the settings.

use super::error::RunError;
use super::{Config, MetricsRow, RunDir};
use crate::clock::since_1970;
use crate::interop::tensorboard::{EventFile, Summary};
use std::fs;
use std::path::Path;

/// The event file of a process that trains a run.
#[derive(Debug)]
pub struct RunEvents {
    run: RunDir,
    file: EventFile,
}

impl RunDir {
    /// Begins a new event file for the steps after `step`, with the settings. Of earlier event
    /// files, TensorBoard shows nothing after `step` any more. Where there are none, the rows of
    /// `metrics.csv` come first, of a run that was trained for `seconds` so far.
    ///
    /// # Errors
    /// [`RunError::Write`], [`RunError::DiskFull`], and those of [`RunDir::metrics`].
    pub fn begin_events(
        &self,
        config: &Config,
        step: u64,
        seconds: f64,
    ) -> Result<RunEvents, RunError> {
        self.check_place()?;
        let is_first = self.has_no_events()?;
        let now = now();
        let file = EventFile::new(&self.path, now as u64)
            .map_err(|error| RunError::read(&self.path, error))?;
        let run = self.clone();
        let events = RunEvents { run, file };
        if is_first {
            let begin = now - seconds;
            for row in self.metrics()? {
                events.add(begin + row.seconds, row.step, scalars(&row))?;
            }
        } else {
            events.write(|file| file.start(now, step + 1))?;
        }
        events.add(now, step, [settings(config)])?;
        Ok(events)
    }

    fn has_no_events(&self) -> Result<bool, RunError> {
        let failed = |error| RunError::read(&self.path, error);
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            if name.to_str().is_some_and(EventFile::is_name) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl RunEvents {
    /// Adds a row of `metrics.csv`.
    ///
    /// # Errors
    /// [`RunError::Write`], [`RunError::DiskFull`] or [`RunError::Replaced`].
    pub fn row(&self, row: &MetricsRow) -> Result<(), RunError> {
        self.add(now(), row.step, scalars(row))
    }

    /// Adds the sample grid of `step`, which is the file `picture`.
    ///
    /// # Errors
    /// Those of [`RunEvents::row`], and [`RunError::Read`].
    pub fn samples(&self, step: u64, picture: &Path) -> Result<(), RunError> {
        let png = fs::read(picture).map_err(|error| RunError::read(picture, error))?;
        let (width, height) = image::image_dimensions(picture)
            .map_err(|error| RunError::read(picture, std::io::Error::other(error)))?;
        let image = Summary::Image { width, height, png };
        self.add(now(), step, [("samples".to_owned(), image)])
    }

    fn add(
        &self,
        wall_time: f64,
        step: u64,
        values: impl IntoIterator<Item = (String, Summary)>,
    ) -> Result<(), RunError> {
        self.write(|file| file.add(wall_time, step, values))
    }

    fn write(&self, write: impl FnOnce(&EventFile) -> std::io::Result<()>) -> Result<(), RunError> {
        self.run.check_place()?;
        write(&self.file).map_err(|error| RunError::write(self.file.path(), error))
    }
}

/// Seconds since 1970. A clock before that gives 0.
fn now() -> f64 {
    since_1970().as_secs_f64()
}

/// The numbers of a row, by the names of their columns in groups that TensorBoard folds.
fn scalars(row: &MetricsRow) -> Vec<(String, Summary)> {
    let MetricsRow {
        step: _,
        epoch,
        g_gan,
        g_l1,
        d_real,
        d_fake,
        d_gp,
        g_feat,
        learning_rate,
        seconds,
        val_l1,
        val_ssim,
        val_psnr,
    } = *row;
    [
        ("losses/g_gan", g_gan),
        ("losses/g_l1", Some(g_l1)),
        ("losses/g_feat", g_feat),
        ("losses/d_real", d_real),
        ("losses/d_fake", d_fake),
        ("losses/d_gp", d_gp),
        ("held_out/val_l1", val_l1),
        ("held_out/val_ssim", val_ssim),
        ("held_out/val_psnr", val_psnr),
        ("run/learning_rate", Some(learning_rate)),
        ("run/epoch", Some(epoch as f32)),
        ("run/seconds", Some(seconds as f32)),
    ]
    .into_iter()
    .filter_map(|(tag, value)| Some((tag.to_owned(), Summary::Scalar(value?))))
    .collect()
}

/// The settings as JSON. Markdown shows lines that are indented as they are.
fn settings(config: &Config) -> (String, Summary) {
    // Plain structs of numbers and strings: this cannot fail.
    let json = serde_json::to_string_pretty(config).unwrap_or_default();
    let lines: Vec<String> = json.lines().map(|line| format!("    {line}")).collect();
    ("config".to_owned(), Summary::Text(lines.join("\n")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn row(step: u64) -> MetricsRow {
        MetricsRow {
            step,
            epoch: 1,
            g_gan: Some(0.5),
            g_l1: 0.25,
            d_real: Some(0.5),
            d_fake: Some(0.5),
            d_gp: Some(0.5),
            g_feat: Some(0.5),
            learning_rate: 2e-4,
            seconds: 0.5,
            val_l1: Some(0.5),
            val_ssim: Some(0.5),
            val_psnr: Some(0.5),
        }
    }

    #[test]
    fn every_column_of_the_metrics_has_a_tag() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path(), "r").unwrap();
        run.append(&row(1)).unwrap();
        let text = fs::read_to_string(run.path().join("metrics.csv")).unwrap();
        let columns = text.lines().next().unwrap().split(',').skip(1);
        let tags = scalars(&row(1));
        let last = tags.iter().map(|(tag, _)| tag.rsplit('/').next().unwrap());
        assert_eq!(last.collect::<BTreeSet<_>>(), columns.collect());
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path(), "r").unwrap();
        let events = run.begin_events(&Config::default(), 0, 0.0).unwrap();
        let path = events.file.path().to_owned();
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let error = events.row(&row(1)).unwrap_err();
        assert!(matches!(error, RunError::Write { path: named, .. } if named == path));
    }

    #[test]
    fn event_files_keep_no_folder_of_a_run_that_saved_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path(), "r").unwrap();
        run.begin_events(&Config::default(), 0, 0.0).unwrap();
        run.remove_unsaved();
        assert!(!run.path().exists());
    }
}
