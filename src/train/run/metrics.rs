//! `metrics.csv`: one row of numbers for each logged step.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;

use super::atomic::write_atomic;
use super::error::RunError;
use crate::train::score::EvalMetric;
use serde::Serialize;

/// The columns of every run.
const HEADER: &str =
    "step,epoch,g_gan,g_l1,d_real,d_fake,learning_rate,seconds,val_l1,val_ssim,val_psnr";
/// What older files lack at the end of their header.
const NEWER_COLUMNS: &str = ",val_ssim,val_psnr";

/// The header of a run with a gradient penalty or not, and with a distance of features or not.
fn header_of([has_penalty, has_features]: [bool; 2]) -> String {
    let with = |header: String, column: &str, before: &str| {
        header.replacen(before, &format!("{column},{before}"), 1)
    };
    let mut header = HEADER.to_owned();
    if has_penalty {
        header = with(header, "d_gp", "learning_rate");
    }
    if has_features {
        header = with(header, "g_feat", "d_real");
    }
    header
}

/// What is known after a logged training step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricsRow {
    /// Training steps done, from 1.
    pub step: u64,
    /// The pass over the training pairs that the step belongs to, from 1.
    pub epoch: u64,
    /// The generator's adversarial loss, in a run that has one.
    pub g_gan: Option<f32>,
    /// Mean |output - target| over pixels and channels in -1..1, before the factor lambda:
    /// comparable with `val_l1`.
    pub g_l1: f32,
    /// The discriminator's loss on real pairs, in a run that has a discriminator.
    pub d_real: Option<f32>,
    /// Its loss on generated pairs.
    pub d_fake: Option<f32>,
    /// The discriminator's gradient penalty, before its factor lambda, in a run that has one.
    pub d_gp: Option<f32>,
    /// The distance between the discriminator's features, before its factor lambda, in a run that
    /// has one.
    pub g_feat: Option<f32>,
    /// Adam's learning rate in this step.
    pub learning_rate: f32,
    /// Seconds of training since the first step. Those before the run was resumed are included.
    pub seconds: f64,
    /// Mean |output - target| over the held-out pairs in -1..1, on the steps where it was measured.
    pub val_l1: Option<f32>,
    /// Mean structural similarity over them.
    pub val_ssim: Option<f32>,
    /// Mean peak signal-to-noise ratio over them, in decibels.
    pub val_psnr: Option<f32>,
}

impl MetricsRow {
    /// A held-out score, if it was measured after this step.
    pub(super) fn held_out(&self, metric: EvalMetric) -> Option<f32> {
        match metric {
            EvalMetric::L1 => self.val_l1,
            EvalMetric::Ssim => self.val_ssim,
            EvalMetric::Psnr => self.val_psnr,
        }
    }

    fn header(&self) -> String {
        header_of([self.d_gp.is_some(), self.g_feat.is_some()])
    }

    fn to_line(&self) -> String {
        // A cell is empty where there is nothing to tell.
        let text = |value: Option<f32>| value.map(|value| value.to_string()).unwrap_or_default();
        let [g_gan, d_real, d_fake] = [self.g_gan, self.d_real, self.d_fake].map(text);
        let [val_l1, val_ssim, val_psnr] = [self.val_l1, self.val_ssim, self.val_psnr].map(text);
        let [d_gp, g_feat] = [self.d_gp, self.g_feat]
            .map(|value| value.map(|value| format!("{value},")).unwrap_or_default());
        let Self {
            step,
            epoch,
            g_l1,
            learning_rate,
            seconds,
            ..
        } = self;
        format!(
            "{step},{epoch},{g_gan},{g_l1},{g_feat}{d_real},{d_fake},{d_gp}{learning_rate},\
             {seconds:.3},{val_l1},{val_ssim},{val_psnr}\n"
        )
    }

    fn from_line(header: &str, line: &str) -> Result<Self, String> {
        let columns = header.split(',').count();
        let found = line.split(',').count();
        if found != columns {
            return Err(format!("{found} columns instead of {columns}"));
        }
        let mut fields = header.split(',').zip(line.split(','));
        let has = |column: &str| header.split(',').any(|name| name == column);
        let mut row = Self {
            step: next(&mut fields)?,
            epoch: next(&mut fields)?,
            g_gan: next_if_any(&mut fields)?,
            g_l1: next(&mut fields)?,
            g_feat: next_of(has("g_feat"), &mut fields)?,
            d_real: next_if_any(&mut fields)?,
            d_fake: next_if_any(&mut fields)?,
            d_gp: next_of(has("d_gp"), &mut fields)?,
            learning_rate: next(&mut fields)?,
            seconds: next(&mut fields)?,
            val_l1: next_if_any(&mut fields)?,
            val_ssim: next_if_any(&mut fields)?,
            val_psnr: next_if_any(&mut fields)?,
        };
        // Older files have zeros where there is no adversarial loss.
        if [row.g_gan, row.d_real, row.d_fake] == [Some(0.0); 3] {
            (row.g_gan, row.d_real, row.d_fake) = (None, None, None);
        }
        Ok(row)
    }
}

fn next<'a, T: FromStr>(
    fields: &mut impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<T, String> {
    number(fields.next().unwrap_or_default())
}

/// The next field, if the header has its column.
fn next_of<'a>(
    has: bool,
    fields: &mut impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Option<f32>, String> {
    has.then(|| next(fields)).transpose()
}

/// The number of the next field. An empty field has none.
fn next_if_any<'a>(
    fields: &mut impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Option<f32>, String> {
    fields
        .next()
        .filter(|(_, text)| !text.is_empty())
        .map(number)
        .transpose()
}

fn number<T: FromStr>((column, text): (&str, &str)) -> Result<T, String> {
    text.trim()
        .parse()
        .map_err(|_| format!("{column} is \"{text}\", not a number"))
}

/// Adds a row. A new file gets its header first.
pub(super) fn append(path: &Path, row: &MetricsRow) -> Result<(), RunError> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        let length = file.metadata()?.len();
        let header = if length == 0 {
            format!("{}\n", row.header())
        } else {
            String::new()
        };
        file.write_all(format!("{header}{}", row.to_line()).as_bytes())
            .inspect_err(|_| {
                // A full disk may leave half a row. It is cut off, because the next row would be
                // joined to it.
                let _ = file.set_len(length);
            })
    };
    write().map_err(|error| RunError::write(path, error))
}

/// Whether a line is the header of a run of any kind, or of an older one.
fn is_header(line: &str) -> bool {
    let kinds = [[false, false], [true, false], [false, true], [true, true]];
    kinds
        .into_iter()
        .map(header_of)
        .any(|header| header == line || header.strip_suffix(NEWER_COLUMNS) == Some(line))
}

/// Reads all rows. Without a file there are none. After a crash the last line may be incomplete. It
/// is left out.
pub(super) fn read(path: &Path) -> Result<Vec<MetricsRow>, RunError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        result => result.map_err(|error| RunError::read(path, error))?,
    };
    let text = String::from_utf8_lossy(&bytes);
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut lines = whole.lines().enumerate();
    let Some((_, header)) = lines.next() else {
        return Ok(Vec::new());
    };
    check_header(path, header)?;
    lines
        .map(|(index, line)| row_of(path, index + 1, header, line))
        .collect()
}

/// Refuses the header of something else.
pub(super) fn check_header(path: &Path, header: &str) -> Result<(), RunError> {
    match is_header(header) {
        true => Ok(()),
        false => Err(wrong(path, 1, format!("the header is not \"{HEADER}\""))),
    }
}

/// The row of a line, whose number is for the error.
pub(super) fn row_of(
    path: &Path,
    number: usize,
    header: &str,
    line: &str,
) -> Result<MetricsRow, RunError> {
    MetricsRow::from_line(header, line).map_err(|reason| wrong(path, number, reason))
}

fn wrong(path: &Path, line: usize, reason: String) -> RunError {
    RunError::Metrics {
        path: path.to_path_buf(),
        line,
        reason,
    }
}

/// Drops the rows after `step`, and an incomplete last line. A resumed run writes them again. If no
/// row is left, it writes the header too.
pub(super) fn rewind(path: &Path, step: u64) -> Result<(), RunError> {
    let rows = read(path)?;
    write_atomic(path, |writer| {
        for (index, row) in rows.iter().filter(|row| row.step <= step).enumerate() {
            if index == 0 {
                writeln!(writer, "{}", row.header())?;
            }
            writer.write_all(row.to_line().as_bytes())?;
        }
        Ok(())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn row(step: u64, val_l1: Option<f32>) -> MetricsRow {
        MetricsRow {
            step,
            epoch: 1 + step / 100,
            g_gan: Some(0.1 + 0.2),
            g_l1: 1.0 / 3.0,
            d_real: Some(1e-12),
            d_fake: Some(f32::MAX),
            d_gp: None,
            g_feat: None,
            learning_rate: 2e-4,
            seconds: 0.25 * step as f64,
            val_l1,
            val_ssim: val_l1.map(|l1| 1.0 - l1),
            val_psnr: val_l1.map(|_| f32::INFINITY),
        }
    }

    fn file(content: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.csv");
        fs::write(&path, content).unwrap();
        (folder, path)
    }

    #[test]
    fn rows_come_back_with_the_same_bits() {
        let (_folder, path) = file("");
        let rows = [row(1, None), row(250, Some(0.121))];
        for row in &rows {
            append(&path, row).unwrap();
        }
        assert_eq!(read(&path).unwrap(), rows);
        assert!(fs::read_to_string(&path).unwrap().starts_with(HEADER));
    }

    #[test]
    fn an_older_file_gets_the_columns_that_it_lacks() {
        for has_penalty in [false, true] {
            let known = header_of([has_penalty, false]);
            let old = known.strip_suffix(NEWER_COLUMNS).unwrap();
            let penalty = if has_penalty { "0.5," } else { "" };
            let line = format!("7,1,0.5,0.5,0.5,0.5,{penalty}0.0002,0.25,0.75");
            let (_folder, path) = file(&format!("{old}\n{line}\n"));
            let rows = read(&path).unwrap();
            assert_eq!((rows[0].val_l1, rows[0].val_ssim), (Some(0.75), None));
            rewind(&path, 7).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert!(
                text.starts_with(&known) && text.ends_with(",0.75,,\n"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_penalty_and_features_have_columns_of_their_own() {
        for kind in [[true, false], [false, true], [true, true]] {
            let (_folder, path) = file("");
            let [has_penalty, has_features] = kind;
            let rows = [1, 2, 3].map(|step| MetricsRow {
                d_gp: has_penalty.then_some(0.1 * step as f32),
                g_feat: has_features.then_some(0.3 * step as f32),
                ..row(step, None)
            });
            for row in &rows {
                append(&path, row).unwrap();
            }
            assert_eq!(read(&path).unwrap(), rows);
            rewind(&path, 2).unwrap();
            assert_eq!(read(&path).unwrap(), rows[..2]);
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text.lines().next(), Some(&*header_of(kind)));
            // Without a row there is nothing that says which header it is.
            rewind(&path, 0).unwrap();
            append(&path, &rows[0]).unwrap();
            assert_eq!(read(&path).unwrap(), rows[..1]);
        }
        assert_eq!(
            header_of([true, true]),
            "step,epoch,g_gan,g_l1,g_feat,d_real,d_fake,d_gp,learning_rate,seconds,val_l1,\
             val_ssim,val_psnr"
        );
    }

    #[test]
    fn without_an_adversarial_loss_its_cells_are_empty() {
        let (_folder, path) = file(&format!(
            "{HEADER}\n1,1,0,0.5,0,0,0.0002,0.25,0.75,0.25,inf\n"
        ));
        let bare = |step, val_l1| MetricsRow {
            g_gan: None,
            d_real: None,
            d_fake: None,
            g_l1: 0.5,
            ..row(step, val_l1)
        };
        assert_eq!(
            read(&path).unwrap(),
            [bare(1, Some(0.75))],
            "an older file's zeros"
        );
        append(&path, &bare(2, None)).unwrap();
        rewind(&path, 2).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            format!(
                "{HEADER}\n1,1,,0.5,,,0.0002,0.250,0.75,0.25,inf\n2,1,,0.5,,,0.0002,0.500,,,\n"
            )
        );
        assert_eq!(read(&path).unwrap(), [bare(1, Some(0.75)), bare(2, None)]);
    }

    #[test]
    fn a_loss_that_is_no_number_comes_back() {
        let (_folder, path) = file("");
        let lost = MetricsRow {
            g_gan: Some(f32::NAN),
            g_l1: f32::INFINITY,
            ..row(3, None)
        };
        append(&path, &lost).unwrap();
        let read = read(&path).unwrap();
        assert!(read[0].g_gan.unwrap().is_nan() && read[0].g_l1 == f32::INFINITY);
    }

    #[test]
    fn no_file_is_no_rows() {
        assert_eq!(read(Path::new("nowhere/metrics.csv")).unwrap(), []);
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_cut_off() {
        let whole = row(10, Some(0.5));
        // Torn inside its last number, it would still parse.
        let torn = row(20, Some(0.25)).to_line().trim_end().to_owned();
        for tail in [torn.as_str(), "20,1,0.", "\0\0\0\0"] {
            let (_folder, path) = file(&format!("{HEADER}\n{}{tail}", whole.to_line()));
            assert_eq!(read(&path).unwrap(), std::slice::from_ref(&whole));
            rewind(&path, 10).unwrap();
            append(&path, &row(20, None)).unwrap();
            assert_eq!(read(&path).unwrap(), [whole.clone(), row(20, None)]);
        }
        let (_folder, path) = file("step,epo");
        assert_eq!(read(&path).unwrap(), []);
    }

    #[test]
    fn rewind_drops_what_came_after() {
        let (_folder, path) = file("");
        for step in [10, 20, 30, 40] {
            append(&path, &row(step, None)).unwrap();
        }
        rewind(&path, 25).unwrap();
        assert_eq!(read(&path).unwrap(), [row(10, None), row(20, None)]);
    }

    #[test]
    fn a_bad_line_is_named() {
        for (content, line, word) in [
            ("time,loss\n".to_owned(), 1, "header"),
            (format!("{HEADER}\n1,2,3\n"), 2, "columns"),
            (format!("{HEADER}\n1,1,x,0,0,0,0,0,,,\n"), 2, "g_gan"),
        ] {
            let (_folder, path) = file(&content);
            let error = read(&path).unwrap_err();
            assert!(matches!(error, RunError::Metrics { line: found, .. } if found == line));
            assert!(error.to_string().contains(word), "{error}");
            assert!(error.to_string().contains("metrics.csv"), "{error}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read(folder.path()), Err(RunError::Read { .. })));
        let error = append(folder.path(), &row(1, None)).unwrap_err();
        assert!(matches!(error, RunError::Write { .. }));
    }
}
