//! `losses.svg`: a panel of the adversarial losses, if there are any, above one of the L1
//! distances, above those of the held-out scores, if there are any. All have the same steps.

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

use super::atomic::write_atomic;
use super::error::RunError;
use super::metrics::MetricsRow;

const WIDTH: u32 = 900;
/// Of the panels of losses.
const HEIGHT: u32 = 560;
/// Of the panels of scores, which lie side by side below.
const SCORES_HEIGHT: u32 = 230;
const TOP_PANEL: i32 = 285;

// Okabe and Ito's palette, which colour-blind readers can tell apart too.
const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(230, 159, 0);
const GREEN: RGBColor = RGBColor(0, 158, 115);
const VERMILION: RGBColor = RGBColor(213, 94, 0);
const PURPLE: RGBColor = RGBColor(204, 121, 167);
const TEXT: RGBColor = RGBColor(51, 56, 66);
const MUTED: RGBColor = RGBColor(120, 126, 138);
const GRID: RGBColor = RGBColor(232, 234, 238);

/// The most points of a line. More points would only make the file larger: the chart has no more
/// pixels.
const MAX_POINTS: usize = 600;
/// The same for a line whose points are marked. A mark takes more room.
const MAX_MARKS: usize = 150;
/// Share of the past in the exponential average.
const SMOOTHING: f64 = 0.7;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type DrawError = DrawingAreaErrorKind<io::Error>;
type Point = (f64, f64);

struct Series {
    label: &'static str,
    colour: RGBColor,
    /// Whether points are marked. The series with few points has this.
    marked: bool,
    points: Vec<Point>,
}

impl Series {
    /// The training loss `value`, thinned and smoothed.
    fn smoothed(
        label: &'static str,
        colour: RGBColor,
        rows: &[MetricsRow],
        value: impl Fn(&MetricsRow) -> Option<f32>,
    ) -> Self {
        Self {
            label,
            colour,
            marked: false,
            points: smooth(thin(finite(rows, value), MAX_POINTS)),
        }
    }
}

/// Writes the chart. Without a finite number in `rows` there is nothing to draw. Then no file is
/// written, and the result is `false`.
pub(super) fn write(
    path: &Path,
    rows: &[MetricsRow],
    copy_l1: Option<f32>,
) -> Result<bool, RunError> {
    let Some(steps) = step_range(rows) else {
        return Ok(false);
    };
    let mut svg = String::new();
    draw(&mut svg, rows, steps, copy_l1).map_err(|error| RunError::Chart {
        path: path.to_path_buf(),
        reason: error.to_string(),
    })?;
    write_atomic(path, |writer| writer.write_all(svg.as_bytes()))?;
    Ok(true)
}

fn draw(
    svg: &mut String,
    rows: &[MetricsRow],
    steps: Range<f64>,
    copy_l1: Option<f32>,
) -> Result<(), DrawError> {
    let adversarial = [
        Series::smoothed("G, fooling D", BLUE, rows, |row| row.g_gan),
        Series::smoothed("D, real pairs", ORANGE, rows, |row| row.d_real),
        Series::smoothed("D, fake pairs", GREEN, rows, |row| row.d_fake),
        // Not in the legend where there is none.
        Series::smoothed("D, penalty", VERMILION, rows, |row| row.d_gp),
        Series::smoothed("G, features", PURPLE, rows, |row| row.g_feat),
    ];
    let distances = [
        Series::smoothed("training", BLUE, rows, |row| Some(row.g_l1)),
        Series {
            label: "held-out",
            colour: VERMILION,
            marked: true,
            points: thin(finite(rows, |row| row.val_l1), MAX_MARKS),
        },
        Series {
            label: "copying the input",
            colour: MUTED,
            marked: false,
            points: copy_l1
                .map(|l1| vec![(steps.start, f64::from(l1)), (steps.end, f64::from(l1))])
                .unwrap_or_default(),
        },
    ];
    let scores = held_out_scores(rows);
    let height = HEIGHT + scores.iter().map(|_| SCORES_HEIGHT).max().unwrap_or(0);
    let root = SVGBackend::with_string(svg, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let (mut bottom, below) = root.split_vertically(HEIGHT as i32);
    let (left, right) = below.split_horizontally(WIDTH as i32 / 2);
    for (area, (title, series)) in [left, right].iter().zip(&scores) {
        heading(area, title, &[])?;
        panel(area, steps.clone(), close_range(series), "", "step", series)?;
    }
    if adversarial.iter().any(|series| !series.points.is_empty()) {
        let (top, below) = bottom.split_vertically(TOP_PANEL);
        heading(&top, "Adversarial losses", &adversarial)?;
        panel(
            &top,
            steps.clone(),
            linear_range(&adversarial),
            "loss",
            "",
            &adversarial,
        )?;
        bottom = below;
    }
    heading(&bottom, "L1 to the target", &distances)?;
    let range = log_range(&distances);
    let ticks = log_ticks(&range);
    let axis = range.log_scale().with_key_points(ticks);
    let caption =
        format!("step · training losses smoothed (exponential average, {SMOOTHING} of the past)");
    panel(&bottom, steps, axis, "L1, log scale", &caption, &distances)?;
    root.present()?;
    Ok(())
}

/// The held-out scores by step, with their titles; those that there are.
fn held_out_scores(rows: &[MetricsRow]) -> Vec<(&'static str, [Series; 1])> {
    let series = |value: fn(&MetricsRow) -> Option<f32>| Series {
        label: "held-out",
        colour: VERMILION,
        marked: true,
        points: thin(finite(rows, value), MAX_MARKS),
    };
    let all = [
        ("SSIM of held-out pairs", [series(|row| row.val_ssim)]),
        ("PSNR of held-out pairs", [series(|row| row.val_psnr)]),
    ];
    let there = all
        .into_iter()
        .filter(|(_, [series])| !series.points.is_empty());
    there.collect()
}

/// The title of a panel at the left, and its legend at the right. Both are outside the axes, so
/// they cover no line.
fn heading(area: &Area, title: &str, series: &[Series]) -> Result<(), DrawError> {
    const SLOT: i32 = 148;
    let title_style = ("sans-serif", 17, FontStyle::Bold, &TEXT).into_text_style(area);
    area.draw_text(title, &title_style, (24, 14))?;
    let label_style = ("sans-serif", 14, &TEXT).into_text_style(area);
    let shown = series.iter().filter(|series| !series.points.is_empty());
    let mut x = WIDTH as i32 - 12 - SLOT * shown.clone().count() as i32;
    for series in shown {
        let dash = Rectangle::new([(x, 20), (x + 20, 24)], series.colour.filled());
        area.draw(&dash)?;
        area.draw_text(series.label, &label_style, (x + 27, 15))?;
        x += SLOT;
    }
    Ok(())
}

fn panel<Y>(
    area: &Area,
    steps: Range<f64>,
    values: Y,
    y_title: &str,
    x_title: &str,
    series: &[Series],
) -> Result<(), DrawError>
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(area)
        .margin_top(42)
        .margin_left(14)
        .margin_right(26)
        .margin_bottom(4)
        .y_label_area_size(58)
        .x_label_area_size(if x_title.is_empty() { 24 } else { 42 })
        .build_cartesian_2d(steps, values)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(MUTED)
        .label_style(("sans-serif", 13, &TEXT))
        .axis_desc_style(("sans-serif", 13, &TEXT))
        .x_labels(10)
        .y_labels(6)
        .x_label_formatter(&|step| format!("{step:.0}"))
        .y_label_formatter(&|&value| tick_label(value))
        .x_desc(x_title)
        .y_desc(y_title)
        .draw()?;
    for series in series {
        let line = LineSeries::new(series.points.iter().copied(), series.colour.stroke_width(2));
        let line = if series.marked {
            line.point_size(3)
        } else {
            line
        };
        chart.draw_series(line)?;
    }
    Ok(())
}

/// The text of a tick. It has no rounding noise of binary fractions, and is short for a very large
/// loss.
fn tick_label(value: f64) -> String {
    if value.abs() >= 1e5 {
        format!("{value:.1e}")
    } else {
        format!("{}", (value * 1e6).round() / 1e6)
    }
}

/// From the first step to the last, or `None` where no row has a finite loss.
fn step_range(rows: &[MetricsRow]) -> Option<Range<f64>> {
    let lossy = |row: &&MetricsRow| {
        [row.g_gan, Some(row.g_l1), row.d_real, row.d_fake]
            .into_iter()
            .flatten()
            .any(f32::is_finite)
    };
    let first = rows.iter().find(lossy)?.step as f64;
    let last = rows.iter().rfind(lossy)?.step as f64;
    Some(first..last.max(first + 1.0))
}

/// (step, value) of the rows that have a finite value.
fn finite(rows: &[MetricsRow], value: impl Fn(&MetricsRow) -> Option<f32>) -> Vec<Point> {
    rows.iter()
        .filter_map(|row| Some((row.step as f64, f64::from(value(row)?))))
        .filter(|point| point.1.is_finite())
        .collect()
}

/// Means of neighbours, so that at most `most` points are left.
fn thin(points: Vec<Point>, most: usize) -> Vec<Point> {
    let group = points.len().div_ceil(most).max(1);
    let mean = |group: &[Point]| {
        let (x, y) = group
            .iter()
            .fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (x / group.len() as f64, y / group.len() as f64)
    };
    points.chunks(group).map(mean).collect()
}

/// Exponential average, corrected for its start as Adam's moments are.
fn smooth(points: Vec<Point>) -> Vec<Point> {
    let (mut sum, mut weight) = (0.0, 0.0);
    points
        .into_iter()
        .map(|(step, value)| {
            sum = SMOOTHING * sum + (1.0 - SMOOTHING) * value;
            weight = SMOOTHING * weight + (1.0 - SMOOTHING);
            (step, sum / weight)
        })
        .collect()
}

fn values(series: &[Series]) -> impl Iterator<Item = f64> {
    series
        .iter()
        .flat_map(|series| series.points.iter().map(|point| point.1))
}

/// From zero, or below where a loss is negative (Wasserstein), to just above the highest value.
fn linear_range(series: &[Series]) -> Range<f64> {
    let low = values(series).fold(0.0, f64::min);
    let high = values(series).fold(0.0, f64::max);
    let margin = (high - low).max(1e-6) * 0.06;
    (if low < 0.0 { low - margin } else { 0.0 })..high + margin
}

/// A range just around the values.
fn close_range(series: &[Series]) -> Range<f64> {
    let low = values(series).fold(f64::INFINITY, f64::min);
    let high = values(series).fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return 0.0..1.0;
    }
    let margin = (high - low).max(1e-3) * 0.1;
    low - margin..high + margin
}

/// A range around the positive values. On a log scale, a held-out L1 just below that of copying the
/// input stays visible.
fn log_range(series: &[Series]) -> Range<f64> {
    let positive = || values(series).filter(|&value| value > 1e-6);
    let low = positive().fold(f64::INFINITY, f64::min);
    let high = positive().fold(0.0, f64::max);
    if low <= high {
        low * 0.85..high * 1.15
    } else {
        0.1..1.0
    }
}

/// 1, 2, 5, 10, ... within the range. If these are too few, there are steps between them.
fn log_ticks(range: &Range<f64>) -> Vec<f64> {
    let decades = range.start.log10().floor() as i32..=range.end.log10().floor() as i32;
    let ticks = |digits: &[f64]| -> Vec<f64> {
        decades
            .clone()
            .flat_map(|decade| digits.iter().map(move |digit| digit * 10f64.powi(decade)))
            .filter(|tick| range.contains(tick))
            .collect()
    };
    let coarse = ticks(&[1.0, 2.0, 5.0]);
    if coarse.len() >= 4 {
        return coarse;
    }
    ticks(&[1.0, 1.2, 1.4, 1.6, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0])
}
