//! `index.html`: the whole run on one page. It opens from the disk. It needs no server, no script
//! and no other site.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::metrics::MetricsRow;
use super::{CHART, Checkpoint, HeldOut, METRICS, RunDir, SAMPLES};
use crate::interop::html::{STYLE, escape, link};

const OWN_STYLE: &str = include_str!("page.css");
/// CSS pixels that a sample grid may take across.
const GRID_WIDTH: u32 = 940;
/// How often the pixels of a small grid are repeated at most.
const GRID_ZOOM: u32 = 4;

/// What lies on the disk of a run, ready to be shown.
pub(super) struct Page<'a> {
    pub run: &'a RunDir,
    pub config: Option<Value>,
    pub rows: &'a [MetricsRow],
    pub held_out: Option<HeldOut>,
    /// Steps of the whole run, if they are known.
    pub length: Option<u64>,
    /// Whether there is a loss chart.
    pub chart: bool,
    /// Sample grids by rising step.
    pub samples: Vec<(u64, PathBuf)>,
    /// Checkpoints by rising step.
    pub checkpoints: Vec<Checkpoint>,
}

impl Page<'_> {
    /// The page as HTML. Every value from outside is escaped.
    pub fn render(&self) -> String {
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
        let step = match self.length {
            Some(length) => format!("{} of {length}", last.step),
            None => last.step.to_string(),
        };
        let mut tiles = tile("Step", &step, "");
        tiles += &tile("Epoch", &last.epoch.to_string(), "");
        tiles += &tile("Time trained", &duration(last.seconds), "");
        let measured = || {
            self.rows
                .iter()
                .filter_map(|row| Some((row.step, row.val_l1?)))
        };
        if let Some((_, l1)) = measured().next_back() {
            let best = measured().min_by(|a, b| a.1.total_cmp(&b.1));
            let best = best.map(|(step, l1)| format!("best {l1:.4} at step {step}"));
            tiles += &tile(
                "Held-out L1",
                &format!("{l1:.4}"),
                &best.unwrap_or_default(),
            );
        }
        if let Some(HeldOut { pairs, copy_l1 }) = self.held_out {
            let note = format!("L1 on the same {pairs} pairs");
            tiles += &tile("Copying the input", &format!("{copy_l1:.4}"), &note);
        }
        format!("<dl>\n{tiles}</dl>\n")
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

    /// The checkpoints, and the commands that use the newest one.
    fn files(&self) -> String {
        let Some(newest) = self.checkpoints.last() else {
            return String::new();
        };
        let rows: String = self
            .checkpoints
            .iter()
            .map(|checkpoint| {
                let file = checkpoint.path.strip_prefix(self.run.path());
                let file = file.unwrap_or(&checkpoint.path).to_string_lossy();
                format!(
                    "<tr><td>{}</td><td class=\"number\">{}</td></tr>\n",
                    escape(&file),
                    size(checkpoint.bytes)
                )
            })
            .collect();
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
        // A run that has ended only goes on if it becomes longer.
        let has_ended = self.length.is_some_and(|length| newest.step >= length);
        let (words, resume) = if has_ended {
            let extend = (commands.extend)(self.run.path());
            (
                "The run has ended. Train longer, N is the length in all:",
                extend,
            )
        } else {
            ("Resume training:", (commands.resume)(self.run.path()))
        };
        let translate = (commands.translate)(&newest.path, self.images("input") as usize);
        format!(
            "<h2>Go on from here</h2>\n\
             <p>{words}</p>\n<pre>{}</pre>\n<p>Translate images:</p>\n<pre>{}</pre>\n",
            escape(&resume),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_words_are_quoted_where_they_must_be() {
        assert_eq!(quote(Path::new("runs/flat-3d")), "runs/flat-3d");
        assert_eq!(quote(Path::new("my runs/it's")), "'my runs/it'\\''s'");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(size(512), "0.5 KiB");
        assert_eq!(size(218 * 1024 * 1024), "218.0 MiB");
        assert_eq!(duration(7.9), "7 s");
        assert_eq!(duration(125.0), "2 min 5 s");
        assert_eq!(duration(7325.0), "2 h 2 min");
        assert_eq!(duration(f64::NAN), "0 s");
    }

    #[test]
    fn nested_configuration_is_flat_and_escaped() {
        let config =
            serde_json::json!({ "data": { "path": "<b>", "sizes": [64, 64] }, "seed": null });
        let mut rows = String::new();
        config_rows(&mut rows, "", &config);
        let expected = "<tr><th>data.path</th><td>&lt;b&gt;</td></tr>\n\
                        <tr><th>data.sizes</th><td>[64,64]</td></tr>\n\
                        <tr><th>seed</th><td>–</td></tr>\n";
        assert_eq!(rows, expected);
    }
}
