//! Translates one picture through a model.
//!
//! `cargo run --release --example translate -- generator.safetensors input.png output.png`
//!
//! The name of a bundled model does in place of a file.

use pix2pix::data::{Depth, Picture, read_picture};
use pix2pix::gpu::{DeviceOptions, Gpu};
use pix2pix::interop::load_network;
use pix2pix::models;
use pix2pix::nn::{Generator, Mode};
use pix2pix::program::Store;
use pix2pix::state::StateList;
use pix2pix::tape::ArenaPart;
use pix2pix::tensor::{DType, Shape};
use pix2pix::train::Translator;
use pix2pix::train::checkpoint::{self, NetworkChoice, NetworkKind};
use pollster::block_on;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, input, output] = arguments.as_slice() else {
        return Err("usage: translate MODEL INPUT OUTPUT".into());
    };
    let gpu = pollster::block_on(Gpu::open(&DeviceOptions {
        adapter: std::env::var("PIX2PIX_ADAPTER").ok(),
        ..DeviceOptions::default()
    }))?;

    // A file or a bundled model. It says how its network is built. The network's weights live in a
    // store.
    let file = models::open(Path::new(model))?;
    let choice = NetworkChoice::Kind(NetworkKind::Generator);
    let (file, config, _) = checkpoint::find_generator(&file, &choice, None)?;
    let mut states = StateList::new(DType::F32);
    let generator = Generator::new(&mut states, &config.generator)?;
    let store = Store::new(&gpu, states, false)?;
    load_network(
        &file,
        &gpu,
        &store,
        generator.parameters(),
        ArenaPart::Value,
        "",
    )?;

    let picture = read_picture(Path::new(input))?.to_rgb();
    let [height, width] = [picture.height() as usize, picture.width() as usize];
    let shape = Shape::nhwc(1, height, width, 3);
    let mode = Mode::translation();
    let translator = Translator::new(&gpu, &store, &generator, shape, config.fit, &mode)?;
    let pixels: Vec<f32> = picture.units().collect();
    let translated = block_on(translator.translate(&gpu, &store, &pixels, 0))?;
    let shape = translator.output_shape();
    let [width, height] = [shape.width() as u32, shape.height() as u32];
    let picture = Picture::from_unit(width, height, 3, Depth::Eight, &translated);
    image::save_buffer(
        output,
        picture.bytes(),
        width,
        height,
        image::ColorType::Rgb8,
    )?;
    Ok(())
}
