//! Holds the shape of the decisions: each entry has a question, its numbers and a choice, in ten
//! lines at most.

use super::root;
use std::fs;

/// Lines of text that an entry may have.
const MOST_LINES: usize = 10;

/// What an entry has, in this order.
const LABELS: [&str; 3] = ["Question.", "Numbers.", "Choice."];

/// The entries of a page: the title of each, and its lines of text.
fn entries(page: &str) -> Vec<(&str, Vec<&str>)> {
    let mut entries: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut is_in_entry = false;
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            entries.push((title, Vec::new()));
            is_in_entry = true;
        } else if line.starts_with('#') {
            is_in_entry = false;
        } else if is_in_entry
            && !line.is_empty()
            && let Some((_, lines)) = entries.last_mut()
        {
            lines.push(line);
        }
    }
    entries
}

/// What is wrong with the shape of an entry, if anything.
fn fault(lines: &[&str]) -> Option<String> {
    if lines.len() > MOST_LINES {
        return Some(format!("{} lines", lines.len()));
    }
    let labels = lines.iter().filter_map(|line| line.strip_prefix("- **"));
    let labels: Vec<&str> = labels
        .map(|rest| rest.split("**").next().unwrap_or_default())
        .collect();
    // The choice may come in parts, with numbers between them.
    let mut at = labels.iter();
    let has_all = LABELS.iter().all(|label| at.any(|found| found == label));
    let is_known = labels.iter().all(|label| LABELS.contains(label));
    (!has_all || !is_known).then(|| format!("it has {labels:?} and not {LABELS:?}"))
}

#[test]
fn every_decision_has_a_question_numbers_and_a_choice() {
    let folder = root().join("docs/decisions");
    let index = fs::read_to_string(folder.join("README.md")).unwrap();
    let (mut faults, mut count) = (Vec::new(), 0);
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == "README.md" {
            continue;
        }
        assert!(index.contains(&format!("({name})")), "{name} is not listed");
        let page = fs::read_to_string(folder.join(&name)).unwrap();
        for (title, lines) in entries(&page) {
            count += 1;
            faults.extend(fault(&lines).map(|fault| format!("{name}: {title}: {fault}")));
        }
    }
    assert!(count > 100, "only {count} entries were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn an_entry_without_numbers_or_with_too_many_lines_is_found() {
    let whole = [
        "- **Question.** Why?",
        "- **Numbers.** 7.",
        "- **Choice.** So.",
    ];
    assert_eq!(fault(&whole), None);
    assert!(fault(&[whole[0], whole[2]]).is_some());
    assert!(fault(&[whole[0], whole[2], whole[1]]).is_some());
    assert!(fault(&[&whole[..], &["- **What else.** This."]].concat()).is_some());
    assert!(fault(&[&whole[..], &["  more"; 7]].concat()).is_none());
    assert!(fault(&[&whole[..], &["  more"; 8]].concat()).is_some());
    let page = "# Page\n\nWords.\n\n### One\n\n- a\n\n## Part\n\nWords.\n\n### Two\n\n- b\n  c\n";
    assert_eq!(
        entries(page),
        [("One", vec!["- a"]), ("Two", vec!["- b", "  c"])]
    );
}
