//! What is wrong with a configuration.

use crate::data::PixelsError;
use crate::nn::{NetworkError, TestTimeError};
use thiserror::Error;

/// A field that is out of its range, or does not go with the others. Texts name fields in
/// backticks, as `config.json` names them. A user interface puts its own names there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{rule}{}{remedy}", if remedy.is_empty() { "" } else { "; " })]
pub struct ConfigError {
    /// The field, as in [`FIELDS`](super::FIELDS) or [`SHORTHANDS`](super::SHORTHANDS). Or what is
    /// asked of a trained network: `batch`, `network`, `overlap`, `path`, `samples` or `tile`.
    /// Or what is asked of a benchmark: `per_op` or `steps`.
    pub field: &'static str,
    /// The rule that it breaks, with the value that was given.
    pub rule: String,
    /// The nearest valid choice. Empty if the rule says it already.
    pub remedy: String,
    /// Whether the field would do nothing beside the others, and can be left out.
    pub without_use: bool,
}

impl ConfigError {
    pub(in crate::train) fn new(
        field: &'static str,
        rule: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            field,
            rule: rule.into(),
            remedy: remedy.into(),
            without_use: false,
        }
    }

    /// A field that would do nothing beside the others.
    pub(in crate::train) fn without_use(
        field: &'static str,
        rule: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            without_use: true,
            ..Self::new(field, rule, remedy)
        }
    }

    /// A whole number outside of its range.
    pub(crate) fn range(field: &'static str, given: u64, least: u64, most: u64) -> Self {
        let rule = if most == u64::MAX {
            format!("`{field}` {given} must be at least {least}")
        } else {
            format!("`{field}` {given} must lie between {least} and {most}")
        };
        Self::new(field, rule, "")
    }
}

impl From<NetworkError> for ConfigError {
    fn from(error: NetworkError) -> Self {
        let NetworkError::Range {
            what,
            given,
            least,
            most,
        } = error;
        // The channels follow from what a pixel is and from how many images are stacked.
        let (field, side) = match what {
            "in_channels" => ("input", "input"),
            "out_channels" => ("output", "output"),
            _ => return Self::range(what, given as u64, least as u64, most as u64),
        };
        Self::new(
            field,
            format!("number of {side} channels {given} must lie between {least} and {most}"),
            "",
        )
    }
}

impl From<PixelsError> for ConfigError {
    fn from(error: PixelsError) -> Self {
        Self::new(error.field(), error.rule(), error.remedy())
    }
}

impl From<TestTimeError> for ConfigError {
    fn from(error: TestTimeError) -> Self {
        let field = match error {
            TestTimeError::NoBatchNorm { .. } => "test.norm",
            TestTimeError::NoDropout { .. } => "test.dropout",
        };
        Self::new(field, error.to_string(), "")
    }
}
