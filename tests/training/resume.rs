//! Whole runs: that they can be repeated, resumed and stopped by a NaN, that they learn, and what
//! their files hold.

use crate::runs::{
    assert_same_tensors, bundled, copy_of, resume, session_after, tensors, train, wave,
};
use pix2pix::data::Batch;
use pix2pix::gpu::Gpu;
use pix2pix::interop::TensorFile;
use pix2pix::nn::{
    DropoutAt, Generator, GeneratorConfig, PatchGan, PatchGanConfig, ResNetConfig, UNetConfig,
    Upsample,
};
use pix2pix::state::StateList;
use pix2pix::tape::ArenaPart;
use pix2pix::train::run::RunDir;
use pix2pix::train::{
    Config, LOSSES, Length, Policy, Recipe, Session, TrainError, Trainer, checkpoint,
};
use pix2pix_harness::config::{penalised, small_config};
use pix2pix_harness::gpu;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

const PARTS: [ArenaPart; 3] = [ArenaPart::Value, ArenaPart::Moment1, ArenaPart::Moment2];

/// The bits of every part of every state.
fn states(gpu: &Gpu, session: &Session, parts: &[ArenaPart]) -> BTreeMap<String, Vec<u32>> {
    let store = &session.store;
    let list = store.states();
    let read = |part: ArenaPart| {
        list.states().iter().map(move |state| {
            let values = store.read(gpu, state.id, part).unwrap();
            let key = format!(
                "{} {} {part:?}",
                list.get_arena(state.arena).name,
                state.name
            );
            (key, values.iter().map(|value| value.to_bits()).collect())
        })
    };
    parts.iter().flat_map(|&part| read(part)).collect()
}

#[test]
fn a_resumed_run_has_the_bits_of_one_that_never_stopped() {
    let gpu = gpu();
    // 64 pixels have six downs, so that there is dropout to repeat; the penalty draws where it
    // looks.
    let config = Config {
        batch_size: 2,
        checkpoint_every: 3,
        seed: 11,
        ..small_config(64, 4)
    };
    for config in [
        penalised(Config {
            size: 32,
            load_size: 36,
            num_downs: 5,
            ..config.clone()
        }),
        config,
    ] {
        resuming_changes_no_bit(&gpu, &config);
    }
}

fn resuming_changes_no_bit(gpu: &Gpu, config: &Config) {
    let root = tempfile::tempdir().unwrap();
    let whole = train(gpu, config, root.path(), "whole");
    let resumed = copy_of(&whole.checkpoint_path(3), root.path(), "resumed");
    let mut trainer = resume(gpu, &resumed);
    assert_eq!((trainer.step(), trainer.notes()), (3, &[][..]));
    trainer.train(&AtomicBool::new(false), &mut |_| {}).unwrap();
    assert_same_tensors(&whole.checkpoint_path(6), &resumed.checkpoint_path(6));
    for file in ["generator.safetensors", "discriminator.safetensors"] {
        assert_same_tensors(&whole.path().join(file), &resumed.path().join(file));
    }
    let different = tensors(&whole.checkpoint_path(3))
        .iter()
        .filter(|(key, value)| tensors(&whole.checkpoint_path(6))[*key] != **value)
        .count();
    assert!(
        different > 100,
        "only {different} tensors moved in three steps"
    );
}

#[test]
fn a_stopped_run_goes_on_with_the_same_bits_and_a_whole_metrics_file() {
    let gpu = gpu();
    // Stopped between two samples, and at the step of one.
    for sample_every in [5, 1] {
        let root = tempfile::tempdir().unwrap();
        let config = Config {
            length: Length::Steps(12),
            sample_every,
            ..small_config(32, 4)
        };
        let whole = train(&gpu, &config, root.path(), "whole");
        let stopped = RunDir::create(root.path(), "stopped").unwrap();
        let mut trainer =
            Trainer::start(&gpu, config.clone(), &bundled(&config), stopped.clone()).unwrap();
        let stop = AtomicBool::new(false);
        let outcome = trainer
            .train(&stop, &mut |_| stop.store(true, Ordering::Relaxed))
            .unwrap();
        assert!(
            outcome.interrupted && (1..12).contains(&outcome.step),
            "stopped at step {}",
            outcome.step
        );
        drop(trainer);
        resume(&gpu, &stopped)
            .train(&AtomicBool::new(false), &mut |_| {})
            .unwrap();
        assert_same_tensors(&whole.checkpoint_path(12), &stopped.checkpoint_path(12));
        let rows = |run: &RunDir| -> Vec<(u64, f32, Option<f32>)> {
            run.metrics()
                .unwrap()
                .iter()
                .map(|row| (row.step, row.g_l1, row.d_real))
                .collect()
        };
        assert_eq!(
            rows(&whole).iter().map(|row| row.0).collect::<Vec<_>>(),
            (1..=12).collect::<Vec<_>>()
        );
        assert_eq!(
            rows(&whole),
            rows(&stopped),
            "a sample every {sample_every} steps"
        );
    }
}

#[test]
fn a_resumed_plateau_goes_on_with_the_scores_it_has_seen() {
    let gpu = gpu();
    let root = tempfile::tempdir().unwrap();
    // So low a rate that no score is better than the one before by the threshold.
    let recipe = Recipe {
        schedule: Policy::Plateau,
        ..Recipe::default()
    };
    let base = Config {
        length: Length::Steps(20),
        sample_every: 1,
        checkpoint_every: 12,
        ..small_config(32, 2)
    };
    let config = Config {
        recipe,
        learning_rate: 1e-5,
        ..base
    };
    let whole = train(&gpu, &config, root.path(), "whole");
    let resumed = copy_of(&whole.checkpoint_path(12), root.path(), "resumed");
    let mut trainer = resume(&gpu, &resumed);
    let plateau = trainer.schedule().plateau;
    assert!(plateau.best.is_some() && plateau.drops == 1, "{plateau:?}");
    trainer.train(&AtomicBool::new(false), &mut |_| {}).unwrap();
    assert_same_tensors(&whole.checkpoint_path(20), &resumed.checkpoint_path(20));
    let progress = |run: &RunDir| {
        checkpoint::read_progress(&TensorFile::open(&run.checkpoint_path(20)).unwrap())
            .unwrap()
            .plateau
    };
    assert_eq!(progress(&whole), progress(&resumed));
    assert!(progress(&whole).drops > plateau.drops);
}

#[test]
fn one_seed_gives_one_run_and_another_seed_another() {
    let gpu = gpu();
    let config = small_config(64, 4);
    let batch = wave(&config);
    let run = |seed| {
        states(
            &gpu,
            &session_after(
                &gpu,
                &Config {
                    seed,
                    ..config.clone()
                },
                2,
                &batch,
            ),
            &PARTS,
        )
    };
    let first = run(1);
    assert!(first == run(1), "the same seed");
    let other = run(2);
    let same: Vec<&String> = first
        .keys()
        .filter(|key| key.ends_with("weight Value") && first[*key] == other[*key])
        .collect();
    assert!(same.is_empty(), "weights that no seed changes: {same:?}");
}

#[test]
fn initial_weights_have_the_references_distribution() {
    let gpu = gpu();
    let session = session_after(&gpu, &small_config(32, 16), 0, &Batch::default());
    let list = session.store.states();
    for state in list.states() {
        let values = session
            .store
            .read(&gpu, state.id, ArenaPart::Value)
            .unwrap();
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

#[test]
fn a_nan_that_is_not_seen_again_may_come_from_the_image_pool() {
    let gpu = gpu();
    let root = tempfile::tempdir().unwrap();
    let recipe = Recipe {
        pool: 2,
        ..Recipe::default()
    };
    let config = Config {
        length: Length::Steps(16),
        checkpoint_every: 8,
        recipe,
        ..small_config(32, 4)
    };
    let whole = train(&gpu, &config, root.path(), "whole");
    let mut trainer = resume(
        &gpu,
        &copy_of(&whole.checkpoint_path(8), root.path(), "poisoned"),
    );
    let store = &trainer.session().store;
    let fakes = store
        .states()
        .states()
        .iter()
        .find(|state| state.name == "fake")
        .unwrap();
    store
        .write(
            &gpu,
            fakes.id,
            ArenaPart::Value,
            &vec![f32::NAN; fakes.shape.len()],
        )
        .unwrap();
    let error = trainer
        .train(&AtomicBool::new(false), &mut |_| {})
        .unwrap_err();
    assert!(
        matches!(&error, TrainError::NotFinite { what, .. } if what == "loss d_fake"),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("in the image pool (`recipe.pool`)"),
        "{error}"
    );
}

#[test]
fn a_nan_stops_the_run_with_step_operation_and_checkpoint_and_moves_no_state() {
    let gpu = gpu();
    let root = tempfile::tempdir().unwrap();
    let config = Config {
        length: Length::Steps(9),
        checkpoint_every: 3,
        ..small_config(32, 4)
    };
    let whole = train(&gpu, &config, root.path(), "whole");
    for (weight, operation, expected_loss) in [
        (
            "model.model.3.weight",
            "generator.up1: activation+conv_transpose2d",
            "d_fake",
        ),
        ("model.model.0.weight", "generator.down1: conv2d", "d_fake"),
        ("model.8.weight", "discriminator.layer4: conv2d", "d_real"),
    ] {
        let run = copy_of(
            &whole.checkpoint_path(6),
            root.path(),
            &weight.replace('.', "-"),
        );
        let path = run.checkpoint_path(6);
        let file = fs::read(&path).unwrap();
        let mut trainer = resume(&gpu, &run);
        let state = trainer
            .session()
            .store
            .states()
            .states()
            .iter()
            .find(|state| state.name == weight)
            .unwrap()
            .clone();
        let mut values = trainer
            .session()
            .store
            .read(&gpu, state.id, ArenaPart::Value)
            .unwrap();
        values[1] = f32::NAN;
        trainer
            .session()
            .store
            .write(&gpu, state.id, ArenaPart::Value, &values)
            .unwrap();
        let kept = [ArenaPart::Value, ArenaPart::Moment1, ArenaPart::Moment2];
        let before = states(&gpu, trainer.session(), &kept);
        let error = trainer
            .train(&AtomicBool::new(false), &mut |_| {})
            .unwrap_err();
        let TrainError::NotFinite {
            step,
            what,
            op,
            checkpoint,
        } = &error
        else {
            panic!("{error}")
        };
        assert_eq!((*step, op.as_str()), (7, operation), "{error}");
        assert!(
            LOSSES.contains(&expected_loss) && *what == format!("loss {expected_loss}"),
            "{error}"
        );
        assert!(checkpoint.contains(&path.display().to_string()), "{error}");
        assert_eq!(fs::read(&path).unwrap(), file, "the checkpoint was touched");
        assert_eq!(run.checkpoints().unwrap().len(), 1);
        assert!(!run.path().join("generator.safetensors").exists());
        let after = states(&gpu, trainer.session(), &kept);
        let moved: Vec<&String> = before
            .keys()
            .filter(|key| before[*key] != after[*key] && !key.contains("statistics"))
            .collect();
        assert!(
            moved.is_empty(),
            "{operation}: moved after the failure: {moved:?}"
        );
        // Statistics of the failed step that were finite may have moved before its loss was known;
        // none may be poisoned.
        let poisoned = after.iter().filter(|(key, bits)| {
            key.contains("statistics") && bits.iter().any(|&v| !f32::from_bits(v).is_finite())
        });
        assert_eq!(poisoned.count(), 0, "{operation}");
        drop(trainer);
        // What is on the disk goes on as if nothing had happened.
        resume(&gpu, &run)
            .train(&AtomicBool::new(false), &mut |_| {})
            .unwrap();
        assert_same_tensors(&whole.checkpoint_path(9), &run.checkpoint_path(9));
    }
}

#[test]
fn sixty_steps_on_one_pair_learn_it() {
    let gpu = gpu();
    let config = Config {
        learning_rate: 2e-3,
        ..small_config(32, 8)
    };
    let batch = bundled(&config)
        .require(pix2pix::data::Split::Train)
        .unwrap()
        .plain(&[3])
        .unwrap();
    let distance = |session: &Session| {
        let fake = session.program().read(&gpu, session.vars().fake).unwrap();
        fake.iter()
            .zip(&batch.target)
            .map(|(a, b)| (a - b).abs())
            .sum::<f32>()
            / fake.len() as f32
    };
    let mut session = session_after(&gpu, &config, 1, &batch);
    let first = distance(&session);
    for step in 2..=60 {
        session
            .submit(&gpu, step, config.learning_rate, &batch)
            .unwrap();
    }
    let last = distance(&session);
    assert!(
        last < 0.35 * first,
        "L1 {first} at step 1, {last} at step 60"
    );
}

#[test]
fn memory_stays_flat_over_200_steps() {
    let gpu = gpu();
    let root = tempfile::tempdir().unwrap();
    let config = Config {
        length: Length::Steps(200),
        sample_every: 50,
        checkpoint_every: 50,
        ..small_config(32, 2)
    };
    let run = RunDir::create(root.path(), "flat").unwrap();
    let mut trainer = Trainer::start(&gpu, config.clone(), &bundled(&config), run).unwrap();
    let before = gpu.memory_bytes();
    let mut during = Vec::new();
    trainer
        .train(&AtomicBool::new(false), &mut |_| {
            during.push(gpu.memory_bytes())
        })
        .unwrap();
    assert_eq!(gpu.memory_bytes(), before, "after the run");
    // Readings of the losses under way hold a copy of the monitor each.
    let readings = 4 * trainer.session().store.monitor().size();
    let most = during.iter().max().unwrap();
    assert!(
        *most <= before + readings,
        "{before} bytes before, {most} at most during the run"
    );
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

#[test]
fn files_have_the_references_keys_and_shapes() {
    let gpu = gpu();
    let root = tempfile::tempdir().unwrap();
    let config = Config {
        length: Length::Steps(2),
        ..small_config(64, 4)
    };
    let run = train(&gpu, &config, root.path(), "keys");
    let shapes = |path: &Path, prefix: &str| -> BTreeMap<String, Vec<usize>> {
        let strip = |(key, (shape, _)): (String, _)| {
            key.strip_prefix(prefix).map(|key| (key.to_owned(), shape))
        };
        tensors(path).into_iter().filter_map(strip).collect()
    };
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
    let discriminator = shapes(&run.path().join("discriminator.safetensors"), "");
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
fn networks_have_as_many_parameters_as_the_references() {
    let norm = pix2pix::nn::Norm::Batch;
    let config = UNetConfig {
        in_channels: 3,
        out_channels: 3,
        num_downs: 8,
        ngf: 64,
        norm,
        dropout: true,
        dropout_at: DropoutAt::Pytorch,
        skips: true,
        upsample: Upsample::Deconv,
    };
    let encoder_decoder = GeneratorConfig::UNet(UNetConfig {
        skips: false,
        ..config.clone()
    });
    let (dropout, upsample) = (true, Upsample::Deconv);
    let res_net = |blocks, norm| {
        GeneratorConfig::ResNet(ResNetConfig {
            in_channels: 3,
            out_channels: 3,
            blocks,
            ngf: 64,
            norm,
            dropout,
            upsample,
        })
    };
    for (config, count) in [
        (GeneratorConfig::UNet(config), 54_413_955),
        (encoder_decoder, 39_075_459),
        (res_net(6, norm), 7_841_411),
        (res_net(9, norm), 11_383_427),
        (res_net(9, pix2pix::nn::Norm::Instance), 11_378_179),
    ] {
        let mut states = StateList::default();
        let generator = Generator::new(&mut states, &config).unwrap();
        assert_eq!(
            states.parameter_count(generator.parameters()),
            count,
            "{config:?}"
        );
    }
    for (n_layers, count) in [
        (0, 9_024),
        (1, 139_585),
        (2, 666_433),
        (3, 2_768_705),
        (4, 6_964_033),
        (5, 11_159_361),
    ] {
        let mut states = StateList::default();
        let norm = pix2pix::nn::Norm::Batch;
        let net = PatchGan::new(
            &mut states,
            &PatchGanConfig {
                in_channels: 6,
                ndf: 64,
                n_layers,
                norm,
            },
        )
        .unwrap();
        assert_eq!(
            states.parameter_count(net.parameters()),
            count,
            "{n_layers} layers"
        );
    }
}
