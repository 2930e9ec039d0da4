//! Networks of all kinds under all names, in files that the tests make.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::nn::{Discriminator, DropoutAt, Generator, Norm, PatchGanConfig};
use crate::nn::{ResNetConfig, UNetConfig, Upsample};
use safetensors::tensor::{Dtype, TensorView};
use std::path::Path;

/// Keys and shapes.
type Tensors = Vec<(String, Vec<usize>)>;

fn u_net(norm: Norm) -> GeneratorConfig {
    GeneratorConfig::UNet(UNetConfig {
        in_channels: 3,
        out_channels: 3,
        num_downs: 3,
        ngf: 1,
        norm,
        dropout: true,
        dropout_at: DropoutAt::Pytorch,
        skips: true,
        upsample: Upsample::Deconv,
    })
}

fn res_net(norm: Norm) -> GeneratorConfig {
    GeneratorConfig::ResNet(ResNetConfig {
        in_channels: 3,
        out_channels: 3,
        blocks: 2,
        ngf: 1,
        norm,
        dropout: false,
        upsample: Upsample::Deconv,
    })
}

fn tensors(states: &StateList) -> Tensors {
    let tensor = |state: &StateSpec| {
        let shape = reference_shape(state.shape, state.transposed);
        (state.name.clone(), shape)
    };
    states.states().iter().map(tensor).collect()
}

fn of_generator(config: &GeneratorConfig) -> Tensors {
    let mut states = StateList::default();
    Generator::new(&mut states, config).unwrap();
    tensors(&states)
}

/// The running statistics that old files have for each normalisation.
fn statistics_of(config: &GeneratorConfig) -> Tensors {
    let generator = Generator::new(&mut StateList::default(), config).unwrap();
    let keys = generator.unused_keys().iter();
    keys.map(|key| (key.clone(), vec![1])).collect()
}

fn of_discriminator(norm: Norm) -> Tensors {
    of_discriminators(norm, 1)
}

fn of_discriminators(norm: Norm, scales: usize) -> Tensors {
    let mut states = StateList::default();
    Discriminator::new(&mut states, &discriminators(norm, 2, scales)).unwrap();
    tensors(&states)
}

fn discriminators(norm: Norm, n_layers: usize, scales: usize) -> DiscriminatorConfig {
    let patch = PatchGanConfig {
        in_channels: 6,
        ndf: 1,
        n_layers,
        norm,
    };
    DiscriminatorConfig { patch, scales }
}

fn under(prefix: &str, tensors: &Tensors) -> Tensors {
    let named = |(key, shape): &(String, Vec<usize>)| (format!("{prefix}{key}"), shape.clone());
    tensors.iter().map(named).collect()
}

fn file(tensors: &[Tensors]) -> TensorFile {
    let zeros = vec![0; 1 << 16];
    let views = tensors.iter().flatten().map(|(key, shape)| {
        let bytes = 4 * shape.iter().product::<usize>();
        let view = TensorView::new(Dtype::F32, shape.clone(), &zeros[..bytes]).unwrap();
        (key.clone(), view)
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    TensorFile::parse(Path::new("file.safetensors"), bytes).unwrap()
}

const GENERATOR: NetworkChoice = NetworkChoice::Kind(NetworkKind::Generator);
const DISCRIMINATOR: NetworkChoice = NetworkChoice::Kind(NetworkKind::Discriminator);

fn named(name: &str) -> NetworkChoice {
    NetworkChoice::Named(name.to_owned())
}

fn find(tensors: &[Tensors], choice: &NetworkChoice) -> Result<NetworkFile, String> {
    find_network(&file(tensors), choice, None).map_err(|error| error.to_string())
}

#[test]
fn a_generator_is_found_behind_any_prefix() {
    let configs = [
        Norm::Batch,
        Norm::Instance,
        Norm::InstanceAffine,
        Norm::None,
    ];
    let configs = configs.map(|norm| [u_net(norm), res_net(norm)]);
    for config in configs.as_flattened() {
        let generator = of_generator(config);
        let keys: Vec<&str> = generator.iter().map(|(key, _)| key.as_str()).collect();
        for prefix in [
            "",
            "module.",
            "_orig_mod.",
            "module._orig_mod.",
            "netG.",
            "generator.",
            "model.",
            "state_dict.netG.",
            "model_state_dict.G.",
            "params_ema.",
            "state_dict.generator.module.",
        ] {
            let discriminator = under("netD.", &of_discriminator(Norm::Batch));
            let beside = match prefix.contains('G') {
                true => vec![under(prefix, &generator), discriminator],
                false => vec![under(prefix, &generator)],
            };
            let found = find(&beside, &GENERATOR).unwrap();
            assert_eq!(&found.model.unwrap().generator, config, "{prefix}");
            let mut expected = keys.clone();
            expected.sort_unstable();
            assert!(
                found.file.shapes().map(|(key, _)| key).eq(expected),
                "{prefix}"
            );
            let others = matches!(&found.notes[..], [WeightsNote::Others { count, .. }]
                if *count == of_discriminator(Norm::Batch).len());
            assert_eq!(others, beside.len() == 2, "{:?}", found.notes);
        }
    }
}

#[test]
fn a_state_dict_shows_how_many_scales_there_are() {
    for scales in 1..=DiscriminatorConfig::MOST_SCALES {
        for (norm, n_layers) in [(Norm::Batch, 3), (Norm::Instance, 1), (Norm::None, 0)] {
            let config = discriminators(norm, n_layers, scales);
            let mut states = StateList::default();
            Discriminator::new(&mut states, &config).unwrap();
            let file = file(&[tensors(&states)]);
            let found = DiscriminatorConfig::from_shapes(&file.shapes().collect());
            assert_eq!(found, Some(config));
        }
    }
}

#[test]
fn the_scales_of_a_discriminator_are_one_network() {
    let scales = of_discriminators(Norm::Batch, 3);
    let generator = of_generator(&u_net(Norm::Batch));
    for (all, choice) in [
        (vec![scales.clone()], DISCRIMINATOR),
        (
            vec![under("netD.", &scales), generator.clone()],
            DISCRIMINATOR,
        ),
        (
            vec![under("netD.", &scales), of_discriminator(Norm::Batch)],
            named("netD"),
        ),
    ] {
        let found = find(&all, &choice).unwrap();
        assert!(found.model.is_none());
        assert_eq!(found.file.shapes().count(), scales.len());
    }
    // A scale that is not whole, and one that is built otherwise.
    let mut torn = scales.clone();
    torn.retain(|(key, _)| key != "scale2.model.3.bias");
    let message = find(&[torn], &DISCRIMINATOR).unwrap_err();
    assert!(message.contains("scale2.model.3.bias"), "{message}");
    let other = under("scale3.", &of_discriminator(Norm::Instance));
    let message = find(&[scales, other], &DISCRIMINATOR).unwrap_err();
    assert!(message.contains("scale3.model.0"), "{message}");
}

/// Such a file is no discriminator either: what it needs is named.
#[test]
fn a_generator_that_resizes_its_maps_asks_how() {
    let mut config = u_net(Norm::Batch);
    if let GeneratorConfig::UNet(config) = &mut config {
        config.upsample = Upsample::Bilinear;
    }
    let error = find_generator(&file(&[of_generator(&config)]), &GENERATOR, None).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("`upsample` bilinear"), "{message}");
    assert!(!message.contains("discriminator"), "{message}");
}

#[test]
fn of_several_networks_the_one_that_is_meant_is_taken_or_all_are_named() {
    let (a, b) = (
        of_generator(&u_net(Norm::Batch)),
        of_generator(&u_net(Norm::Instance)),
    );
    let d = of_discriminator(Norm::Instance);
    let all = [
        under("netG_A.", &a),
        under("nets.netG_B.", &b),
        under("netD_A.", &d),
    ];
    let message = find(&all, &GENERATOR).unwrap_err();
    assert!(
        message.contains("netG_A, nets.netG_B") && message.contains("`network`"),
        "{message}"
    );
    assert!(!message.contains("netD_A"), "{message}");
    for (name, norm) in [("netG_A", Norm::Batch), ("netG_B", Norm::Instance)] {
        let found = find(&all, &named(name)).unwrap();
        assert_eq!(found.model.unwrap().generator, u_net(norm));
    }
    assert!(find(&all, &DISCRIMINATOR).unwrap().model.is_none());
    assert!(find(&all, &named("netD_A")).unwrap().model.is_none());
    let message = find(&all, &named("netG")).unwrap_err();
    assert!(message.contains("no network netG"), "{message}");
    assert!(message.contains("netD_A"), "{message}");
    // To name it as a discriminator would not help: a generator is needed.
    let alone = [of_discriminator(Norm::Batch)];
    for (tensors, choice) in [
        (&all[..], named("netD_A")),
        (&alone[..], GENERATOR),
        (&alone[..], DISCRIMINATOR),
    ] {
        let error = find_generator(&file(tensors), &choice, None).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("a discriminator, which makes no images"),
            "{message}"
        );
        assert!(!message.contains("`network`"), "{message}");
    }
    // One of them is whole.
    let mut torn = a.clone();
    torn.push(("model.model.9.weight".to_owned(), vec![1]));
    let one = [under("netG_A.", &torn), under("netG_B.", &b)];
    assert_eq!(
        find(&one, &GENERATOR).unwrap().model.unwrap().generator,
        u_net(Norm::Instance)
    );
}

#[test]
fn running_statistics_of_instance_norm_are_left_out_and_said() {
    for config in [Norm::Instance, Norm::InstanceAffine]
        .map(|norm| [u_net(norm), res_net(norm)])
        .as_flattened()
    {
        let (generator, statistics) = (of_generator(config), statistics_of(config));
        let found = find(&[generator.clone(), statistics.clone()], &GENERATOR).unwrap();
        assert_eq!(&found.model.unwrap().generator, config);
        let counted = 2 * statistics.len() / 3;
        assert!(
            matches!(&found.notes[..], [WeightsNote::UnusedStatistics { count, .. }]
                if *count == counted),
            "{:?}",
            found.notes
        );
        // Where the network has no normalisation, statistics are of another network.
        let more = vec![("model.model.0.running_mean".to_owned(), vec![1])];
        let message = find(&[generator, statistics, more], &GENERATOR).unwrap_err();
        assert!(message.contains("model.model.0.running_mean"), "{message}");
    }
    let found = find(&[of_discriminator(Norm::Instance)], &DISCRIMINATOR).unwrap();
    assert!(found.notes.is_empty());
    let old = vec![("model.3.running_mean".to_owned(), vec![2])];
    let found = find(&[of_discriminator(Norm::Instance), old], &DISCRIMINATOR).unwrap();
    let expected = "1 running statistics are left out, for example model.3.running_mean: instance \
                    norm never uses them";
    assert_eq!(found.notes[0].to_string(), expected);
}

#[test]
fn what_the_network_has_no_place_for_is_refused_by_its_name() {
    for (prefix, key) in [
        ("", "model.model.1.attention.weight"),
        ("module.", "filt"),
        ("netG.", "model.model.1.model.2.scale"),
    ] {
        let generator = of_generator(&u_net(Norm::Batch));
        let extra = vec![(key.to_owned(), vec![3])];
        let message = find(
            &[under(prefix, &generator), under(prefix, &extra)],
            &GENERATOR,
        )
        .unwrap_err();
        assert!(
            message.contains(&format!(
                "tensor {prefix}{key} of [3] is none of this network's"
            )),
            "{message}"
        );
    }
    // Batch norm whose convolutions have a bias is read as affine instance norm with statistics
    // only if all of them have one.
    let mut biased = of_generator(&res_net(Norm::Batch));
    biased.push(("model.4.bias".to_owned(), vec![2]));
    let message = find(&[biased], &GENERATOR).unwrap_err();
    assert!(message.contains("model.4.bias"), "{message}");
}

#[test]
fn a_file_without_a_network_says_what_it_holds() {
    let other = vec![
        ("backbone.stem.weight".to_owned(), vec![4, 3, 3, 3]),
        ("head.fc.weight".to_owned(), vec![2, 4]),
        ("head.fc.bias".to_owned(), vec![2]),
    ];
    for choice in [GENERATOR, named("netG")] {
        let message = find(std::slice::from_ref(&other), &choice).unwrap_err();
        assert!(message.contains("backbone (1), head (2)"), "{message}");
    }
}

#[test]
fn many_networks_cost_no_more_than_their_file() {
    let d = of_discriminator(Norm::None);
    let all: Vec<Tensors> = (0..500).map(|i| under(&format!("n{i}."), &d)).collect();
    let message = find(&all, &DISCRIMINATOR).unwrap_err();
    assert!(message.contains("n0"), "{message}");
}
