//! `docs/options.md` is written from clap's own definitions, so it cannot drift: this test compares
//! the two. `PIX2PIX_UPDATE_OPTIONS=1 cargo test --features studio --test cli options` writes the
//! page again.

use clap::{Arg, ArgAction, Command};
use std::fmt::Write;
use std::path::Path;

const INTRODUCTION: &str = "# Options

Every command with its arguments and options, as `pix2pix COMMAND --help` prints them. This page is
made from the program's own definitions, and a test compares the two. To write it again:
`PIX2PIX_UPDATE_OPTIONS=1 cargo test --features studio --test cli options`.
";

#[test]
fn the_page_of_options_is_that_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/options.md");
    let expected = page();
    if std::env::var_os("PIX2PIX_UPDATE_OPTIONS").is_some() {
        let is_whole = cfg!(feature = "studio");
        assert!(is_whole, "add --features studio: the page has all commands");
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    // A program without the studio says nothing of it.
    let found = match cfg!(feature = "studio") {
        true => found,
        false => without_studio(&found),
    };
    let line = expected
        .lines()
        .zip(found.lines())
        .find(|(expected, found)| expected != found);
    assert!(
        found == expected,
        "docs/options.md is old: write it again with PIX2PIX_UPDATE_OPTIONS=1; the first lines \
         that differ: {line:?}"
    );
}

/// The page without the section of the studio.
fn without_studio(page: &str) -> String {
    let (before, rest) = page.split_once("\n## `pix2pix studio`\n").unwrap();
    let after = rest.split_once("\n## ").unwrap().1;
    format!("{before}\n## {after}")
}

fn page() -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut program = pix2pix::cli::command();
    program.build();
    for command in program.get_subcommands() {
        add(&mut text, "pix2pix", command);
    }
    text
}

/// Adds a command, or those below it.
fn add(text: &mut String, above: &str, command: &Command) {
    if command.get_name() == "help" {
        return;
    }
    let name = format!("{above} {}", command.get_name());
    if command.has_subcommands() {
        command
            .get_subcommands()
            .for_each(|below| add(text, &name, below));
        return;
    }
    let about = command.get_about().unwrap().to_string();
    let about = about.trim_end_matches('.');
    writeln!(text, "\n## `{name}`\n\n{about}.").unwrap();
    if let Some(example) = command.get_after_help() {
        let lines: Vec<String> = example
            .to_string()
            .lines()
            .map(|line| line.trim_start_matches("Example:").trim().to_owned())
            .collect();
        writeln!(text, "\n```sh\n{}\n```", lines.join("\n")).unwrap();
    }
    let shown = command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set() && arg.get_id() != "help");
    let mut groups: Vec<(String, Vec<&Arg>)> = Vec::new();
    for arg in shown {
        let group = match arg.get_help_heading() {
            _ if arg.is_positional() => "Arguments",
            heading => heading.unwrap_or("Options"),
        };
        match groups.iter_mut().find(|(name, _)| name == group) {
            Some((_, args)) => args.push(arg),
            None => groups.push((group.to_owned(), vec![arg])),
        }
    }
    groups.sort_by_key(|(name, _)| match name.as_str() {
        "Arguments" => 0,
        "Options" => 1,
        _ => 2,
    });
    for (group, args) in &groups {
        let first = if group == "Arguments" {
            "argument"
        } else {
            "option"
        };
        writeln!(
            text,
            "\n### {group}\n\n| {first} | what it does | default |\n|---|---|---|"
        )
        .unwrap();
        for arg in args {
            writeln!(text, "{}", row(arg)).unwrap();
        }
    }
}

fn row(arg: &Arg) -> String {
    let values: Vec<String> = arg
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect();
    let takes_values = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let name = match arg.get_long() {
        Some(long) if takes_values => format!("--{long} {}", values.join(" ")),
        Some(long) => format!("--{long}"),
        None => values.join(" "),
    };
    let help = help_of(arg);
    let said = help.split("[default").next().unwrap_or_default().trim();
    let default = default_of(arg);
    let mut said = said.replace('\n', " ");
    if takes_values {
        for value in arg.get_possible_values() {
            let help = value.get_help().map(|help| format!(": {help}"));
            write!(
                said,
                "<br>`{}`{}",
                value.get_name(),
                help.unwrap_or_default()
            )
            .unwrap();
        }
    }
    let cell = |text: String| text.replace('|', "\\|");
    format!("| `{}` | {} | {} |", cell(name), cell(said), cell(default))
}

fn help_of(arg: &Arg) -> String {
    arg.get_long_help().or(arg.get_help()).unwrap().to_string()
}

/// What an argument is without being given: as its help says, else as clap knows it.
pub(crate) fn default_of(arg: &Arg) -> String {
    match help_of(arg).split_once("[default") {
        Some((_, default)) => {
            let default = default.trim_start_matches(':').trim_end_matches(']');
            default.trim().to_owned()
        }
        None => given_default(arg),
    }
}

fn given_default(arg: &Arg) -> String {
    if !matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) {
        return String::new();
    }
    let values: Vec<String> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy().into_owned())
        .collect();
    values.join(" ")
}

/// Below the command line nobody knows an option: errors and docs there name fields of a
/// configuration, and `src/cli/options.rs` turns them into options.
#[test]
fn no_file_below_the_command_line_names_an_option() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path == root.join("cli") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files += 1;
                let text = std::fs::read_to_string(&path).unwrap();
                for (number, line) in text.lines().enumerate() {
                    let names_one = line.match_indices("--").any(|(at, _)| {
                        line[at + 2..].starts_with(|next: char| next.is_ascii_alphabetic())
                    });
                    assert!(!names_one, "{}:{}: {line}", path.display(), number + 1);
                }
            }
        }
    }
    assert!(files > 100, "only {files} files were read");
}
