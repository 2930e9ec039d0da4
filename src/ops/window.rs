//! A window onto every map of a batch: crops, zero padding (the gradient of a crop), and padding by
//! reflection.

use crate::gpu::{KernelSpec, OffsetStride, shader};
use crate::tape::Op;
use crate::tape::vector_width::WORKGROUP;
use crate::tape::{Dispatch, LowerContext, Lowered, Slot, activations};
use crate::tape::{ShapeError, take};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// What a window shows where it lies outside its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// Nothing. Such windows have a gradient: the opposite window.
    Zero,
    /// The input, reflected about its outermost rows and columns without repeating them, as often
    /// as it takes. Without a gradient rule: for images that are given.
    Reflection,
}

/// `output[b, y, x, c] = input[b, y + top, x + left, c]`: `[batch, height, width, channels]` of a
/// map of any height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Row of the input that becomes the first one; below zero for rows above it.
    pub top: i32,
    /// Column of the input that becomes the first one.
    pub left: i32,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// What is shown outside the input.
    pub outside: Outside,
}

/// No side is longer: positions are signed in the shader.
const MOST_SIDE: usize = 1 << 24;

crate::params! {
    struct Params {
        vectors: u32,
        channels4: u32,
        out_height: u32,
        out_width: u32,
        in_height: i32,
        in_width: i32,
        top: i32,
        left: i32,
        input: OffsetStride,
        output: OffsetStride,
    }
}

impl Window {
    /// The `height` x `width` pixels at (`top`, `left`).
    pub fn crop(top: usize, left: usize, height: usize, width: usize) -> Self {
        // Recording refuses what is far beyond any map.
        let [top, left] = [top, left].map(|first| i32::try_from(first).unwrap_or(i32::MAX));
        Self {
            top,
            left,
            height,
            width,
            outside: Outside::Zero,
        }
    }

    /// The middle of a map of `shape`; where it is not exact one row or column more is left out at
    /// the end.
    pub fn centre(shape: Shape, height: usize, width: usize) -> Self {
        let first = |side: usize, kept: usize| side.saturating_sub(kept) / 2;
        Self::crop(
            first(shape.height(), height),
            first(shape.width(), width),
            height,
            width,
        )
    }

    /// Records this window onto `input`, or nothing where it shows all of it.
    ///
    /// # Errors
    /// Those of recording.
    pub fn of(self, tape: &mut Tape, input: Var) -> Result<Var, TapeError> {
        let shape = tape.shape(input);
        let is_all = [self.top, self.left] == [0; 2]
            && [self.height, self.width] == [shape.height(), shape.width()];
        if is_all {
            Ok(input)
        } else {
            tape.record(self, &[input])
        }
    }
}

impl Op for Window {
    fn name(&self) -> &'static str {
        match self.outside {
            Outside::Zero => "window",
            Outside::Reflection => "reflect_window",
        }
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [input] = take(inputs)?;
        let most = [self.height, self.width, input.height(), input.width()]
            .into_iter()
            .max()
            .unwrap_or(0);
        let offset = self.top.unsigned_abs().max(self.left.unsigned_abs()) as usize;
        if self.height == 0 || self.width == 0 || input.is_empty() || most.max(offset) > MOST_SIDE {
            let remedy = "a window shows a pixel or more of a map that has some";
            return Err(ShapeError::Invalid {
                what: "window",
                shape: input,
                remedy,
            });
        }
        Ok(Shape::nhwc(
            input.batch(),
            self.height,
            self.width,
            input.channels(),
        ))
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        if self.outside == Outside::Reflection {
            return Ok(vec![None]);
        }
        let input = tape.shape(inputs[0]);
        let opposite = Self {
            top: -self.top,
            left: -self.left,
            height: input.height(),
            width: input.width(),
            ..*self
        };
        Ok(vec![Some(tape.record(opposite, &[grad_output])?)])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let (input, output) = (context.inputs[0], context.output);
        let vectors = output.shape.rows() * output.shape.channels4();
        let params = Params {
            vectors: vectors as u32,
            channels4: output.shape.channels4() as u32,
            out_height: self.height as u32,
            out_width: self.width as u32,
            in_height: input.shape.height() as i32,
            in_width: input.shape.width() as i32,
            top: self.top,
            left: self.left,
            input: input.place(),
            output: output.place(),
        };
        let kernel = KernelSpec::new(shader!("window/copy"))
            .flag("REFLECT", self.outside == Outside::Reflection);
        let kernel = activations(kernel, output.dtype);
        Dispatch::new(
            kernel,
            &params,
            vec![Slot::Input(0), Slot::Output],
            vectors.div_ceil(WORKGROUP),
        )
        .into()
    }
}
