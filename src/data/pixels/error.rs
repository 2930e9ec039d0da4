//! Kinds of images that no network can map to each other.

use thiserror::Error;

/// Why no network can map one kind of images to another. Texts name the fields of a configuration
/// in backticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{}; {}", self.rule(), self.remedy())]
pub enum PixelsError {
    /// The colours of several images would be joined with one lightness.
    StackedColours,
    /// Colours without a lightness are the input.
    InputWithoutLightness,
    /// Lightness alone is the output.
    OutputLightness,
    /// Labels are the output.
    OutputLabels,
    /// Colours without a lightness are the output, and the input has no lightness of its own.
    OutputWithoutLightness,
}

impl PixelsError {
    /// The field of a configuration that is wrong.
    pub fn field(self) -> &'static str {
        match self {
            Self::InputWithoutLightness => "input",
            _ => "output",
        }
    }

    /// The rule that is broken.
    pub fn rule(self) -> &'static str {
        match self {
            Self::StackedColours => "`output` lab-ab is joined with the lightness of one image",
            Self::InputWithoutLightness => "`input` lab-ab has no lightness",
            Self::OutputLightness => "`output` lab-l is brightness alone",
            Self::OutputLabels => "`output` labels cannot be: labels are for inputs",
            Self::OutputWithoutLightness => {
                "`output` lab-ab is joined with the lightness of the input"
            }
        }
    }

    /// The nearest kinds that a network can map.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::StackedColours => "leave out `stack` and `output_stack`",
            Self::InputWithoutLightness => "the nearest are `input` lab-l and `input` rgb",
            Self::OutputLightness => "the nearest is `output` gray",
            Self::OutputLabels => "the nearest is `output` rgb",
            Self::OutputWithoutLightness => "it needs `input` lab-l",
        }
    }
}
