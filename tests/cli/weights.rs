//! State dicts of all kinds, as models, as the start of a training, and converted.

use crate::{dataset, fail, open, picture, stderr, succeed, temporary};
use pix2pix::interop::reference_shape;
use pix2pix::nn::{
    DropoutAt, Generator, GeneratorConfig, Norm, PatchGan, PatchGanConfig, UNetConfig, Upsample,
};
use pix2pix::state::StateList;
use safetensors::tensor::{Dtype, TensorView};
use std::fs;
use std::path::Path;

/// Keys, shapes and values.
type StateDict = Vec<(String, Vec<usize>, Vec<f32>)>;

/// Values that look random and depend on the key alone.
fn values(key: &str, shape: &[usize]) -> Vec<f32> {
    let mut seed = key.bytes().fold(7_u32, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(u32::from(byte))
    });
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..shape.iter().product()).map(|_| next()).collect()
}

fn filled(states: &StateList) -> StateDict {
    let tensor = |state: &pix2pix::state::StateSpec| {
        let shape = reference_shape(state.shape, state.transposed);
        let values = values(&state.name, &shape);
        (state.name.clone(), shape, values)
    };
    states.states().iter().map(tensor).collect()
}

fn u_net(norm: Norm) -> StateDict {
    let config = GeneratorConfig::UNet(UNetConfig {
        in_channels: 3,
        out_channels: 3,
        num_downs: 3,
        ngf: 2,
        norm,
        dropout: true,
        dropout_at: DropoutAt::Pytorch,
        skips: true,
        upsample: Upsample::Deconv,
    });
    let mut states = StateList::default();
    Generator::new(&mut states, &config).unwrap();
    filled(&states)
}

fn patch_gan(norm: Norm) -> StateDict {
    let config = PatchGanConfig {
        in_channels: 6,
        ndf: 1,
        n_layers: 3,
        norm,
    };
    let mut states = StateList::default();
    PatchGan::new(&mut states, &config).unwrap();
    filled(&states)
}

/// The tensors behind a name.
fn named(name: &str, network: StateDict) -> StateDict {
    let rename = |(key, shape, values)| (format!("{name}.{key}"), shape, values);
    network.into_iter().map(rename).collect()
}

/// The running statistics of instance norm that old files have.
fn statistics(keys: &[String]) -> StateDict {
    let one = |key: &String| (key.clone(), vec![1], vec![0.5]);
    keys.iter().map(one).collect()
}

fn write(path: &Path, prefix: &str, tensors: &StateDict) {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(.., values)| values.iter().flat_map(|v| v.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((key, shape, _), bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
        (format!("{prefix}{key}"), view)
    });
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

/// The largest difference between two pictures.
fn difference(a: &Path, b: &Path) -> u8 {
    let [a, b] = [a, b].map(|path| open(path).to_rgb8());
    assert_eq!(a.dimensions(), b.dimensions());
    let pairs = a.as_raw().iter().zip(b.as_raw());
    pairs.map(|(&a, &b)| a.abs_diff(b)).max().unwrap()
}

#[test]
fn affine_instance_norm_is_applied_in_every_use() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("a.png"), 96, 64);
    let affine = u_net(Norm::InstanceAffine);
    let mut unit = affine.clone();
    let is_norm = |key: &str, shape: &[usize]| {
        shape.len() == 1
            && affine.iter().any(|(other, shape, _)| {
                let layer = key.rsplit_once('.').map(|(layer, _)| layer);
                shape.len() == 1 && other.strip_suffix(".weight") == layer
            })
    };
    for (key, shape, values) in &mut unit {
        if is_norm(key, shape) {
            values.fill(if key.ends_with("weight") { 1.0 } else { 0.0 });
        }
    }
    write(&root.join("plain.safetensors"), "", &u_net(Norm::Instance));
    write(&root.join("unit.safetensors"), "module.", &unit);
    write(&root.join("affine.safetensors"), "netG.", &affine);
    let translate = |model: &str, options: &str| {
        succeed(
            root,
            &format!("translate a.png --model {model} --out {model}-out --force {options}"),
        );
        root.join(format!("{model}-out/a.png"))
    };
    let [plain, unit] = ["plain", "unit"].map(|name| translate(&format!("{name}.safetensors"), ""));
    assert_eq!(difference(&plain, &unit), 0);
    let whole = translate("affine.safetensors", "");
    assert!(difference(&plain, &whole) > 20);

    succeed(root, "convert affine.safetensors affine.pth");
    succeed(root, "convert affine.pth back.safetensors");
    let bytes = fs::read(root.join("back.safetensors")).unwrap();
    let back = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(back.len(), affine.len());
    for (key, _, values) in &affine {
        let expected: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(back.tensor(key).unwrap().data(), expected, "{key}");
    }
    for model in ["affine.pth", "back.safetensors"] {
        assert_eq!(difference(&whole, &translate(model, "")), 0);
    }
    succeed(root, "convert affine.pth affine.onnx");
    let onnx = fs::read(root.join("affine.onnx")).unwrap();
    let has = |text: &str| onnx.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(has("InstanceNormalization") && has("model.model.1.model.2.weight"));
    // Instance norm sees the whole image, so tiles are refused or blended, with and without weight.
    let tiled = translate("affine.pth", "--tile 64 --overlap 32");
    let plain_tiled = translate("plain.safetensors", "--tile 64 --overlap 32");
    assert!(difference(&tiled, &plain_tiled) > 20);
}

/// The keys of the running statistics of these layers.
fn running_keys(norms: &[&str]) -> Vec<String> {
    let of_layer =
        |layer: &&str| ["running_mean", "running_var"].map(|what| format!("{layer}.{what}"));
    norms.iter().flat_map(of_layer).collect()
}

#[test]
fn running_statistics_of_instance_norm_change_nothing() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("a.png"), 32, 32);
    let generator = u_net(Norm::Instance);
    let norms = [
        "model.model.1.model.2",
        "model.model.1.model.3.model.4",
        "model.model.1.model.6",
    ];
    let old = [generator.clone(), statistics(&running_keys(&norms))].concat();
    write(&root.join("new.safetensors"), "", &generator);
    write(&root.join("old.safetensors"), "", &old);
    for name in ["new", "old"] {
        let said = stderr(&succeed(
            root,
            &format!("translate a.png --model {name}.safetensors --out {name}"),
        ));
        let note = "note: old.safetensors: 6 running statistics are left out, for example \
                    model.model.1.model.2.running_mean: instance norm never uses them";
        assert_eq!(said.contains(note), name == "old", "{said}");
    }
    assert_eq!(
        difference(&root.join("new/a.png"), &root.join("old/a.png")),
        0
    );
    for ending in ["pth", "safetensors", "onnx"] {
        for name in ["new", "old"] {
            succeed(
                root,
                &format!("convert {name}.safetensors {name}2.{ending}"),
            );
        }
        let [new, old] =
            ["new2", "old2"].map(|name| fs::read(root.join(format!("{name}.{ending}"))).unwrap());
        assert!(new == old, "{ending}");
    }

    let discriminator = [
        patch_gan(Norm::Instance),
        statistics(&running_keys(&["model.3", "model.6", "model.9"])),
    ];
    write(&root.join("d.safetensors"), "", &discriminator.concat());
    dataset(&root.join("pairs"), 1);
    let said = stderr(&succeed(
        root,
        "train pairs --size 32 --depth 3 --ngf 2 --ndf 1 --steps 1 --name r --norm instance \
         --pretrained old.safetensors --pretrained-discriminator d.safetensors",
    ));
    for note in [
        "old.safetensors: 6 running statistics",
        "d.safetensors: 6 running statistics",
    ] {
        assert!(said.contains(note), "{said}");
    }
}

#[test]
fn several_networks_in_a_file_are_named_and_picked() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("a.png"), 32, 32);
    let both = [
        named("netG_A", u_net(Norm::Batch)),
        named("netG_B", u_net(Norm::Instance)),
    ]
    .concat();
    write(&root.join("both.safetensors"), "state_dict.", &both);
    write(&root.join("b.safetensors"), "", &u_net(Norm::Instance));
    for line in [
        "translate a.png --model both.safetensors --out x",
        "convert both.safetensors x.pth",
    ] {
        let message = fail(root, 1, line);
        assert!(
            message.contains("netG_A, state_dict.netG_B") && message.contains("--network"),
            "{message}"
        );
    }
    let said = stderr(&succeed(
        root,
        "translate a.png --model both.safetensors --network netG_B --out one",
    ));
    assert!(
        said.contains("note: both.safetensors: the network state_dict.netG_B is used"),
        "{said}"
    );
    succeed(root, "translate a.png --model b.safetensors --out alone");
    assert_eq!(
        difference(&root.join("one/a.png"), &root.join("alone/a.png")),
        0
    );
}

#[test]
fn a_generator_beside_its_discriminator_needs_no_name() {
    let folder = temporary();
    let root = folder.path();
    let (generator, discriminator) = (u_net(Norm::Batch), patch_gan(Norm::Batch));
    write(&root.join("alone.safetensors"), "", &generator);
    succeed(root, "convert alone.safetensors alone.pth");
    for (g, d) in [("netG", "netD"), ("generator", "discriminator"), ("G", "D")] {
        let both = [named(d, discriminator.clone()), named(g, generator.clone())];
        write(&root.join("gan.safetensors"), "state_dict.", &both.concat());
        let said = stderr(&succeed(root, "convert gan.safetensors gan.pth --force"));
        let note = format!(
            "note: gan.safetensors: the network state_dict.{g} is used; {} other tensors are left \
             out, for example state_dict.{d}.",
            discriminator.len()
        );
        assert!(said.contains(&note), "{said}");
        let [alone, gan] = ["alone", "gan"].map(|name| fs::read(root.join(format!("{name}.pth"))));
        assert!(alone.unwrap() == gan.unwrap(), "{g}");
    }
}
