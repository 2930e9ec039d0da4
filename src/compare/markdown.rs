//! A comparison as Markdown.

use super::report::Report;
use super::sheet::FILE;
use super::spread::RULE;
use super::table::{cell, head, runs_words, value};
use super::tiles::Tiles;

/// The whole page.
pub fn render(report: &Report, tiles: &Tiles) -> String {
    let mut text = format!("# Comparison of {}: {}\n", report.varied, report.name);
    if let Some(progress) = report.progress() {
        text += &format!("\n**{progress}.**\n");
    }
    text += &format!("\n```sh\n{}\n```\n\n", report.command);
    for (name, fact) in &report.facts {
        text += &format!("- **{name}**: {}\n", plain(fact));
    }
    text += &tables(report);
    text += &format!("\n{}\n", words(report));
    let remarks = report
        .remarks
        .iter()
        .map(|remark| format!("- {}\n", plain(remark)));
    let failed = report.failures().into_iter().map(|(label, seed, reason)| {
        format!(
            "- **{}, seed {seed} failed**: {}\n",
            plain(label),
            plain(reason)
        )
    });
    let lines: String = remarks.chain(failed).collect();
    if !lines.is_empty() {
        text += &format!("\n{lines}");
    }
    text += &pictures(report, tiles);
    text += "\n## What the columns are\n\n";
    for measure in &report.measures {
        text += &format!("- **{}**: {}\n", measure.title(), measure.meaning());
    }
    text
}

fn tables(report: &Report) -> String {
    let mut text = String::new();
    for group in &report.groups {
        if !group.title.is_empty() {
            text += &format!("\n## {}\n", group.title);
        }
        text.push('\n');
        let heads = report.measures.iter().map(|&measure| head(measure));
        text += &line("", heads);
        text += &format!("|---|{}\n", "---:|".repeat(report.measures.len()));
        for (index, row) in group.rows.iter().enumerate() {
            let cells = report.measures.iter().enumerate().map(|(at, &measure)| {
                let text = cell(measure, row.spreads[at]);
                if row.best[at] {
                    format!("**{text}**")
                } else {
                    text
                }
            });
            let label = format!("{}{}", plain(&row.label), runs_words(group, index));
            text += &line(&label, cells);
        }
        for (title, values) in &group.references {
            let cells = report.measures.iter().zip(values);
            let cells = cells.map(|(&measure, &found)| value(measure, found));
            text += &line(&format!("*{title}*"), cells);
        }
    }
    text
}

fn line(first: &str, cells: impl Iterator<Item = String>) -> String {
    format!("| {first} | {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

/// What numbers mean, below the table.
pub fn words(report: &Report) -> String {
    let seeds = report
        .groups
        .iter()
        .flat_map(|group| &group.rows)
        .map(|row| row.runs.len())
        .max();
    let means = match seeds {
        Some(0..=1) | None => "Values are of one seed, so nothing says how much they vary.",
        _ => "Values are means over the seeds, ± the sample standard deviation.",
    };
    format!(
        "{means} {RULE} ↓ low is good, ↑ high is good, → 1: the nearer to 1 the better. The last \
         rows need no training: they say what a number is worth."
    )
}

fn pictures(report: &Report, tiles: &Tiles) -> String {
    if tiles.rows.is_empty() {
        return String::new();
    }
    let rows: Vec<String> = tiles
        .rows
        .iter()
        .map(|row| format!("no. {} ({})", row.index, plain(&row.name)))
        .collect();
    format!(
        "\n## Held-out pairs\n\n![{}: {}]({FILE})\n\nFrom the left: {}. From the top: pairs \
         {}, spread evenly over the split by their numbers, not picked. Each column is the first \
         seed that is done.\n",
        plain(&report.name),
        plain(&tiles.heads.join(", ")),
        plain(&tiles.heads.join(" | ")),
        rows.join(", ")
    )
}

/// Text that Markdown takes as it is.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '<' => {
                plain.push('\\');
                plain.push(character);
            }
            '\n' => plain.push(' '),
            character => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_no_markup() {
        assert_eq!(plain("a_b|c <d>\n*"), "a\\_b\\|c \\<d> \\*");
    }
}
