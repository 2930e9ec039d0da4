//! How the weights of whole networks start, against the definitions of `torch.nn.init`.

use pix2pix::gpu::Gpu;
use pix2pix::nn::Initialisation;
use pix2pix::state::StateSpec;
use pix2pix::tape::ArenaPart;
use pix2pix::tensor::{DType, Layout};
use pix2pix::train::{Config, Recipe, Session};
use pix2pix_harness::config::small_config;
use pix2pix_harness::gpu;
use pollster::block_on;

/// Every state of a run's two networks as it starts, and its values.
fn started(gpu: &Gpu, config: &Config) -> Vec<(StateSpec, Vec<f32>)> {
    let session = Session::new(gpu, config).unwrap();
    block_on(session.store.initialise(gpu, config.seed)).unwrap();
    let read = |state: &StateSpec| {
        (
            state.clone(),
            block_on(session.store.read(gpu, state.id, ArenaPart::Value)).unwrap(),
        )
    };
    session.store.states().states().iter().map(read).collect()
}

fn config(init: Initialisation, init_gain: f32) -> Config {
    Config {
        recipe: Recipe {
            init,
            init_gain,
            ..Recipe::default()
        },
        ..small_config(32, 16)
    }
}

/// The sizes of the axes that PyTorch's tensor has: out, in, kernel, kernel; of a transposed
/// convolution in, out, kernel, kernel.
fn torch_axes(state: &StateSpec) -> [usize; 3] {
    let [height, width, inputs, outputs] = state.shape.dims();
    if state.transposed {
        [inputs, outputs, height * width]
    } else {
        [outputs, inputs, height * width]
    }
}

fn moments(values: &[f32]) -> [f64; 2] {
    let count = values.len() as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    [
        mean,
        (values
            .iter()
            .map(|&v| (f64::from(v) - mean).powi(2))
            .sum::<f64>()
            / count)
            .sqrt(),
    ]
}

#[test]
fn normal_weights_have_the_deviations_of_torch() {
    let gpu = gpu();
    for (scheme, gain) in [
        (Initialisation::Normal, 0.05),
        (Initialisation::Xavier, 0.5),
        (Initialisation::Kaiming, 0.05),
    ] {
        for (state, values) in started(&gpu, &config(scheme, gain)) {
            let is_norm = state.shape.layout() != Layout::Hwio && state.name.ends_with("weight");
            let [first, second, area] = torch_axes(&state);
            // `_calculate_fan_in_and_fan_out`: the second axis is the input's, whatever the tensor
            // belongs to.
            let [fan_in, fan_out] = [second * area, first * area].map(|fan| fan as f64);
            let expected = match (state.name.rsplit('.').next().unwrap(), scheme) {
                ("weight", _) if is_norm => [1.0, gain.into()],
                ("weight", Initialisation::Xavier) => {
                    [0.0, f64::from(gain) * (2.0 / (fan_in + fan_out)).sqrt()]
                }
                ("weight", Initialisation::Kaiming) => [0.0, (2.0 / fan_in).sqrt()],
                ("weight", _) => [0.0, gain.into()],
                ("running_var", _) => [1.0, 0.0],
                _ => [0.0, 0.0],
            };
            // Five standard errors of each.
            let bound = 5.0 * expected[1] / (values.len() as f64).sqrt();
            let found = moments(&values);
            let close = found
                .iter()
                .zip(expected)
                .all(|(found, expected)| (found - expected).abs() <= bound + 1e-12);
            assert!(
                close,
                "{scheme:?}: {} has {found:?} for {expected:?}",
                state.name
            );
        }
    }
}

/// A weight as torch's matrix, whose rows or columns, the shorter side, are the vectors.
struct Matrix<'a> {
    state: &'a StateSpec,
    values: &'a [f32],
    rows: usize,
    /// Channels of the second axis.
    second: usize,
    columns: usize,
}

impl<'a> Matrix<'a> {
    fn new(state: &'a StateSpec, values: &'a [f32]) -> Self {
        let [rows, second, area] = torch_axes(state);
        Self {
            state,
            values,
            rows,
            second,
            columns: second * area,
        }
    }

    fn entry(&self, row: usize, column: usize) -> f64 {
        let (pixel, other) = (column / self.second, column % self.second);
        let [i, o] = if self.state.transposed {
            [row, other]
        } else {
            [other, row]
        };
        let [.., a, b] = self.state.shape.dims();
        f64::from(self.values[(pixel * a + i) * b + o])
    }

    fn is_wide(&self) -> bool {
        self.rows <= self.columns
    }

    fn vector(&self, number: usize) -> Vec<f64> {
        if self.is_wide() {
            (0..self.columns).map(|k| self.entry(number, k)).collect()
        } else {
            (0..self.rows).map(|k| self.entry(k, number)).collect()
        }
    }

    fn check(&self, gain: f64) {
        let name = &self.state.name;
        let vectors: Vec<Vec<f64>> = (0..self.rows.min(self.columns))
            .map(|number| self.vector(number))
            .collect();
        for (first, one) in vectors.iter().enumerate() {
            for (second, other) in vectors.iter().enumerate().skip(first) {
                let product: f64 = one.iter().zip(other).map(|(a, b)| a * b).sum();
                let expected = if first == second { gain * gain } else { 0.0 };
                assert!(
                    (product - expected).abs() < 1e-5,
                    "{name}: vectors {first} and {second}: {product}"
                );
            }
        }
        if self.rows * self.columns > 1000 {
            // Evenly distributed: each entry has the variance of a coordinate of a unit vector.
            let [mean, deviation] = moments(self.values);
            let expected = gain / (self.rows.max(self.columns) as f64).sqrt();
            assert!(
                mean.abs() < 0.1 * expected && (deviation / expected - 1.0).abs() < 0.02,
                "{name}: {mean} {deviation}"
            );
        }
    }
}

#[test]
fn orthogonal_weights_are_orthonormal_in_torchs_matrix() {
    let gpu = gpu();
    let gain = 0.5;
    let config = |init, gain| Config {
        ngf: 4,
        ndf: 4,
        ..config(init, gain)
    };
    // Wide, tall and square matrices: a PixelGAN has kernels of one pixel.
    let pixel = Config {
        d_layers: 0,
        ..config(Initialisation::Orthogonal, gain)
    };
    let half = Config {
        precision: if gpu.profile().f16 {
            DType::F16
        } else {
            DType::F32
        },
        ..pixel.clone()
    };
    let (mut wide, mut tall) = (0, 0);
    for config in [config(Initialisation::Orthogonal, gain), pixel, half] {
        let weights = started(&gpu, &config)
            .into_iter()
            .filter(|(state, _)| state.shape.layout() == Layout::Hwio);
        for (state, values) in weights {
            let matrix = Matrix::new(&state, &values);
            matrix.check(f64::from(gain));
            *(if matrix.is_wide() {
                &mut wide
            } else {
                &mut tall
            }) += 1;
        }
    }
    assert!(wide > 10 && tall > 1, "{wide} wide, {tall} tall");
}
