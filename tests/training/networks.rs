//! The networks of a run beside the reference's: initial weights, numbers of parameters, and the
//! keys and shapes in their files.

use crate::runs::{session_after, tensors, train};
use pix2pix::data::Batch;
use pix2pix::nn::{
    DropoutAt, Generator, GeneratorConfig, Norm, PatchGan, PatchGanConfig, ResNetConfig,
    UNetConfig, Upsample,
};
use pix2pix::state::StateList;
use pix2pix::tape::ArenaPart;
use pix2pix::train::{Config, Length};
use pix2pix_harness::config::small_config;
use pix2pix_harness::gpu;
use pollster::block_on;
use std::collections::BTreeMap;
use std::path::Path;

#[test]
fn initial_weights_have_the_references_distribution() {
    let gpu = gpu();
    let session = session_after(&gpu, &small_config(32, 16), 0, &Batch::default());
    let list = session.store.states();
    for state in list.states() {
        let values = block_on(session.store.read(&gpu, state.id, ArenaPart::Value)).unwrap();
        let count = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let deviation = (values
            .iter()
            .map(|&v| (f64::from(v) - mean).powi(2))
            .sum::<f64>()
            / count)
            .sqrt();
        let is_norm_weight = state.name.ends_with("weight")
            && state.shape == pix2pix::tensor::Shape::vector(state.shape.channels());
        let expected = match state.name.rsplit('.').next().unwrap() {
            "weight" => (if is_norm_weight { 1.0 } else { 0.0 }, 0.02),
            "running_var" => (1.0, 0.0),
            _ => (0.0, 0.0),
        };
        // Five standard errors of each.
        let bound = 5.0 * expected.1 / count.sqrt();
        assert!(
            (mean - expected.0).abs() <= bound && (deviation - expected.1).abs() <= bound,
            "{}: {mean}, {deviation}",
            state.name
        );
    }
}

/// Keys and shapes of a U-Net's state dict as the reference builds it, by its rules: outermost
/// block outside, innermost inside.
fn reference_keys(num_downs: usize, ngf: usize) -> BTreeMap<String, Vec<usize>> {
    let mut keys = BTreeMap::new();
    let norm = |keys: &mut BTreeMap<String, Vec<usize>>, key: String, channels: usize| {
        for part in ["weight", "bias", "running_mean", "running_var"] {
            keys.insert(format!("{key}.{part}"), vec![channels]);
        }
        keys.insert(format!("{key}.num_batches_tracked"), Vec::new());
    };
    keys.insert("model.model.0.weight".to_owned(), vec![ngf, 3, 4, 4]);
    keys.insert("model.model.3.weight".to_owned(), vec![2 * ngf, 3, 4, 4]);
    keys.insert("model.model.3.bias".to_owned(), vec![3]);
    let mut block = "model.model.1".to_owned();
    for depth in 1..num_downs {
        let (outer, inner) = (ngf * 8.min(1 << (depth - 1)), ngf * 8.min(1 << depth));
        keys.insert(format!("{block}.model.1.weight"), vec![inner, outer, 4, 4]);
        if depth + 1 == num_downs {
            keys.insert(format!("{block}.model.3.weight"), vec![inner, outer, 4, 4]);
            norm(&mut keys, format!("{block}.model.4"), outer);
        } else {
            norm(&mut keys, format!("{block}.model.2"), inner);
            keys.insert(
                format!("{block}.model.5.weight"),
                vec![2 * inner, outer, 4, 4],
            );
            norm(&mut keys, format!("{block}.model.6"), outer);
            block += ".model.3";
        }
    }
    keys
}

/// The keys of a file that begin with `prefix`, without it, and the shapes of their tensors.
fn shapes(path: &Path, prefix: &str) -> BTreeMap<String, Vec<usize>> {
    let strip = |(key, (shape, _)): (String, _)| {
        key.strip_prefix(prefix).map(|key| (key.to_owned(), shape))
    };
    tensors(path).into_iter().filter_map(strip).collect()
}

fn check_discriminator(path: &Path) {
    let discriminator = shapes(path, "");
    let expected = [
        ("model.0.weight", vec![4, 6, 4, 4]),
        ("model.0.bias", vec![4]),
        ("model.2.weight", vec![8, 4, 4, 4]),
        ("model.5.weight", vec![16, 8, 4, 4]),
        ("model.8.weight", vec![32, 16, 4, 4]),
        ("model.9.running_var", vec![32]),
        ("model.11.weight", vec![1, 32, 4, 4]),
        ("model.11.bias", vec![1]),
    ];
    for (key, shape) in expected {
        assert_eq!(discriminator.get(key), Some(&shape), "{key}");
    }
    assert_eq!(discriminator.len(), 7 + 3 * 5);
}

#[test]
fn files_have_the_references_keys_and_shapes() {
    let gpu = gpu();
    let root = tempfile::tempdir().unwrap();
    let config = Config {
        length: Length::Steps(2),
        ..small_config(64, 4)
    };
    let run = train(&gpu, &config, root.path(), "keys");
    let generator = reference_keys(6, 4);
    assert_eq!(
        shapes(&run.path().join("generator.safetensors"), ""),
        generator
    );
    let mut checkpoint = shapes(&run.checkpoint_path(2), "");
    checkpoint.retain(|key, _| !key.starts_with("net_D.") && !key.starts_with("optimizer_"));
    assert_eq!(checkpoint, generator);
    let trained: Vec<&String> = generator
        .keys()
        .filter(|key| !key.contains("running_") && !key.contains("tracked"))
        .collect();
    for moment in ["optimizer_G.exp_avg.", "optimizer_G.exp_avg_sq."] {
        assert_eq!(
            shapes(&run.checkpoint_path(2), moment)
                .keys()
                .collect::<Vec<_>>(),
            trained
        );
    }
    check_discriminator(&run.path().join("discriminator.safetensors"));
    let tracked = |file: &str, key: &str| tensors(&run.path().join(file))[key].1.clone();
    // Two steps; the discriminator sees three batches in each.
    assert_eq!(
        tracked(
            "generator.safetensors",
            "model.model.1.model.2.num_batches_tracked"
        ),
        2i64.to_le_bytes()
    );
    assert_eq!(
        tracked("discriminator.safetensors", "model.3.num_batches_tracked"),
        6i64.to_le_bytes()
    );
}

#[test]
fn generators_have_as_many_parameters_as_the_references() {
    let unet = |skips| {
        GeneratorConfig::UNet(UNetConfig {
            in_channels: 3,
            out_channels: 3,
            num_downs: 8,
            ngf: 64,
            norm: Norm::Batch,
            dropout: true,
            dropout_at: DropoutAt::Pytorch,
            skips,
            upsample: Upsample::Deconv,
        })
    };
    let res_net = |blocks, norm| {
        GeneratorConfig::ResNet(ResNetConfig {
            in_channels: 3,
            out_channels: 3,
            blocks,
            ngf: 64,
            norm,
            dropout: true,
            upsample: Upsample::Deconv,
        })
    };
    for (config, count) in [
        (unet(true), 54_413_955),
        (unet(false), 39_075_459),
        (res_net(6, Norm::Batch), 7_841_411),
        (res_net(9, Norm::Batch), 11_383_427),
        (res_net(9, Norm::Instance), 11_378_179),
    ] {
        let mut states = StateList::default();
        let generator = Generator::new(&mut states, &config).unwrap();
        assert_eq!(
            states.parameter_count(generator.parameters()),
            count,
            "{config:?}"
        );
    }
}

#[test]
fn discriminators_have_as_many_parameters_as_the_references() {
    for (n_layers, count) in [
        (0, 9_024),
        (1, 139_585),
        (2, 666_433),
        (3, 2_768_705),
        (4, 6_964_033),
        (5, 11_159_361),
    ] {
        let config = PatchGanConfig {
            in_channels: 6,
            ndf: 64,
            n_layers,
            norm: Norm::Batch,
        };
        let mut states = StateList::default();
        let net = PatchGan::new(&mut states, &config).unwrap();
        assert_eq!(
            states.parameter_count(net.parameters()),
            count,
            "{n_layers} layers"
        );
    }
}
