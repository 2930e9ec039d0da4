//! The initial weights of a network: the reference's `init_type` and `init_gain`.

use crate::state::{Init, StateList, StateSpec};
use crate::tensor::Layout;
use serde::{Deserialize, Serialize};

/// A distribution of initial weights of convolutions, as in `torch.nn.init`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Initialisation {
    /// Normal with the gain as its deviation
    #[default]
    Normal,
    /// Normal by both numbers of channels
    ///
    /// The deviation is `gain sqrt(2 / (fan_in + fan_out))` (Glorot and Bengio 2010).
    Xavier,
    /// Normal by the number of input channels, whatever the gain
    ///
    /// The deviation is `sqrt(2 / fan_in)` (arXiv 1502.01852).
    Kaiming,
    /// Orthogonal, times the gain
    ///
    /// Rows or columns are orthonormal before that (arXiv 1312.6120).
    Orthogonal,
}

/// Sets how the weights in the trainable arenas of `states` start. Weights of convolutions follow
/// `scheme`. Weights of batch norm are normal around 1 with the deviation `gain`. Biases stay 0.
pub fn set_initialisation(states: &mut StateList, scheme: Initialisation, gain: f32) {
    let start = |state: &StateSpec| match (state.shape.layout(), state.init) {
        (Layout::Hwio, _) => Some(of_weight(state, scheme, gain)),
        (_, Init::Normal { mean, .. }) => Some(Init::Normal { mean, std: gain }),
        _ => None,
    };
    let trainable = states
        .states()
        .iter()
        .filter(|state| states.get_arena(state.arena).trainable);
    let starts: Vec<_> = trainable
        .filter_map(|state| Some((state.id, start(state)?)))
        .collect();
    starts
        .into_iter()
        .for_each(|(id, init)| states.set_init(id, init));
}

fn of_weight(state: &StateSpec, scheme: Initialisation, gain: f32) -> Init {
    let [height, width, inputs, outputs] = state.shape.dims();
    // PyTorch reads fan-in and fan-out off the axes. The first axis of a transposed convolution is
    // its input channels.
    let [fan_in, fan_out] = if state.transposed {
        [outputs, inputs]
    } else {
        [inputs, outputs]
    }
    .map(|n| (height * width * n) as f64);
    let std = match scheme {
        Initialisation::Normal => f64::from(gain),
        Initialisation::Xavier => f64::from(gain) * (2.0 / (fan_in + fan_out)).sqrt(),
        Initialisation::Kaiming => (2.0 / fan_in).sqrt(),
        Initialisation::Orthogonal => return Init::Orthogonal { gain },
    };
    Init::Normal {
        mean: 0.0,
        std: std as f32,
    }
}
