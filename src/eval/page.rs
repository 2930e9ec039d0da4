//! The page of an evaluation: one file that shows the pictures in `images/`. It needs no server and
//! asks for nothing from elsewhere.

use super::scores::Evaluation;
use super::subject::Subject;
use crate::interop::html::{STYLE, script};
use serde_json::{Value, json};

/// The pictures of a pair, by their names in `images/`.
pub const KINDS: [&str; 4] = ["input", "output", "target", "error"];

const TEMPLATE: &str = include_str!("page.html");

/// The page. The numbers are in it as JSON.
pub fn render(evaluation: &Evaluation, json: &Value) -> String {
    let mut data = json.clone();
    data["kinds"] = json!(KINDS);
    data["subjects"] = Subject::ALL
        .iter()
        .map(|subject| json!({ "key": subject.key(), "title": subject.title() }))
        .collect();
    data["confusion"] = json!(evaluation.labels.is_some());
    let page = TEMPLATE.replacen("/* STYLE */", STYLE, 1);
    page.replacen("\"DATA\"", &script(&data), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hyphen-like sign between two numbers would read as a minus.
    #[test]
    fn intervals_are_written_as_in_the_terminal() {
        assert!(TEMPLATE.contains("` (${low}..`") && TEMPLATE.contains("`${high})`"));
        assert!(
            TEMPLATE.contains("mean.images === 1"),
            "one image has no interval"
        );
        assert!(!TEMPLATE.contains('–'));
    }

    #[test]
    fn no_name_of_a_file_ends_the_script() {
        let evaluation = Evaluation {
            model: "</script><b>".to_owned(),
            pairs: String::new(),
            images: Vec::new(),
            summary: Vec::new(),
            colours: [None; 3],
            labels: None,
            undefined: Vec::new(),
            notes: Vec::new(),
        };
        let page = render(&evaluation, &evaluation.json());
        assert!(page.contains(r"\u003c/script>\u003cb>"), "{page}");
        assert_eq!(
            page.matches("</script>").count(),
            TEMPLATE.matches("</script>").count()
        );
        assert!(!page.contains("\"DATA\""));
    }
}
