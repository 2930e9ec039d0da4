//! Several batches as one: images assembled into a batch, taken out of it and put back. Slices of
//! images are views without a copy.

use super::super::{concat, copy, copy_channels, fill};
use super::{Concat, Slice};
use crate::tape::{LowerContext, Lowered};
use crate::tape::{Op, View};
use crate::tape::{ShapeError, same, take};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// The images `start .. start + batch` of the input.
#[derive(Debug, Clone, Copy)]
pub struct BatchSlice {
    /// First image.
    pub start: usize,
    /// Number of images.
    pub batch: usize,
}

impl Op for BatchSlice {
    fn name(&self) -> &'static str {
        "batch_slice"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [input] = take(inputs)?;
        if self.batch == 0 || self.start.saturating_add(self.batch) > input.batch() {
            return Err(ShapeError::Invalid {
                what: "range of images",
                shape: input,
                remedy: "slice inside the batch",
            });
        }
        Ok(input.with_batch(self.batch))
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let batch = tape.shape(inputs[0]).batch();
        Ok(vec![Some(tape.record(
            BatchPad {
                start: self.start,
                batch,
            },
            &[grad_output],
        )?)])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        copy(
            0,
            context.inputs[0].images(self.start, self.batch),
            context.output,
        )
        .into()
    }

    fn view(&self) -> Option<View> {
        Some(View::Images { start: self.start })
    }
}

/// The input as the images from `start` on of a batch that is zero elsewhere: the gradient of
/// [`BatchSlice`].
#[derive(Debug, Clone, Copy)]
pub struct BatchPad {
    /// Where the input's first image goes.
    pub start: usize,
    /// Images of the output.
    pub batch: usize,
}

impl Op for BatchPad {
    fn name(&self) -> &'static str {
        "batch_pad"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [input] = take(inputs)?;
        let output = input.with_batch(self.batch);
        if self.start.saturating_add(input.batch()) > output.batch() {
            return Err(ShapeError::Invalid {
                what: "range of images",
                shape: input,
                remedy: "pad to a batch that holds them",
            });
        }
        Ok(output)
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let batch = tape.shape(inputs[0]).batch();
        Ok(vec![Some(tape.record(
            BatchSlice {
                start: self.start,
                batch,
            },
            &[grad_output],
        )?)])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let (input, output) = (context.inputs[0], context.output);
        let images = output.images(self.start, input.shape.batch());
        Lowered {
            dispatches: vec![fill(output, 0.0), copy(0, input, images)],
            ..Lowered::default()
        }
    }
}

/// The input as the channels from `start` on of images that are zero elsewhere: the gradient of
/// [`Slice`].
#[derive(Debug, Clone, Copy)]
pub struct ChannelPad {
    /// Where the input's first channel goes.
    pub start: usize,
    /// Channels of the output.
    pub channels: usize,
}

impl Op for ChannelPad {
    fn name(&self) -> &'static str {
        "channel_pad"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [input] = take(inputs)?;
        let output = input.with_channels(self.channels);
        if self.start.saturating_add(input.channels()) > output.channels() {
            return Err(ShapeError::Invalid {
                what: "channel range",
                shape: input,
                remedy: "pad to channels that hold them",
            });
        }
        Ok(output)
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        _: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let channels = tape.shape(inputs[0]).channels();
        Ok(vec![Some(tape.record(
            Slice {
                start: self.start,
                channels,
            },
            &[grad_output],
        )?)])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let (input, output) = (context.inputs[0], context.output);
        let copied = copy_channels(0, input, 0, output, self.start, input.shape.channels());
        Lowered {
            dispatches: vec![fill(output, 0.0), copied],
            ..Lowered::default()
        }
    }
}

/// Rows of `columns` inputs each: side by side on the channel axis within a row, the rows one after
/// the other on the batch axis. Pairs of images as one batch, for a network that takes them all at
/// once.
#[derive(Debug, Clone, Copy)]
pub struct Assemble {
    /// Inputs of a row.
    pub columns: usize,
}

impl Assemble {
    /// First image and first channel of each input.
    fn corners(&self, inputs: &[Shape]) -> Vec<[usize; 2]> {
        let mut image = 0;
        let mut corners = Vec::new();
        for row in inputs.chunks(self.columns.max(1)) {
            let mut channel = 0;
            for input in row {
                corners.push([image, channel]);
                channel += input.channels();
            }
            image += row[0].batch();
        }
        corners
    }
}

impl Op for Assemble {
    fn name(&self) -> &'static str {
        "assemble"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        if self.columns == 0 || inputs.is_empty() || !inputs.len().is_multiple_of(self.columns) {
            return Err(ShapeError::Arity {
                expected: self.columns.max(1),
                given: inputs.len(),
            });
        }
        let rows = inputs
            .chunks(self.columns)
            .map(|row| Concat.output_shape(row))
            .collect::<Result<Vec<_>, _>>()?;
        for &row in &rows {
            same(
                "everything but the images of the rows",
                rows[0].with_batch(1),
                row.with_batch(1),
            )?;
        }
        Ok(rows[0].with_batch(rows.iter().map(Shape::batch).sum()))
    }

    fn backward(
        &self,
        tape: &mut Tape,
        inputs: &[Var],
        _: Var,
        grad_output: Var,
        wanted: &[bool],
    ) -> Result<Vec<Option<Var>>, TapeError> {
        let shapes: Vec<Shape> = inputs.iter().map(|&input| tape.shape(input)).collect();
        let mut grads = Vec::with_capacity(inputs.len());
        for ((shape, [image, channel]), &wanted) in
            shapes.iter().zip(self.corners(&shapes)).zip(wanted)
        {
            if !wanted {
                grads.push(None);
                continue;
            }
            let images = tape.record(
                BatchSlice {
                    start: image,
                    batch: shape.batch(),
                },
                &[grad_output],
            )?;
            grads.push(Some(tape.record(
                Slice {
                    start: channel,
                    channels: shape.channels(),
                },
                &[images],
            )?));
        }
        Ok(grads)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        let corners = self.corners(&context.shapes());
        let rows = corners
            .chunks(self.columns)
            .enumerate()
            .map(|(row, corners)| (row * self.columns, corners));
        let mut dispatches = Vec::new();
        for (first, corners) in rows {
            let images = context
                .output
                .images(corners[0][0], context.inputs[first].shape.batch());
            if let &[left, right] = &context.inputs[first..first + self.columns] {
                dispatches.push(concat([first, first + 1], [left, right], images));
                continue;
            }
            for (position, &[_, channel]) in (first..).zip(corners) {
                let input = context.inputs[position];
                dispatches.push(copy_channels(
                    position,
                    input,
                    0,
                    images,
                    channel,
                    input.shape.channels(),
                ));
            }
        }
        Lowered {
            dispatches,
            ..Lowered::default()
        }
    }
}
