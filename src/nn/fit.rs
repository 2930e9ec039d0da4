//! Images whose sides are no multiple of what a generator takes.

use super::GeneratorConfig;
use crate::ops::window::{Outside, Window};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;
use serde::{Deserialize, Serialize};

/// What is done with an image whose sides are no multiple of the generator's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Fit {
    /// Extended by their reflection, the result cut back
    ///
    /// The reflection is added to the right and below.
    #[default]
    Pad,
    /// By the U-Net's own rule: the result shows the middle of the image and is smaller; prefer pad
    /// for sizes that it was not trained on
    ///
    /// Halving an odd map leaves out a row or column. The decoder's maps are joined with the middle
    /// of each skip.
    Crop,
}

/// How images of one size are fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fitted {
    /// The window of an image that the generator is given.
    given: Window,
    /// The window of an image that the result shows.
    shown: Window,
}

impl Fit {
    /// The side of the result for an image's `side`.
    pub fn output_side(self, side: usize, multiple: usize) -> usize {
        match self {
            Self::Pad => side,
            Self::Crop => side / multiple * multiple,
        }
    }

    /// The smallest side of an image whose result is not empty.
    pub fn least_side(self, multiple: usize) -> usize {
        match self {
            Self::Pad => 1,
            Self::Crop => multiple,
        }
    }

    /// The fit for images of `shape` and a generator of this configuration.
    pub fn of(self, shape: Shape, generator: &GeneratorConfig) -> Fitted {
        let (multiple, least) = (generator.multiple(), generator.least_side());
        let [height, width] = [shape.height(), shape.width()];
        // An image smaller than half of this is reflected several times.
        let side = |side: usize| {
            if self == Self::Pad {
                side.next_multiple_of(multiple).max(least)
            } else {
                side
            }
        };
        let given = Window {
            outside: Outside::Reflection,
            ..Window::crop(0, 0, side(height), side(width))
        };
        let shown = Window::centre(
            shape,
            self.output_side(height, multiple),
            self.output_side(width, multiple),
        );
        Fitted { given, shown }
    }
}

impl Fitted {
    /// Records what the generator is given of `image`.
    ///
    /// # Errors
    /// Those of recording.
    pub fn given(&self, tape: &mut Tape, image: Var) -> Result<Var, TapeError> {
        self.given.of(tape, image)
    }

    /// Records the result: the part of the generator's output that shows the image.
    ///
    /// # Errors
    /// Those of recording.
    pub fn result(&self, tape: &mut Tape, output: Var) -> Result<Var, TapeError> {
        Window::crop(0, 0, self.shown.height, self.shown.width).of(tape, output)
    }

    /// Records the part of `image` that the result shows.
    ///
    /// # Errors
    /// Those of recording.
    pub fn shown(&self, tape: &mut Tape, image: Var) -> Result<Var, TapeError> {
        self.shown.of(tape, image)
    }

    /// The shape of that part, for images of a given shape.
    pub fn shown_shape(&self, images: Shape) -> Shape {
        Shape::nhwc(
            images.batch(),
            self.shown.height,
            self.shown.width,
            images.channels(),
        )
    }

    /// That part of images in memory, `[batch, height, width, channels]`.
    pub fn shown_of(&self, values: &[f32], shape: Shape) -> Vec<f32> {
        let Window {
            top,
            left,
            height,
            width,
            ..
        } = self.shown;
        let row = |image: usize, y: usize| {
            ((image * shape.height() + top as usize + y) * shape.width() + left as usize)
                * shape.channels()
        };
        let rows = (0..shape.batch()).flat_map(|image| (0..height).map(move |y| row(image, y)));
        rows.flat_map(|start| {
            values
                .get(start..start + width * shape.channels())
                .unwrap_or_default()
        })
        .copied()
        .collect()
    }
}
