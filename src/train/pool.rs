//! The image pool: older fakes that the discriminator sees again.

use crate::ops::image_pool::ImagePool;
use crate::state::{ArenaId, Init, StateId, StateList};
use crate::tape::{Tape, TapeError, Var};
use crate::tensor::Shape;

/// The images of the pool: fakes, and for a conditional discriminator the inputs that they were
/// made from.
#[derive(Debug, Clone, Copy)]
pub struct Pool {
    arena: ArenaId,
    fake: StateId,
    input: Option<StateId>,
}

impl Pool {
    /// Memory for `capacity` fakes of the shape of `fake`, in an arena `image_pool`. If the
    /// discriminator sees inputs as well, they have the shape of `input`.
    pub fn new(states: &mut StateList, capacity: usize, fake: Shape, input: Option<Shape>) -> Self {
        let arena = states.arena("image_pool", false);
        let mut add = |name: &str, image: Shape| {
            states.add(
                arena,
                name.to_owned(),
                image.with_batch(capacity),
                Init::Constant(0.0),
            )
        };
        let fake = add("fake", fake);
        Self {
            arena,
            fake,
            input: input.map(|shape| add("input", shape)),
        }
    }

    /// Where its images lie.
    pub fn arena(&self) -> ArenaId {
        self.arena
    }

    /// The pair of `[input, fake]` that the discriminator sees. Each image of the batch is its own
    /// fake or an older one. `first` images of the step lie before this batch, and the step has
    /// `images_per_step` in all.
    ///
    /// # Errors
    /// Those of recording.
    pub fn query(
        &self,
        tape: &mut Tape,
        states: &StateList,
        [input, fake]: [Var; 2],
        first: usize,
        images_per_step: usize,
    ) -> Result<[Var; 2], TapeError> {
        let mut exchange = |image, pool| {
            let pool = tape.state(states, pool);
            tape.record(
                ImagePool {
                    first,
                    images_per_step,
                },
                &[image, pool],
            )
        };
        Ok([
            self.input.map_or(Ok(input), |pool| exchange(input, pool))?,
            exchange(fake, self.fake)?,
        ])
    }
}
