//! `index.html`: the whole run on one page. It opens from the disk. It needs no server, no script
//! and no other site.

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::fmt::Write;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::atomic::write_atomic;
use super::error::RunError;
use super::files::step_files;
use super::metrics::MetricsRow;
use super::{
    CHART, CONFIG, Checkpoint, HELD_OUT, HeldOut, METRICS, RunDir, SAMPLES, Standing, plot,
};
use crate::interop::html::{STYLE, escape, link};
use crate::train::score::{Best, EvalMetric};

const OWN_STYLE: &str = include_str!("page.css");
/// CSS pixels that a sample grid may take across.
const GRID_WIDTH: u32 = 940;
/// How often the pixels of a small grid are repeated at most.
const GRID_ZOOM: u32 = 4;

impl RunDir {
    /// Draws `losses.svg` and writes `index.html` again from what lies on the disk.
    ///
    /// # Errors
    /// Any error of reading the run's files or of writing these two. A file that could not be
    /// written keeps its old content.
    pub fn refresh(&self, standing: &Standing) -> Result<(), RunError> {
        self.check_place()?;
        let rows = self.metrics()?;
        let held_out: Option<HeldOut> = self.read_if_there(HELD_OUT)?;
        let copy_l1 = held_out.map(|held_out| held_out.copy_l1);
        let chart = plot::write(&self.path().join(CHART), &rows, copy_l1)?;
        let page = Page {
            run: self,
            config: self.read_if_there(CONFIG)?,
            rows: &rows,
            held_out,
            standing,
            chart,
            samples: step_files(&self.path().join(SAMPLES), "png")?,
            checkpoints: self.checkpoints()?,
            best: self.best_checkpoint(standing.best),
        };
        let html = page.render();
        write_atomic(&self.page_path(), |writer| {
            writer.write_all(html.as_bytes())
        })
    }

    /// The best checkpoint, if it is there, with its score.
    fn best_checkpoint(&self, best: Option<Best>) -> Option<(Best, Checkpoint)> {
        let (best, path) = (best?, self.best_path());
        let metadata = fs::metadata(&path).ok()?;
        let checkpoint = Checkpoint {
            path,
            step: best.step,
            bytes: metadata.len(),
        };
        metadata.is_file().then_some((best, checkpoint))
    }
}

/// What lies on the disk of a run, ready to be shown.
struct Page<'a> {
    run: &'a RunDir,
    config: Option<Value>,
    rows: &'a [MetricsRow],
    held_out: Option<HeldOut>,
    standing: &'a Standing,
    /// Whether there is a loss chart.
    chart: bool,
    /// Sample grids by rising step.
    samples: Vec<(u64, PathBuf)>,
    /// Checkpoints by rising step.
    checkpoints: Vec<Checkpoint>,
    /// The one with the best held-out score.
    best: Option<(Best, Checkpoint)>,
}

impl Page<'_> {
    /// The page as HTML. Every value from outside is escaped.
    fn render(&self) -> String {
        let name = escape(self.run.name());
        let sections = [
            self.newest(),
            self.losses(),
            self.gallery(),
            self.files(),
            self.configuration(),
        ];
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{name} · pix2pix</title>\n<style>\n{STYLE}{OWN_STYLE}</style>\n</head>\n<body>\n\
             <p>pix2pix run</p>\n<h1>{name}</h1>\n{}{}</body>\n</html>\n",
            self.numbers(),
            sections.concat()
        )
    }

    /// The few numbers that a reader looks for first.
    fn numbers(&self) -> String {
        let Some(last) = self.rows.last() else {
            return "<p>No step has been logged yet.</p>\n".to_owned();
        };
        let step = format!("{} of {}", last.step, self.standing.length);
        let mut tiles = tile("Step", &step, "");
        tiles += &tile("Epoch", &last.epoch.to_string(), "");
        tiles += &tile("Time trained", &duration(last.seconds), "");
        tiles += &self.scores();
        if let Some(HeldOut { pairs, copy_l1 }) = self.held_out {
            let note = format!("L1 on the same {pairs} pairs");
            tiles += &tile("Copying the input", &format!("{copy_l1:.4}"), &note);
        }
        format!("<dl>\n{tiles}</dl>\n")
    }

    /// The newest held-out score that counts, with the best one, and the L1, which copying the
    /// input has as well.
    fn scores(&self) -> String {
        let counts = self.standing.metric;
        let mut shown = vec![counts];
        if counts != EvalMetric::L1 {
            shown.push(EvalMetric::L1);
        }
        let of = |metric: EvalMetric| {
            let mut newest = self.rows.iter().rev();
            let value = newest.find_map(|row| row.held_out(metric))?;
            let best = self.standing.best.filter(|_| metric == counts);
            let note = best.map_or_else(String::new, |best| {
                format!("best {} at step {}", metric.words(best.value), best.step)
            });
            let label = format!("Held-out {}", metric.title());
            Some(tile(&label, &metric.words(value.into()), &note))
        };
        shown.into_iter().filter_map(of).collect()
    }

    fn newest(&self) -> String {
        let Some((step, path)) = self.samples.last() else {
            return String::new();
        };
        // A whole multiple keeps small images crisp; the page shrinks large ones.
        let (size, class) = match image::image_dimensions(path) {
            Ok((width, height)) => {
                let zoom = (GRID_WIDTH / width.max(1)).clamp(1, GRID_ZOOM);
                let class = if zoom > 1 { " class=\"crisp\"" } else { "" };
                (
                    format!(
                        " width=\"{}\" height=\"{}\"",
                        width * zoom,
                        height.saturating_mul(zoom)
                    ),
                    class,
                )
            }
            Err(_) => (String::new(), ""),
        };
        let (title, each) = if self.is_held_out() {
            ("Held-out", "held-out")
        } else {
            ("Training", "training")
        };
        format!(
            "<h2>{title} images after step {step}</h2>\n<figure class=\"newest\">\n\
             {}<img{class} src=\"{}\"{size} \
             alt=\"Input, output and target of each {each} image after step {step}\">\n\
             </figure>\n",
            self.captions(),
            sample_link(path)
        )
    }

    /// Whether the grids show held-out pairs. Only these are scored.
    fn is_held_out(&self) -> bool {
        self.held_out.is_some() || self.rows.iter().any(|row| row.val_l1.is_some())
    }

    /// The names of the columns of a grid. Each is as wide as its images.
    fn captions(&self) -> String {
        let [inputs, outputs] = ["input", "output"].map(|side| self.images(side));
        let columns = [("input", inputs), ("output", outputs), ("target", outputs)];
        let caption =
            |(name, images)| format!("<span>{name}{}</span>", if images == 1 { "" } else { "s" });
        format!(
            "<figcaption class=\"columns\" \
             style=\"grid-template-columns: {inputs}fr {outputs}fr {outputs}fr\">\
             {}</figcaption>\n",
            columns.map(caption).concat()
        )
    }

    /// Images that the configuration has on a side of a pair.
    fn images(&self, side: &str) -> u64 {
        let stack = self
            .config
            .as_ref()
            .and_then(|config| config.pointer(&format!("/{side}/stack/images")));
        stack.and_then(Value::as_u64).unwrap_or(1)
    }

    fn losses(&self) -> String {
        if !self.chart {
            return String::new();
        }
        format!(
            "<h2>Losses</h2>\n<figure class=\"chart\"><img src=\"{CHART}\" width=\"900\" \
             height=\"560\" alt=\"Losses by training step\"></figure>\n\
             <p>All the numbers: <a href=\"{METRICS}\">{METRICS}</a></p>\n"
        )
    }

    fn gallery(&self) -> String {
        if self.samples.is_empty() {
            return String::new();
        }
        let figures: String = self
            .samples
            .iter()
            .map(|(step, path)| {
                let link = sample_link(path);
                format!(
                    "<figure><a href=\"{link}\"><img src=\"{link}\" loading=\"lazy\" \
                     alt=\"Samples after step {step}\"></a>\
                     <figcaption>step {step}</figcaption></figure>\n"
                )
            })
            .collect();
        format!(
            "<h2>All sample grids</h2>\n<p>Input, output, target.</p>\n\
             <div class=\"gallery\">\n{figures}</div>\n"
        )
    }

    /// The checkpoints, and the commands that use them.
    fn files(&self) -> String {
        let Some(newest) = self.checkpoints.last() else {
            return String::new();
        };
        let row = |checkpoint: &Checkpoint, what: &str| {
            let file = checkpoint.path.strip_prefix(self.run.path());
            let file = file.unwrap_or(&checkpoint.path).to_string_lossy();
            format!(
                "<tr><td>{}</td><td class=\"number\">{}</td><td>{what}</td></tr>\n",
                escape(&file),
                size(checkpoint.bytes)
            )
        };
        let newer = self.checkpoints.iter();
        let mut rows: String = newer.map(|checkpoint| row(checkpoint, "")).collect();
        if let Some((best, checkpoint)) = &self.best {
            let metric = self.standing.metric.title();
            let what = format!("the best held-out {metric}, at step {}", best.step);
            rows += &row(checkpoint, &what);
        }
        format!(
            "<h2>Checkpoints</h2>\n<table>\n{rows}</table>\n{}",
            self.commands(newest)
        )
    }

    /// The commands to go on, if the program that wrote the run has some.
    fn commands(&self, newest: &Checkpoint) -> String {
        let Some(commands) = self.run.commands else {
            return String::new();
        };
        let go_on = (commands.go_on)(self.run.path(), self.standing);
        let (words, model) = match &self.best {
            Some((best, checkpoint)) => (
                format!(
                    "Translate images with the best weights, of step {}",
                    best.step
                ),
                checkpoint,
            ),
            None => ("Translate images".to_owned(), newest),
        };
        let translate = (commands.translate)(&model.path, self.images("input") as usize);
        format!(
            "<h2>Go on from here</h2>\n\
             <p>{}:</p>\n<pre>{}</pre>\n<p>{words}:</p>\n<pre>{}</pre>\n",
            escape(&sentence(&go_on.words)),
            escape(&go_on.commands.join("\n")),
            escape(&translate)
        )
    }

    fn configuration(&self) -> String {
        let Some(config) = &self.config else {
            return String::new();
        };
        let mut rows = String::new();
        config_rows(&mut rows, "", config);
        format!("<h2>Configuration</h2>\n<table>\n{rows}</table>\n")
    }
}

/// One table row for each scalar or list in `value`. Nested names are joined by dots.
fn config_rows(rows: &mut String, name: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                let name = if name.is_empty() {
                    field.clone()
                } else {
                    format!("{name}.{field}")
                };
                config_rows(rows, &name, value);
            }
        }
        value => {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Null => "–".to_owned(),
                value => value.to_string(),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(
                rows,
                "<tr><th>{}</th><td>{}</td></tr>",
                escape(name),
                escape(&text)
            );
        }
    }
}

fn tile(label: &str, value: &str, note: &str) -> String {
    let note = if note.is_empty() {
        String::new()
    } else {
        format!("<small>{note}</small>")
    };
    format!("<div><dt>{label}</dt><dd>{value}{note}</dd></div>\n")
}

/// Words with a capital letter at their beginning.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

/// The link to a sample grid, relative to the page.
fn sample_link(path: &Path) -> String {
    link(&Path::new(SAMPLES).join(path.file_name().unwrap_or_default()))
}

/// A path, or another argument, as one word of a POSIX shell.
pub fn quote(path: &Path) -> String {
    let path = path.to_string_lossy();
    let plain = |character: char| character.is_alphanumeric() || "/._-+=,:@%".contains(character);
    if !path.is_empty() && path.chars().all(plain) {
        path.into_owned()
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

fn size(bytes: u64) -> String {
    const MIB: f64 = 1024.0 * 1024.0;
    let mib = bytes as f64 / MIB;
    if mib < 1.0 {
        format!("{:.1} KiB", mib * 1024.0)
    } else {
        format!("{mib:.1} MiB")
    }
}

fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest} s"),
        (0, _) => format!("{minutes} min {rest} s"),
        _ => format!("{hours} h {minutes} min"),
    }
}
