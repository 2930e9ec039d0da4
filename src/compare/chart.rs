//! Where the seeds of each cell lie: a small chart for each measure, drawn as SVG into the page.

use super::measures::Measure;
use super::report::{Group, Report, Row};
use super::spread::Spread;
use super::table::head;
use crate::interop::html::escape;
use crate::metrics::{Better, Metric};

/// Units of the drawing: where values begin, its width, and the height of a row.
const LEFT: f64 = 150.0;
const WIDTH: f64 = 380.0;
const LINE: f64 = 22.0;
/// The height of a line of small letters.
const NOTE: f64 = 12.0;
/// The most digits behind the point at an axis.
const MOST_DIGITS: usize = 6;
/// Letters of a label that have room.
const LABEL: usize = 24;

/// A chart for each measure with more than one row to compare. Nothing for a single row.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    for (number, group) in report.groups.iter().enumerate() {
        if group.rows.len() < 2 {
            continue;
        }
        for (place, &measure) in report.measures.iter().enumerate() {
            // That of training is the same for all sizes.
            if measure == Measure::Time && number > 0 {
                continue;
            }
            text += &chart(group, place, measure).unwrap_or_default();
        }
    }
    match text.is_empty() {
        true => text,
        false => format!(
            "<h2>Where the seeds lie</h2>\n<p>A dot is a run, and a bar the mean of a cell. A \
             dashed line is what copying the input or the mean target scores, or where 1 is best, \
             if that is near; its name stands below.</p>\n\
             <div class=\"charts\">\n{text}</div>\n"
        ),
    }
}

/// Where values lie in a chart.
struct Scale {
    low: f64,
    high: f64,
    /// Where the rows end.
    bottom: f64,
}

impl Scale {
    /// For these values, within those that the measure can have. `None` if there are none.
    fn of(measure: Measure, rows: &[(&str, Vec<f64>)]) -> Option<Self> {
        let mut all: Vec<f64> = rows
            .iter()
            .flat_map(|(_, values)| values)
            .copied()
            .collect();
        all.sort_by(f64::total_cmp);
        let (low, high) = (*all.first()?, *all.last()?);
        let margin = ((high - low) * 0.08).max(high.abs() * 1e-3).max(1e-9);
        let least = if low < 0.0 { f64::NEG_INFINITY } else { 0.0 };
        let most = match measure {
            Measure::Colour(_)
            | Measure::Metric(Metric::Ssim | Metric::SsimGaussian | Metric::MsSsim) => 1.0,
            _ => f64::INFINITY,
        };
        Some(Self {
            low: (low - margin).max(least),
            // Rounding may bring a value past the end.
            high: (high + margin).min(most.max(high)),
            bottom: rows.len() as f64 * LINE + 4.0,
        })
    }

    fn has(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + (value - self.low) / (self.high - self.low).max(1e-12) * (WIDTH - LEFT - 10.0)
    }
}

/// One chart. `None` where nothing is finite.
fn chart(group: &Group, place: usize, measure: Measure) -> Option<String> {
    let is_time = measure == Measure::Time;
    let of_row = |row: &'_ Row| -> Vec<f64> {
        let values = row.runs.iter().filter_map(|run| run.state.get(measure));
        values.filter(|value| value.is_finite()).collect()
    };
    let rows = group.rows.iter().map(|row| {
        let name = if is_time { &row.cell } else { &row.label };
        (name.as_str(), of_row(row))
    });
    let rows: Vec<(&str, Vec<f64>)> = rows.collect();
    let scale = Scale::of(measure, &rows)?;
    let (mut body, lines) = references(group, place, measure, &scale);
    for (index, (label, values)) in rows.iter().enumerate() {
        body += &row_marks(&scale, index, label, values);
    }
    // Enough of them that the ends of the axis differ.
    let shown = |digits: usize| [scale.low, scale.high].map(|value| format!("{value:.digits$}"));
    let differ = |&digits: &usize| shown(digits)[0] != shown(digits)[1];
    let digits = (measure.digits()..MOST_DIGITS)
        .find(differ)
        .unwrap_or(MOST_DIGITS);
    for (at, value, anchor) in [(LEFT, scale.low, "start"), (WIDTH, scale.high, "end")] {
        body += &format!(
            "<text class=\"note\" x=\"{at}\" y=\"{:.0}\" text-anchor=\"{anchor}\">{value:.digits$}\
             </text>",
            scale.bottom + 13.0
        );
    }
    let title = match group.title.as_str() {
        "" => head(measure),
        _ if is_time => head(measure),
        of => format!("{}, {of}", head(measure)),
    };
    Some(format!(
        "<figure><figcaption>{title}</figcaption><svg viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" \
         aria-label=\"{title} of each run; the table has the numbers\">{body}</svg></figure>\n",
        scale.bottom + 18.0 + lines as f64 * NOTE
    ))
}

/// Lines at what needs no training, and at 1 where that is best, with their names below the axis.
/// Returns how many as well.
fn references(group: &Group, place: usize, measure: Measure, scale: &Scale) -> (String, usize) {
    let values = group.references.iter();
    let found = values.filter_map(|(title, values)| Some((*title, values[place]?)));
    let one = (measure.better() == Some(Better::NearOne)).then_some(("1", 1.0));
    let near = found.chain(one).filter(|(_, value)| scale.has(*value));
    let line = |(number, (title, value)): (usize, (&str, f64))| {
        let x = scale.x(value);
        // Each name has a line of its own, so that none covers another.
        let below = scale.bottom + 13.0 + (number + 1) as f64 * NOTE;
        let anchor = if x > WIDTH / 2.0 { "end" } else { "start" };
        format!(
            "<line class=\"reference\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"2\" y2=\"{below:.0}\">\
             <title>{title}</title></line><text class=\"note\" x=\"{:.1}\" y=\"{below:.0}\" \
             text-anchor=\"{anchor}\">{title}</text>",
            if anchor == "end" { x - 4.0 } else { x + 4.0 }
        )
    };
    let lines: Vec<String> = near.enumerate().map(line).collect();
    (lines.concat(), lines.len())
}

/// The name, the dots and the mean of a row.
fn row_marks(scale: &Scale, index: usize, label: &str, values: &[f64]) -> String {
    let y = (index as f64 + 0.5) * LINE + 2.0;
    let mut marks = format!(
        "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
         <line class=\"axis\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
        LEFT - 8.0,
        y + 4.0,
        escape(&short(label))
    );
    for value in values {
        let x = scale.x(*value);
        marks += &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>");
    }
    if let Some(mean) = Spread::of(values) {
        let x = scale.x(mean.mean);
        marks += &format!(
            "<line class=\"mean\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
            y - 8.0,
            y + 8.0
        );
    }
    marks
}

/// A label that fits beside a chart.
fn short(label: &str) -> String {
    match label.chars().count() > LABEL {
        true => label.chars().take(LABEL - 1).chain(['…']).collect(),
        false => label.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_where_values_end() {
        let ends = |measure, values: &[f64]| {
            let scale = Scale::of(measure, &[("a", values.to_vec())]).unwrap();
            [scale.low, scale.high]
        };
        let sharpness = Measure::Metric(Metric::Sharpness);
        let [low, high] = ends(sharpness, &[0.1, 70.0]);
        assert!(low == 0.0 && high > 75.0, "{low} {high}");
        let [low, high] = ends(Measure::Metric(Metric::Ssim), &[-0.1, 0.99]);
        assert!(low < -0.1 && high == 1.0, "{low} {high}");
        let [low, high] = ends(Measure::Colour(0), &[0.0, 0.0]);
        assert!(low == 0.0 && high > 0.0, "{low} {high}");
    }
}
