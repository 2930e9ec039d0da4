//! The commands that the pages show are those of the program: each subcommand and each option is
//! there.

use clap::Command;

const PAGES: [(&str, &str); 7] = [
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
