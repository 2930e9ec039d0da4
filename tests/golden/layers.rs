//! Single layers and losses: each is recorded from the tensors of its case, with its gradients.

use crate::case::GoldenCase;
use crate::checks::Checks;
use crate::layer::Layer;
use crate::problem::Problem;
use pix2pix::contraction::Geometry;
use pix2pix::gpu::Gpu;
use pix2pix::ops::Concat;
use pix2pix::ops::activation::{Activation, activate};
use pix2pix::ops::batch_norm::{
    Groups, batch_norm, batch_norm_running, instance_norm, update_running_statistics,
};
use pix2pix::ops::conv_transpose2d::ConvTranspose2d;
use pix2pix::ops::conv2d::conv2d;
use pix2pix::ops::elementwise::{multiply, scale};
use pix2pix::ops::loss::{Loss, LossKind};
use pix2pix::train::{Distance, GanLoss, Verdict, distance, gan};
use serde_json::Value;

/// Records and runs one layer.
pub fn run(gpu: &Gpu, case: &GoldenCase) -> Result<Checks, Problem> {
    let mut layer = Layer::new(case);
    match case.op() {
        "Conv2d" => convolution(&mut layer)?,
        "ConvTranspose2d" => transposed_convolution(&mut layer)?,
        "BatchNorm2d" => batch_normalisation(&mut layer)?,
        "InstanceNorm2d" => instance_normalisation(&mut layer)?,
        "LeakyReLU" => {
            let slope = case.number(if case.has_field("negative_slope") {
                "negative_slope"
            } else {
                "slope"
            })?;
            activation(
                &mut layer,
                Activation::LeakyRelu {
                    slope: slope as f32,
                },
            )?;
        }
        "ReLU" => activation(&mut layer, Activation::LeakyRelu { slope: 0.0 })?,
        "Tanh" => activation(&mut layer, Activation::Tanh)?,
        "Sigmoid" => activation(&mut layer, Activation::Sigmoid)?,
        "Dropout" => dropout(&mut layer)?,
        "Concat" => concatenation(&mut layer)?,
        "GANLoss" => gan_loss(&mut layer)?,
        "L1Loss" => l1_loss(&mut layer)?,
        _ => return Err(Problem::Fail("this operation is not known".into())),
    }
    layer.run(gpu)
}

/// Kernel, stride and padding; a pair of equal numbers counts as one. What the library does not do
/// is skipped.
fn geometry(case: &GoldenCase) -> Result<Geometry, Problem> {
    for (key, value) in [("dilation", 1.0), ("groups", 1.0)] {
        case.require(key, value, "the networks have no such convolution")?;
    }
    if case
        .field("padding_mode")
        .and_then(Value::as_str)
        .is_some_and(|mode| mode != "zeros")
    {
        return Err(Problem::Skip("convolutions pad with zeros only".into()));
    }
    let side = |key: &str| match case.field(key).and_then(Value::as_array).map(Vec::as_slice) {
        None => case.count(key),
        Some([height, width]) if height == width => height
            .as_u64()
            .map(|side| side as usize)
            .ok_or(Problem::Fail(format!(
                "parameter {key} is no pair of sizes"
            ))),
        Some(_) => Err(Problem::Skip(format!("{key}: convolutions are square"))),
    };
    Ok(Geometry::new(
        side("kernel")?,
        side("stride")?,
        side("padding")?,
    ))
}

fn convolution(layer: &mut Layer) -> Result<(), Problem> {
    let geometry = geometry(layer.case)?;
    let (input, weight, bias) = (
        layer.input("x")?,
        layer.weight("weight", false)?,
        layer.optional("bias")?,
    );
    let output = conv2d(&mut layer.tape, input, weight, bias, geometry)?;
    layer.expect("y", output);
    let of: Vec<_> = [("gx", input), ("gweight", weight)]
        .into_iter()
        .chain(bias.map(|bias| ("gbias", bias)))
        .collect();
    layer.gradients(output, &of)
}

fn transposed_convolution(layer: &mut Layer) -> Result<(), Problem> {
    let geometry = geometry(layer.case)?;
    let output_padding = if layer.case.has_field("output_padding") {
        layer.case.count("output_padding")?
    } else {
        0
    };
    let (input, weight, bias) = (
        layer.input("x")?,
        layer.weight("weight", true)?,
        layer.optional("bias")?,
    );
    let shape = layer.tape.shape(input);
    let op = ConvTranspose2d {
        geometry,
        out_height: geometry.large(shape.height()) + output_padding,
        out_width: geometry.large(shape.width()) + output_padding,
        transposed_weight: false,
        name: "conv_transpose2d",
    };
    let operands: Vec<_> = [input, weight].into_iter().chain(bias).collect();
    let output = layer.tape.record(op, &operands)?;
    layer.expect("y", output);
    let of: Vec<_> = [("gx", input), ("gweight", weight)]
        .into_iter()
        .chain(bias.map(|bias| ("gbias", bias)))
        .collect();
    layer.gradients(output, &of)
}

fn batch_normalisation(layer: &mut Layer) -> Result<(), Problem> {
    let case = layer.case;
    let (eps, momentum) = (case.number("eps")? as f32, case.number("momentum")? as f32);
    let input = layer.input("x")?;
    let affine = [layer.input("weight")?, layer.input("bias")?];
    let states = [layer.state("running_mean")?, layer.state("running_var")?];
    let running = states.map(|state| layer.read_state(state));
    let output = match case.text("mode")? {
        "eval" => batch_norm_running(&mut layer.tape, input, affine, running, eps)?,
        "train" => {
            let (output, stats) = batch_norm(&mut layer.tape, input, affine, Groups::Batch, eps)?;
            let count = layer.tape.shape(input).rows();
            update_running_statistics(&mut layer.tape, stats, running, count, momentum, eps)?;
            output
        }
        other => {
            return Err(Problem::Fail(format!(
                "mode {other} is neither train nor eval"
            )));
        }
    };
    layer.expect("y", output);
    for (role, state) in ["running_mean_after", "running_var_after"]
        .into_iter()
        .zip(states)
    {
        if case.has(role) {
            layer.expect_state(role, state);
        }
    }
    layer.gradients(
        output,
        &[("gx", input), ("gweight", affine[0]), ("gbias", affine[1])],
    )
}

fn instance_normalisation(layer: &mut Layer) -> Result<(), Problem> {
    if layer.case.switch("track_running_stats") {
        return Err(Problem::Skip(
            "instance norm with running statistics is in none of the networks".into(),
        ));
    }
    let eps = layer.case.number("eps")? as f32;
    let input = layer.input("x")?;
    let (output, of) = match (layer.optional("weight")?, layer.optional("bias")?) {
        (Some(weight), Some(bias)) => {
            let (output, _) = batch_norm(
                &mut layer.tape,
                input,
                [weight, bias],
                Groups::Instance,
                eps,
            )?;
            (
                output,
                vec![("gx", input), ("gweight", weight), ("gbias", bias)],
            )
        }
        _ => (
            instance_norm(&mut layer.tape, input, eps)?,
            vec![("gx", input)],
        ),
    };
    layer.expect("y", output);
    layer.gradients(output, &of)
}

fn activation(layer: &mut Layer, activation: Activation) -> Result<(), Problem> {
    let input = layer.input("x")?;
    let output = activate(&mut layer.tape, input, activation)?;
    layer.expect("y", output);
    layer.gradients(output, &[("gx", input)])
}

/// With the mask of the case, as [`pix2pix::nn::DropoutMode::Given`] applies it.
fn dropout(layer: &mut Layer) -> Result<(), Problem> {
    let p = layer.case.number("p")?;
    let (input, mask) = (layer.input("x")?, layer.input("mask")?);
    let output = multiply(&mut layer.tape, input, mask, (1.0 / (1.0 - p)) as f32)?;
    layer.expect("y", output);
    layer.gradients(output, &[("gx", input)])
}

fn concatenation(layer: &mut Layer) -> Result<(), Problem> {
    layer
        .case
        .require("dim", 1.0, "images are joined on the channel axis only")?;
    let operands = [layer.input("a")?, layer.input("b")?];
    let output = layer.tape.record(Concat, &operands)?;
    layer.expect("y", output);
    layer.gradients(output, &[("ga", operands[0]), ("gb", operands[1])])
}

fn gan_loss(layer: &mut Layer) -> Result<(), Problem> {
    let target = layer.case.number("target")?;
    let kind = layer.case.gan_loss("mode")?;
    let input = layer.input("x")?;
    let smooth = target as f32;
    let output = match kind {
        _ if target == 1.0 => gan(&mut layer.tape, input, Verdict::Real, kind)?,
        _ if target == 0.0 => gan(&mut layer.tape, input, Verdict::Fake, kind)?,
        GanLoss::Vanilla => layer.tape.record(
            Loss {
                kind: LossKind::BceWithLogits { target: smooth },
            },
            &[input],
        )?,
        GanLoss::Lsgan => layer.tape.record(
            Loss {
                kind: LossKind::Mse { target: smooth },
            },
            &[input],
        )?,
        GanLoss::Hinge | GanLoss::Wgangp => {
            return Err(Problem::Fail(format!(
                "target {target}: {kind:?} knows 0 and 1"
            )));
        }
    };
    layer.expect("loss", output);
    layer.gradients(output, &[("gx", input)])
}

fn l1_loss(layer: &mut Layer) -> Result<(), Problem> {
    let factor = if layer.case.has_field("scale") {
        layer.case.number("scale")? as f32
    } else {
        1.0
    };
    let (input, target) = (layer.input("x")?, layer.input("target")?);
    let mean = distance(&mut layer.tape, input, target, Distance::L1)?;
    let output = scale(&mut layer.tape, mean, factor)?;
    layer.expect("loss", output);
    layer.gradients(output, &[("gx", input)])
}
