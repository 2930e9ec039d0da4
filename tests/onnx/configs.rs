//! The generators that are compared.

use pix2pix::data::Pixels;
use pix2pix::nn::{
    DropoutAt, Fit, GeneratorConfig, Norm, ResNetConfig, TestNorm, TestTime, UNetConfig, Upsample,
};
use pix2pix::tensor::DType;
use pix2pix::train::ModelConfig;

pub fn unet(norm: Norm) -> UNetConfig {
    let (dropout_at, upsample) = (DropoutAt::Pytorch, Upsample::Deconv);
    UNetConfig {
        in_channels: 3,
        out_channels: 3,
        num_downs: 5,
        ngf: 4,
        norm,
        dropout: true,
        dropout_at,
        skips: true,
        upsample,
    }
}

fn resnet(norm: Norm, upsample: Upsample) -> ResNetConfig {
    ResNetConfig {
        in_channels: 3,
        out_channels: 3,
        blocks: 2,
        ngf: 4,
        norm,
        dropout: true,
        upsample,
    }
}

pub fn model(generator: GeneratorConfig, norm: TestNorm, fit: Fit) -> ModelConfig {
    let (input, output) = (Pixels::default(), Pixels::default());
    let test = TestTime {
        norm,
        dropout: false,
    };
    ModelConfig {
        size: generator.multiple() as u32,
        resized: false,
        generator,
        input,
        output,
        direction: None,
        value_range: None,
        output_value_range: None,
        nodata: None,
        fit,
        test,
        precision: DType::F32,
    }
}

/// Generators of a few channels: every norm, every statistic, every fit and every way up.
pub fn small_generators() -> Vec<(&'static str, GeneratorConfig, TestNorm, Fit)> {
    use Upsample::{Bilinear, Deconv, Nearest};
    let unets = |norm| GeneratorConfig::UNet(unet(norm));
    let resnets = |norm, upsample| GeneratorConfig::ResNet(resnet(norm, upsample));
    let resized = |upsample| {
        GeneratorConfig::UNet(UNetConfig {
            upsample,
            num_downs: 4,
            ..unet(Norm::Batch)
        })
    };
    let bare = GeneratorConfig::UNet(UNetConfig {
        skips: false,
        ..unet(Norm::Batch)
    });
    let (image, batch, running) = (TestNorm::Image, TestNorm::Batch, TestNorm::Running);
    let resnet_image = resnets(Norm::Instance, Deconv);
    let resnet_batch = resnets(Norm::Batch, Bilinear);
    let resnet_running = resnets(Norm::Batch, Nearest);
    vec![
        ("batch-image", unets(Norm::Batch), image, Fit::Pad),
        ("batch-batch", unets(Norm::Batch), batch, Fit::Crop),
        ("batch-running", unets(Norm::Batch), running, Fit::Pad),
        ("instance", unets(Norm::Instance), image, Fit::Crop),
        (
            "instance-affine",
            unets(Norm::InstanceAffine),
            image,
            Fit::Pad,
        ),
        ("none", unets(Norm::None), image, Fit::Pad),
        ("nearest", resized(Nearest), image, Fit::Pad),
        ("bilinear", resized(Bilinear), image, Fit::Crop),
        ("encoder-decoder", bare, image, Fit::Crop),
        ("resnet", resnet_image, image, Fit::Pad),
        ("resnet-batch", resnet_batch, batch, Fit::Pad),
        ("resnet-running", resnet_running, running, Fit::Pad),
    ]
}
