//! The commands that the pages show are those of the program: each subcommand, each option and each
//! choice of an option is there. What the pages link to is there as well.

use crate::options::default_of;
use clap::{Arg, Command};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

const PAGES: [(&str, &str); 11] = [
    ("README.md", include_str!("../../README.md")),
    ("CONTRIBUTING.md", include_str!("../../CONTRIBUTING.md")),
    ("docs/data.md", include_str!("../../docs/data.md")),
    ("docs/runs.md", include_str!("../../docs/runs.md")),
    (
        "docs/translating.md",
        include_str!("../../docs/translating.md"),
    ),
    ("docs/files.md", include_str!("../../docs/files.md")),
    ("docs/measuring.md", include_str!("../../docs/measuring.md")),
    (
        "docs/evaluating.md",
        include_str!("../../docs/evaluating.md"),
    ),
    ("docs/comparing.md", include_str!("../../docs/comparing.md")),
    (
        "docs/experiments.md",
        include_str!("../../docs/experiments.md"),
    ),
    ("docs/kernels.md", include_str!("../../docs/kernels.md")),
];

fn program() -> Command {
    let mut program = pix2pix::cli::command();
    program.build();
    program
}

/// The lines of a page in fenced blocks, or those outside of them.
fn lines(page: &str, fenced: bool) -> impl Iterator<Item = &str> {
    let mut inside = false;
    page.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        inside ^= is_fence;
        !is_fence && inside == fenced
    })
}

/// What stands between backticks. A span may go on in the next line.
fn spans(page: &str) -> Vec<String> {
    let text = lines(page, false).collect::<Vec<_>>().join(" ");
    let parts = text.split('`').skip(1).step_by(2);
    parts.map(|span| span.replace("\\|", "|")).collect()
}

fn has_option(command: &Command, option: &str) -> bool {
    let mut arguments = command.get_arguments();
    arguments.any(|argument| argument.get_long().is_some_and(|long| option == long))
        || command
            .get_subcommands()
            .any(|below| has_option(below, option))
}

/// The options among `words`, without the signs around them.
fn options<'w>(words: &[&'w str]) -> impl Iterator<Item = &'w str> {
    let named = words.iter().filter_map(|word| word.strip_prefix("--"));
    named.map(|name| name.trim_end_matches(|end: char| !end.is_ascii_alphanumeric()))
}

#[test]
fn lines_that_can_be_typed_are_understood() {
    let mut count = 0;
    for (name, page) in PAGES {
        let typed = lines(page, true).filter(|line| line.starts_with("pix2pix "));
        for line in typed {
            count += 1;
            let command = line.split(" #").next().unwrap();
            let understood = program().try_get_matches_from(command.split_whitespace());
            assert!(understood.is_ok(), "{name}: {line}: {understood:?}");
        }
    }
    assert!(count > 12, "only {count} lines were found");
}

#[test]
fn commands_and_options_in_the_text_are_there() {
    let program = program();
    let mut count = 0;
    for (name, page) in PAGES {
        for span in spans(page) {
            let words: Vec<&str> = span.split_whitespace().collect();
            let start = usize::from(words.first() == Some(&"pix2pix"));
            let mut command = &program;
            for word in &words[start..] {
                let Some(below) = command.find_subcommand(word) else {
                    break;
                };
                command = below;
            }
            let names_one = start == 0 || words.len() == 1 || !std::ptr::eq(command, &program);
            assert!(names_one, "{name}: there is no command `{span}`");
            // What another program takes is its own affair.
            if start == 0 && !span.starts_with("--") && std::ptr::eq(command, &program) {
                continue;
            }
            for option in options(&words) {
                assert!(has_option(command, option), "{name}: --{option}: `{span}`");
                count += 1;
            }
        }
    }
    assert!(count > 50, "only {count} options were found");
}

/// The arguments of the program that have this long name, one for each command that has it.
fn arguments<'c>(command: &'c Command, option: &str) -> Vec<&'c Arg> {
    let own = command.get_arguments();
    let own = own.filter(|argument| argument.get_long().is_some_and(|long| option == long));
    let below = command.get_subcommands();
    own.chain(below.flat_map(|below| arguments(below, option)))
        .collect()
}

/// The names that an argument takes; none where it takes any text or number.
fn choices(argument: &Arg) -> BTreeSet<String> {
    let values = argument.get_possible_values();
    let is_switch = !argument.get_action().takes_values();
    let names = values.iter().map(|value| value.get_name().to_owned());
    names.filter(|_| !is_switch).collect()
}

/// A word behind an option is one of its choices. Words in capitals stand for a value.
#[test]
fn values_in_the_text_are_choices() {
    let program = program();
    let mut count = 0;
    for (name, page) in PAGES {
        for span in spans(page) {
            let words: Vec<&str> = span.split_whitespace().collect();
            for pair in words.windows(2) {
                let [option, value] = pair else { continue };
                let Some(option) = option.strip_prefix("--") else {
                    continue;
                };
                let sets: Vec<_> = arguments(&program, option)
                    .into_iter()
                    .map(choices)
                    .collect();
                let is_placeholder = value.chars().all(|sign| sign.is_ascii_uppercase());
                let takes_any = sets.iter().any(BTreeSet::is_empty);
                if value.starts_with("--") || sets.is_empty() || takes_any {
                    continue;
                }
                count += 1;
                let is_choice = sets.iter().any(|set| set.contains(*value));
                assert!(is_choice || is_placeholder, "{name}: `{span}`: {sets:?}");
            }
        }
    }
    assert!(count > 15, "only {count} values were found");
}

/// The cells of a row of a table.
fn cells(row: &str) -> Option<Vec<&str>> {
    let inside = row.strip_prefix('|')?.strip_suffix('|')?;
    Some(inside.split('|').map(str::trim).collect())
}

/// A table under the names of options has a row for each of their choices and no other, and names
/// their default.
#[test]
fn tables_of_choices_are_those_of_the_options() {
    let program = program();
    let mut count = 0;
    for (name, page) in PAGES {
        let rows: Vec<&str> = page.lines().collect();
        for (at, rule) in rows.iter().enumerate() {
            let header = at.checked_sub(1).and_then(|above| cells(rows[above]));
            let is_rule = rule.starts_with("|---");
            let Some(header) = header.filter(|_| is_rule) else {
                continue;
            };
            let named = spans(header[0]);
            let named: Vec<&str> = named
                .iter()
                .filter_map(|span| span.strip_prefix("--"))
                .collect();
            let table: Vec<Vec<&str>> = rows[at + 1..].iter().map_while(|row| cells(row)).collect();
            let of = |row: &Vec<&str>| spans(row[0]);
            let listed: BTreeSet<String> = table.iter().flat_map(of).collect();
            let default = table.iter().find(|row| row[1].contains("the default"));
            for option in named {
                count += 1;
                for argument in arguments(&program, option) {
                    assert_eq!(listed, choices(argument), "{name}: the table of --{option}");
                    let default = default.map(of).unwrap_or_default();
                    let expected = Some(default_of(argument)).filter(|own| !own.is_empty());
                    assert_eq!(default, Vec::from_iter(expected), "{name}: --{option}");
                }
            }
        }
    }
    assert!(count > 2, "only {count} options with a table were found");
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter_map(|sign| match sign {
        ' ' => Some('-'),
        '-' | '_' => Some(sign),
        _ if sign.is_alphanumeric() => Some(sign.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

/// Where the links of a page lead, but for those to other sites.
fn links(page: &str) -> Vec<&str> {
    let rest = page.split("](").skip(1);
    let targets = rest.filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).collect()
}

/// The path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// All pages: those at the top and those below `docs/`.
fn all_pages(root: &Path) -> Vec<PathBuf> {
    let folders = ["", "docs", "docs/benchmarks", "docs/decisions"];
    let entries = folders.map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let paths = entries
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .collect()
}

#[test]
fn what_pages_link_to_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for path in all_pages(root) {
        let page = fs::read_to_string(&path).unwrap();
        for link in links(&page) {
            count += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                file => plain(&path.with_file_name(file)),
            };
            assert!(target.exists(), "{}: {link}", path.display());
            if heading.is_empty() {
                continue;
            }
            let there = fs::read_to_string(&target).unwrap();
            let mut headings = there.lines().filter(|line| line.starts_with('#'));
            let is_there =
                headings.any(|line| anchor(line.trim_start_matches('#').trim()) == heading);
            assert!(is_there, "{}: {link}", path.display());
        }
    }
    assert!(count > 50, "only {count} links were found");
}
