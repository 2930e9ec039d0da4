//! Records a small network, appends its gradient, and runs both on the device.
//!
//! `cargo run --release --example differentiate`

use pix2pix::contraction::Geometry;
use pix2pix::gpu::{DeviceOptions, Gpu};
use pix2pix::ops::activation::{Activation, activate};
use pix2pix::ops::conv2d::conv2d;
use pix2pix::ops::loss::{Loss, LossKind};
use pix2pix::program::{Program, Store};
use pix2pix::state::StateList;
use pix2pix::tape::{StepState, Tape};
use pix2pix::tensor::Shape;
use pollster::block_on;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    // A tape is a list of operations. Recording checks shapes and computes nothing.
    let mut tape = Tape::default();
    let image = tape.input("image", Shape::nhwc(1, 8, 8, 3));
    let weight = tape.input("weight", Shape::hwio(4, 4, 3, 2));
    let target = tape.input("target", Shape::nhwc(1, 4, 4, 2));
    let convolved = conv2d(&mut tape, image, weight, None, Geometry::new(4, 2, 1))?;
    let output = activate(&mut tape, convolved, Activation::Tanh)?;
    let loss = tape.record(Loss { kind: LossKind::L1 }, &[output, target])?;

    // The gradient is more operations on the same tape.
    let gradient = tape.backward(loss, &[weight])?[0];

    // A program has its kernels, its memory and its bindings before it runs.
    let gpu = pollster::block_on(Gpu::open(&DeviceOptions {
        adapter: std::env::var("PIX2PIX_ADAPTER").ok(),
        ..DeviceOptions::default()
    }))?;
    let store = Store::new(&gpu, StateList::default(), false)?;
    let program = Program::compile(&gpu, &store, &tape, &[loss, gradient])?;

    // Plain gradient descent, written out: five steps of the weight against its gradient.
    let wave = |count: usize| (0..count).map(|i| (0.7 * i as f32).sin());
    let mut weights: Vec<f32> = wave(4 * 4 * 3 * 2).map(|value| 0.1 * value).collect();
    program.write(&gpu, image, &wave(8 * 8 * 3).collect::<Vec<_>>())?;
    program.write(&gpu, target, &[0.5; 4 * 4 * 2])?;
    for step in 1..=5 {
        program.write(&gpu, weight, &weights)?;
        program.run(&gpu, &store, &StepState::new(0, step, 0.0, [0.0; 2]))?;
        println!(
            "step {step}: loss {}",
            block_on(program.read(&gpu, loss))?[0]
        );
        for (weight, slope) in weights
            .iter_mut()
            .zip(block_on(program.read(&gpu, gradient))?)
        {
            *weight -= 0.5 * slope;
        }
    }
    Ok(())
}
