//! The twin of `shaders/loss_scale/`: what a step makes of the loss scale.

/// Good steps in a row that double the scale.
pub const GROWTH: u32 = 1000;
/// Where doubling ends.
pub const LARGEST: f32 = 16_777_216.0;

/// A loss scale and what it has seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossScale {
    /// The factor on the loss.
    pub scale: f32,
    /// Steps since the last overflow or doubling.
    pub good_steps: u32,
    /// Steps that an overflow undid.
    pub skipped_steps: u32,
}

impl LossScale {
    /// The scale behind a step, and whether the step failed. Gradients that are not finite are a
    /// failure where nothing scales them, else an overflow.
    pub fn after(self, finite: bool) -> (Self, bool) {
        let Self {
            scale,
            good_steps,
            skipped_steps,
        } = self;
        let after = if !finite {
            Self {
                scale: if scale > 1.0 { scale / 2.0 } else { scale },
                good_steps: 0,
                skipped_steps: skipped_steps + 1,
            }
        } else if good_steps + 1 < GROWTH {
            Self {
                good_steps: good_steps + 1,
                ..self
            }
        } else {
            Self {
                scale: if scale < LARGEST { scale * 2.0 } else { scale },
                good_steps: 0,
                skipped_steps,
            }
        };
        (after, !finite && scale <= 1.0)
    }
}
