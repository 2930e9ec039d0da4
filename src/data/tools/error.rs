//! What cannot be asked of the tools.

use thiserror::Error;

/// A setting of a tool that is out of its range. Texts name settings in backticks; a user interface
/// puts its own names there.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum ToolError {
    /// A whole number outside of its range.
    #[error("`{setting}` {given} must lie between {least} and {most}")]
    Range {
        /// The setting.
        setting: &'static str,
        /// What was given.
        given: u64,
        /// The smallest value.
        least: u64,
        /// The largest value.
        most: u64,
    },
    /// A region that is no part of the image.
    #[error("`fraction` {given} must be above 0 and at most 1")]
    Fraction {
        /// What was given.
        given: f64,
    },
    /// A blur or thresholds with which no edge is found.
    #[error(
        "`blur` {blur} must lie between 0 and {most_blur}, and `low` {low} between 0 and `high` \
         {high}"
    )]
    Edges {
        /// The blur that was given, in pixels.
        blur: f32,
        /// The largest blur.
        most_blur: f32,
        /// The low threshold that was given.
        low: f32,
        /// The high threshold that was given.
        high: f32,
    },
    /// Validation and testing take all images.
    #[error(
        "`val` {val} and `test` {test} of {count} images leave nothing to train on; lower them (0 \
         leaves a part out) or add images"
    )]
    NothingToTrainOn {
        /// Percent for validation.
        val: u32,
        /// Percent for testing.
        test: u32,
        /// Number of images.
        count: usize,
    },
}

impl ToolError {
    /// Refuses a whole number outside of its range.
    pub(super) fn check(
        setting: &'static str,
        given: u64,
        [least, most]: [u64; 2],
    ) -> Result<(), Self> {
        if (least..=most).contains(&given) {
            return Ok(());
        }
        Err(Self::Range {
            setting,
            given,
            least,
            most,
        })
    }
}
