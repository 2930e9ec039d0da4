//! A comparison as one page. It holds its pictures, opens from the disk and asks for nothing from
//! elsewhere. Without scripts all of it can be read.

use super::chart;
use super::error::CompareError;
use super::markdown::words;
use super::measures::Measure;
use super::report::{Group, Report, RowRun, RunState};
use super::spread::Spread;
use super::table::{NONE, head, runs_words, value};
use super::tiles::Tiles;
use crate::interop::html::{STYLE, base64, escape, link};
use crate::metrics::Better;
use crate::train::run::RunError;
use std::fs;
use std::path::Path;

const TEMPLATE: &str = include_str!("page.html");
/// Pictures of fewer pixels a side are drawn with sharp edges.
const SMALL: u32 = 160;

/// The page.
///
/// # Errors
/// Those of reading pictures.
pub fn render(report: &Report, tiles: &Tiles) -> Result<String, CompareError> {
    let mut body = format!(
        "<p>pix2pix comparison of {}</p>\n<h1>{}</h1>\n",
        escape(&report.varied),
        escape(&report.name)
    );
    if let Some(progress) = report.progress() {
        body += &format!("<p class=\"progress\">{progress}</p>\n");
    }
    body += &format!(
        "<pre>{}</pre>\n<table class=\"facts\">\n",
        words_of(&report.command)
    );
    for (name, fact) in &report.facts {
        let [name, fact] = [name, fact].map(|text| escape(text));
        body += &format!("<tr><th scope=\"row\">{name}</th><td>{fact}</td></tr>\n");
    }
    body += "</table>\n<h2>Scores on held-out pairs</h2>\n";
    report
        .groups
        .iter()
        .for_each(|group| body += &scores(report, group));
    body += &format!("<p>{}</p>\n{}", escape(&words(report)), remarks(report));
    body += &chart::render(report);
    body += &pairs(tiles)?;
    body += &runs(report);
    body += "<h2>What the columns are</h2>\n<ul>\n";
    for measure in &report.measures {
        let title = measure.title();
        body += &format!("<li><b>{title}</b>: {}</li>\n", escape(measure.meaning()));
    }
    body += "</ul>";
    // In this order each place is the first that is found, whatever the texts hold.
    let page = TEMPLATE
        .replacen("/* STYLE */", STYLE, 1)
        .replacen("BODY", &body, 1);
    Ok(page.replacen("TITLE", &escape(&report.name), 1))
}

/// A command whose lines break between words, and not at the dashes of an option.
fn words_of(command: &str) -> String {
    let words = command.split(' ');
    let words = words.map(|word| format!("<span>{}</span>", escape(word)));
    words.collect::<Vec<_>>().join(" ")
}

fn scores(report: &Report, group: &Group) -> String {
    let mut text = match group.title.as_str() {
        "" => String::new(),
        title => format!("<h3>{title}</h3>\n"),
    };
    text += "<div class=\"scroll\"><table class=\"scores\">\n<thead><tr><td></td>";
    for &measure in &report.measures {
        text += &format!(
            "<th scope=\"col\"><button{} title=\"Sort. {}\">{}</button></th>",
            // Sorted by the distance from 1.
            match measure.better() {
                Some(Better::NearOne) => " data-near",
                _ => "",
            },
            escape(measure.meaning()),
            head(measure)
        );
    }
    text += "</tr></thead>\n<tbody>\n";
    for (index, row) in group.rows.iter().enumerate() {
        text += &format!(
            "<tr><th scope=\"row\">{}<small>{}</small></th>",
            escape(&row.label),
            runs_words(group, index)
        );
        for (at, &measure) in report.measures.iter().enumerate() {
            text += &cell(measure, row.spreads[at], row.best[at]);
        }
        text += "</tr>\n";
    }
    text += "</tbody>\n<tfoot>\n";
    for (title, values) in &group.references {
        text += &format!("<tr class=\"reference\"><th scope=\"row\">{title}</th>");
        for (&measure, &found) in report.measures.iter().zip(values) {
            text += &format!("<td>{}</td>", value(measure, found));
        }
        text += "</tr>\n";
    }
    text + "</tfoot>\n</table></div>\n"
}

fn cell(measure: Measure, spread: Option<Spread>, best: bool) -> String {
    let class = if best { " class=\"best\"" } else { "" };
    let Some(Spread {
        mean, deviation, ..
    }) = spread
    else {
        return format!("<td data-value=\"\">{NONE}</td>");
    };
    let digits = measure.digits();
    let deviation = deviation.filter(|deviation| deviation.is_finite());
    let deviation = deviation.map_or_else(String::new, |deviation| {
        format!(" <span class=\"spread\">± {deviation:.digits$}</span>")
    });
    let shown = value(measure, Some(mean));
    let number = if mean.is_finite() {
        mean.to_string()
    } else {
        "1e999".to_owned()
    };
    format!("<td{class} data-value=\"{number}\">{shown}{deviation}</td>")
}

fn remarks(report: &Report) -> String {
    let remarks = report
        .remarks
        .iter()
        .map(|remark| format!("<li>{}</li>\n", escape(remark)));
    let failed = report.failures().into_iter().map(|(label, seed, reason)| {
        format!(
            "<li><b>{}, seed {seed} failed</b>: {}</li>\n",
            escape(label),
            escape(reason)
        )
    });
    let lines: String = remarks.chain(failed).collect();
    match lines.is_empty() {
        true => lines,
        false => format!("<ul>\n{lines}</ul>\n"),
    }
}

fn pairs(tiles: &Tiles) -> Result<String, CompareError> {
    let Some(first) = tiles
        .rows
        .first()
        .and_then(|row| row.files.first()?.as_deref())
    else {
        return Ok(String::new());
    };
    let small = image::image_dimensions(first).is_ok_and(|(width, _)| width < SMALL);
    let class = if small { "pairs small" } else { "pairs" };
    let mut text = format!(
        "<h2>Held-out pairs</h2>\n<p>Pairs are spread evenly over the split by their numbers, not \
         picked. Each column is the first seed that is done. A click or Enter enlarges a picture; \
         arrow keys then go from cell to cell.</p>\n<div class=\"scroll\"><table \
         class=\"{class}\">\n<thead><tr><td></td>"
    );
    for head in &tiles.heads {
        text += &format!("<th scope=\"col\">{}</th>", escape(head));
    }
    text += "</tr></thead>\n<tbody>\n";
    for row in &tiles.rows {
        let name = escape(&row.name);
        text += &format!("<tr><th scope=\"row\">no. {}<br>{name}</th>", row.index);
        let columns = tiles.heads.iter().zip(&tiles.missing);
        for ((head, missing), file) in columns.zip(&row.files) {
            let Some(file) = file else {
                text += &format!("<td>{missing}</td>");
                continue;
            };
            text += &format!(
                "<td><button><img src=\"data:image/png;base64,{}\" alt=\"{}, {name}\"></button></td>",
                base64(&read(file)?),
                escape(head)
            );
        }
        text += "</tr>\n";
    }
    Ok(text + "</tbody>\n</table></div>\n")
}

fn read(path: &Path) -> Result<Vec<u8>, CompareError> {
    fs::read(path).map_err(|error| RunError::read(path, error).into())
}

/// All runs, with links to their pages. These work where the page lies beside the runs.
fn runs(report: &Report) -> String {
    let mut text = "<h2>Runs</h2>\n<div class=\"scroll\"><table>\n<thead><tr><td></td>".to_owned();
    let rows = report.groups.first().map_or(&[][..], |group| &group.rows);
    let seeds = rows.first().map_or(&[][..], |row| &row.runs);
    for run in seeds {
        text += &format!("<th scope=\"col\">seed {}</th>", run.seed);
    }
    text += "</tr></thead>\n<tbody>\n";
    for (number, row) in rows.iter().enumerate() {
        text += &format!("<tr><th scope=\"row\">{}</th>", escape(&row.cell));
        for index in 0..row.runs.len() {
            text += &format!("<td>{}</td>", links(&report.groups, number, index));
        }
        text += "</tr>\n";
    }
    text + "</tbody>\n</table></div>\n"
}

/// The links of one run: its page, and its scores in each of the groups.
fn links(groups: &[Group], row: usize, index: usize) -> String {
    let anchor = |path: &Path, name: &str| {
        format!("<a href=\"{}\">{name}</a>", link(&path.join("index.html")))
    };
    let in_groups: Vec<(&str, &RowRun)> = groups
        .iter()
        .filter_map(|group| Some((group.title.as_str(), group.rows.get(row)?.runs.get(index)?)))
        .collect();
    let has_begun = |run: &RowRun| !matches!(run.state, RunState::Waiting);
    let Some((_, begun)) = in_groups.iter().find(|(_, run)| has_begun(run)) else {
        return NONE.to_owned();
    };
    let mut links = vec![anchor(Path::new(&begun.folder), "run")];
    for (title, run) in &in_groups {
        let at = match title.is_empty() {
            true => String::new(),
            false => format!(" at {title}"),
        };
        links.push(match &run.state {
            RunState::Waiting => continue,
            RunState::Failed(_) => format!("failed{at}"),
            RunState::Done { .. } => anchor(&run.evaluation, &format!("scores{at}")),
        });
    }
    links.join(", ")
}
