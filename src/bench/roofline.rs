//! The roofline as SVG: what each kernel reaches, under the limits of the device's memory and
//! arithmetic.

use super::report::{Ceiling, ReportEntry};
use super::{BenchError, Report};
use crate::train::run::write_atomic;
use plotters::prelude::*;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

const SIZE: (u32, u32) = (900, 560);
const TEXT: RGBColor = RGBColor(51, 56, 66);
const MUTED: RGBColor = RGBColor(120, 126, 138);
const GRID: RGBColor = RGBColor(232, 234, 238);
/// Okabe and Ito's palette, which colour-blind readers can tell apart too.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
];
/// Operations that are no contraction are drawn at one floating-point operation for each float that
/// they move.
const STREAMING: f64 = 0.25;

/// A kernel that reaches less than this part of the ceiling handles only a few numbers. It would
/// stretch the chart, so it is left out.
const LEAST: f64 = 1e-4;

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<LogCoord<f64>, LogCoord<f64>>>;
type DrawError = DrawingAreaErrorKind<io::Error>;

/// A kernel: floating-point operations for each byte, and billions of operations a second.
type Point = (f64, f64);

/// Draws the entries of `report` below its ceilings. Without a ceiling, or without a timed kernel,
/// no file is written.
///
/// # Errors
/// [`BenchError::Chart`] and [`BenchError::Write`].
pub fn draw_roofline(report: &Report, path: &Path) -> Result<bool, BenchError> {
    let mut groups: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
    for entry in report.operations() {
        if let Some(point) = point(entry) {
            groups
                .entry(if entry.flop > 0.0 {
                    &entry.group
                } else {
                    "everything else"
                })
                .or_default()
                .push(point);
        }
    }
    if groups.is_empty() || report.ceilings.is_empty() {
        return Ok(false);
    }
    let mut svg = String::new();
    let title = format!("{} ({})", report.device.name, report.device.driver);
    draw(&mut svg, &title, &report.ceilings, &groups).map_err(|error| BenchError::Chart {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    write_atomic(path, |writer| writer.write_all(svg.as_bytes()))?;
    Ok(true)
}

fn point(entry: &ReportEntry) -> Option<Point> {
    let point = match entry.flop > 0.0 {
        true => (entry.flop / entry.bytes, entry.flop_per_second() * 1e-9),
        false => (STREAMING, entry.bytes_per_second() * STREAMING * 1e-9),
    };
    (point.0.is_finite() && point.0 > 0.0 && point.1 > 0.0).then_some(point)
}

/// Both axes: whole decades around the kernels that are shown and around the corners of the roofs.
fn axes(roofs: &[[f64; 2]], top: f64, groups: &BTreeMap<&str, Vec<Point>>) -> [Range<f64>; 2] {
    let points = || groups.values().flatten();
    let ridges = roofs.iter().map(|[top, slope]| top / slope);
    let x = points()
        .map(|point| point.0)
        .chain([STREAMING])
        .chain(ridges);
    let y = points()
        .map(|point| point.1)
        .filter(|&rate| rate >= top * LEAST)
        .chain([top]);
    [decades(x), decades(y)]
}

fn draw(
    svg: &mut String,
    title: &str,
    ceilings: &[Ceiling],
    groups: &BTreeMap<&str, Vec<Point>>,
) -> Result<(), DrawError> {
    let roofs: Vec<[f64; 2]> = ceilings
        .iter()
        .map(|one| [one.flop_per_second * 1e-9, one.bytes_per_second * 1e-9])
        .collect();
    let top = roofs.iter().map(|roof| roof[0]).fold(0.0, f64::max);
    let [x, y] = axes(&roofs, top, groups);
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw_text(
        title,
        &("sans-serif", 17, FontStyle::Bold, &TEXT).into_text_style(&root),
        (24, 14),
    )?;
    legend(&root, groups)?;
    let mut chart = ChartBuilder::on(&root)
        .margin_top(64)
        .margin_left(14)
        .margin_right(26)
        .margin_bottom(4)
        .y_label_area_size(58)
        .x_label_area_size(42)
        .build_cartesian_2d(x.clone().log_scale(), y.log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(MUTED)
        .label_style(("sans-serif", 13, &TEXT))
        .axis_desc_style(("sans-serif", 13, &TEXT))
        .x_label_formatter(&|value| format!("{value}"))
        .y_label_formatter(&|value| format!("{value}"))
        .x_desc("FLOP a byte, every operand moved once; everything else: drawn at one FLOP a float")
        .y_desc("GFLOP/s")
        .draw()?;
    for (line, (ceiling, rates)) in ceilings.iter().zip(roofs).enumerate() {
        roof(&mut chart, x.clone(), rates, &ceiling.dtype, line as i32)?;
    }
    for (points, colour) in groups.values().zip(COLOURS.iter().cycle()) {
        let shown = points.iter().filter(|point| point.1 >= top * LEAST);
        chart.draw_series(shown.map(|&point| Circle::new(point, 3, colour.filled())))?;
    }
    root.present()?;
    Ok(())
}

/// The roof: left of the ridge memory is the limit, right of it arithmetic. The labels of later
/// lines stand above those of earlier ones.
fn roof(
    chart: &mut Chart,
    x: Range<f64>,
    [top, slope]: [f64; 2],
    dtype: &str,
    line: i32,
) -> Result<(), DrawError> {
    let ridge = top / slope;
    let corners = [(x.start, x.start * slope), (ridge, top), (x.end, top)];
    chart.draw_series(LineSeries::new(corners, TEXT.stroke_width(2)))?;
    let style = ("sans-serif", 13, &TEXT).into_text_style(chart.plotting_area());
    let labels = [
        (
            format!("best contraction, {dtype}: {top:.1} GFLOP/s"),
            (ridge, top),
        ),
        (
            format!("best copy, {dtype}: {slope:.1} GB/s"),
            (x.start, x.start * slope),
        ),
    ];
    chart.draw_series(labels.map(|(label, at)| {
        let offset = if at.0 == ridge {
            (8, -18 - 16 * line)
        } else {
            (8, -28 - 16 * line)
        };
        EmptyElement::at(at) + Text::new(label, offset, style.clone())
    }))?;
    Ok(())
}

fn legend(
    root: &DrawingArea<SVGBackend, plotters::coord::Shift>,
    groups: &BTreeMap<&str, Vec<Point>>,
) -> Result<(), DrawError> {
    let style = ("sans-serif", 14, &TEXT).into_text_style(root);
    let mut x = 28;
    for (name, colour) in groups.keys().zip(COLOURS.iter().cycle()) {
        root.draw(&Circle::new((x, 48), 4, colour.filled()))?;
        root.draw_text(name, &style, (x + 10, 40))?;
        // About the width of the letters.
        x += 34 + 8 * name.chars().count() as i32;
    }
    Ok(())
}

/// The powers of ten around `values`.
fn decades(values: impl Iterator<Item = f64> + Clone) -> Range<f64> {
    let (low, high) = (
        values.clone().fold(f64::INFINITY, f64::min),
        values.fold(0.0, f64::max),
    );
    10_f64.powf(low.log10().floor())..10_f64.powf((high * 1.05).log10().ceil())
}
