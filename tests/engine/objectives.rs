//! What the objectives and orders of updates say in numbers: losses of a step, and the gradients as
//! they reach Adam's first moment.

use pix2pix::data::Batch;
use pix2pix::gpu::Gpu;
use pix2pix::nn::Discriminator;
use pix2pix::state::ArenaId;
use pix2pix::tape::{ArenaPart, MONITOR_COLUMNS, MONITOR_HEAD, MONITOR_ROWS};
use pix2pix::train::{Config, Distance, GanLoss, Objective, Session, UpdateOrder};
use pix2pix_harness::config::small_config;
use pix2pix_harness::gpu;
use pollster::block_on;

/// One step from the same weights on the same images.
struct Stepped {
    /// `g_gan, g_l1, d_real, d_fake`.
    losses: [f32; 4],
    /// The gradient penalty.
    d_gp: f32,
    /// The distance between features.
    g_feat: f32,
    /// Adam's first moments, that is the gradients times 1 - beta1, of both networks.
    gradients: [Vec<f32>; 2],
    /// The discriminator's running means.
    means: Vec<f32>,
}

/// A step by `objective` at a learning rate, with images that `phase` moves.
fn step(gpu: &Gpu, objective: Objective, learning_rate: f64, phase: f32) -> Stepped {
    let config = Config {
        objective,
        dropout: false,
        ..small_config(32, 4)
    };
    let session = Session::new(gpu, &config).unwrap();
    block_on(session.store.initialise(gpu, 3)).unwrap();
    step_of(gpu, session, learning_rate, phase)
}

/// The same in a session whose networks have their weights.
fn step_of(gpu: &Gpu, mut session: Session, learning_rate: f64, phase: f32) -> Stepped {
    let wave = |phase: f32| {
        (0..32 * 32 * 3)
            .map(|i| (i as f32 * 0.37 + phase).sin())
            .collect()
    };
    session
        .submit(
            gpu,
            1,
            learning_rate,
            &Batch {
                sides: (32, 32),
                input: wave(phase),
                target: wave(2.0),
            },
        )
        .unwrap();
    let monitor: Vec<f32> = bytemuck::pod_collect_to_vec(
        &block_on(gpu.read(session.store.monitor(), 0, session.store.monitor().size())).unwrap(),
    );
    let first = (MONITOR_HEAD + 1 % MONITOR_ROWS * MONITOR_COLUMNS) as usize;
    let read = |arena: ArenaId, part, name: &str| {
        let states = session
            .store
            .states()
            .in_arena(arena)
            .filter(|state| state.name.contains(name));
        states
            .flat_map(|state| block_on(session.store.read(gpu, state.id, part)).unwrap())
            .collect::<Vec<f32>>()
    };
    let (g, d) = (&session.generator, &session.discriminator);
    Stepped {
        losses: monitor[first..first + 4].try_into().unwrap(),
        d_gp: monitor[first + 4],
        g_feat: monitor[first + 5],
        gradients: [
            Some(g.parameters()),
            d.as_ref().map(Discriminator::parameters),
        ]
        .map(|arena| arena.map_or(Vec::new(), |arena| read(arena, ArenaPart::Moment1, ""))),
        means: d.as_ref().map_or(Vec::new(), |d| {
            read(d.statistics(), ArenaPart::Value, "running_mean")
        }),
    }
}

/// Distance of `got` to `factor` times `expected`, relative to it. Sums of different order leave
/// some 1e-6.
fn off(got: &[f32], expected: &[f32], factor: f64) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let difference = norm(
        &mut got
            .iter()
            .zip(expected)
            .map(|(&a, &b)| f64::from(a) - factor * f64::from(b)),
    );
    difference / norm(&mut expected.iter().map(|&b| factor * f64::from(b)))
}

const CLOSE: f64 = 1e-4;

#[test]
fn the_torch_order_learns_from_one_pass_of_the_discriminator_and_the_whole_loss() {
    let gpu = gpu();
    let base = Objective::default();
    let torch = Objective {
        order: UpdateOrder::Torch,
        ..base
    };
    // Without learning, the updated discriminator is the old one.
    let [pytorch, resting, torch] = [(base, 2e-4), (base, 0.0), (torch, 2e-4)]
        .map(|(objective, rate)| step(&gpu, objective, rate, 0.0));
    let close = |a: f32, b: f32| (a - b).abs() <= 1e-5 * b.abs();
    assert!(
        torch
            .losses
            .iter()
            .zip(resting.losses)
            .all(|(&a, b)| close(a, b)),
        "{:?} {:?}",
        torch.losses,
        resting.losses
    );
    assert!(
        !close(pytorch.losses[0], torch.losses[0]),
        "the PyTorch order uses the updated discriminator"
    );
    assert!(
        off(&torch.gradients[1], &pytorch.gradients[1], 2.0) < CLOSE,
        "the discriminator's loss is not halved"
    );
    assert!(off(&torch.gradients[0], &resting.gradients[0], 1.0) < CLOSE);
    assert!(off(&torch.gradients[0], &pytorch.gradients[0], 1.0) > CLOSE);

    // Running means m move to 0.9 m + 0.1 x: by fake, real, fake in the one order, by real, fake in
    // the other. Of both follow the fake mean and the real one, which another batch of fakes must
    // leave alone.
    let real = |pytorch: &Stepped, torch: &Stepped| {
        let each = pytorch.means.iter().zip(&torch.means);
        each.map(|(p, t)| (t - 0.1 * (p - t) / 0.081) / 0.09)
            .collect::<Vec<f32>>()
    };
    let unconditional = |order, phase| {
        step(
            &gpu,
            Objective {
                order,
                conditional: false,
                ..base
            },
            0.0,
            phase,
        )
    };
    let [first, second] = [0.0, 1.0].map(|phase| {
        real(
            &unconditional(UpdateOrder::Pytorch, phase),
            &unconditional(UpdateOrder::Torch, phase),
        )
    });
    assert!(off(&first, &second, 1.0) < 1e-3, "{first:?} {second:?}");
}

#[test]
fn weights_and_distances_do_what_they_say() {
    let gpu = gpu();
    let base = Objective::default();
    let gan_only = |lambda_gan| {
        let objective = Objective {
            lambda_gan,
            lambda_l1: 0.0,
            ..base
        };
        step(&gpu, objective, 0.0, 0.0)
    };
    let [half, whole] = [0.5, 1.0].map(gan_only);
    assert!(off(&half.gradients[0], &whole.gradients[0], 0.5) < CLOSE);

    let distance_only = |distance| {
        let objective = Objective {
            lambda_gan: 0.0,
            distance,
            ..base
        };
        step(&gpu, objective, 0.0, 0.0)
    };
    let [l1, l2] = [Distance::L1, Distance::L2].map(distance_only);
    assert!(l1.losses[0] == 0.0 && l1.losses[2..] == [0.0; 2] && l1.losses[1] > 0.0);
    assert_eq!(l1.losses, l2.losses, "what is shown is L1");
    assert!(
        off(&l2.gradients[0], &l1.gradients[0], 1.0) > 0.1,
        "what is minimised is not"
    );
    assert!(
        l1.gradients[1].is_empty() && l1.means.is_empty(),
        "without an adversarial loss the discriminator takes no part"
    );

    // Both at once add their gradients.
    let both = step(&gpu, base, 0.0, 0.0);
    let sum: Vec<f32> = whole.gradients[0]
        .iter()
        .zip(&l1.gradients[0])
        .map(|(a, b)| a + b)
        .collect();
    assert!(off(&both.gradients[0], &sum, 1.0) < CLOSE);
}

#[test]
fn only_a_conditional_discriminator_sees_the_input() {
    let gpu = gpu();
    let base = Objective::default();
    // The loss of the real pair depends on the input where the discriminator sees it.
    let real_loss = |conditional, phase| {
        step(
            &gpu,
            Objective {
                conditional,
                ..base
            },
            0.0,
            phase,
        )
        .losses[2]
    };
    assert_eq!(real_loss(false, 0.0), real_loss(false, 1.0));
    assert_ne!(real_loss(true, 0.0), real_loss(true, 1.0));
}

#[test]
fn the_hinge_pushes_the_generator_without_bound() {
    let gpu = gpu();
    let by = |gan_loss| {
        step(
            &gpu,
            Objective {
                gan_loss,
                ..Objective::default()
            },
            0.0,
            0.0,
        )
    };
    let [hinge, mean] = [GanLoss::Hinge, GanLoss::Wgangp].map(by);
    assert_eq!(hinge.losses[0], mean.losses[0], "minus the mean logit");
    assert!(off(&hinge.gradients[0], &mean.gradients[0], 1.0) < CLOSE);
    // With small first outputs no patch is beyond the hinge: 1 - x and 1 + x.
    let [_, _, d_real, d_fake] = hinge.losses;
    assert!(
        (d_real - 1.0 - mean.losses[2]).abs() < 1e-5
            && (d_fake - 1.0 - mean.losses[3]).abs() < 1e-5,
        "{:?}",
        hinge.losses
    );
}

#[test]
fn the_penalty_is_added_whole_to_the_discriminators_loss_in_either_order() {
    let gpu = gpu();
    let by = |lambda_gp, order| {
        step(
            &gpu,
            Objective {
                gan_loss: GanLoss::Wgangp,
                lambda_gp,
                order,
                ..Objective::default()
            },
            0.0,
            0.0,
        )
    };
    let [without, with, twice] =
        [0.0, 10.0, 20.0].map(|lambda_gp| by(lambda_gp, UpdateOrder::Pytorch));
    let torch = [0.0, 10.0].map(|lambda_gp| by(lambda_gp, UpdateOrder::Torch));
    assert!(without.d_gp == 0.0 && with.d_gp > 0.0);
    assert_eq!(
        [with.d_gp; 2],
        [twice.d_gp, torch[1].d_gp],
        "shown without its weight, drawn alike"
    );
    assert_eq!(with.losses, without.losses);
    let difference = |left: &Stepped, right: &Stepped| {
        left.gradients[1]
            .iter()
            .zip(&right.gradients[1])
            .map(|(a, b)| a - b)
            .collect::<Vec<_>>()
    };
    let penalty = difference(&with, &without);
    assert!(off(&difference(&twice, &without), &penalty, 2.0) < CLOSE);
    assert!(
        off(&difference(&torch[1], &torch[0]), &penalty, 1.0) < CLOSE,
        "the losses are halved in one order only"
    );
    assert!(
        off(&with.gradients[0], &without.gradients[0], 1.0) < CLOSE,
        "the generator's loss has no penalty"
    );
    // The pass between fake and real moves the running statistics too, as in the reference.
    assert!(off(&with.means, &without.means, 1.0) > 1e-3);
}

/// Two discriminators, the second of which sees halves of the images.
fn two_scales(objective: Objective) -> Config {
    Config {
        objective,
        dropout: false,
        d_layers: 2,
        discriminators: 2,
        ..small_config(32, 4)
    }
}

/// In the PyTorch order the features are of two passes, in the other one of a part of a joint pass.
#[test]
fn both_orders_learn_from_the_same_features_of_several_scales() {
    let gpu = gpu();
    let by = |order, lambda_feat| {
        let config = two_scales(Objective {
            order,
            lambda_feat,
            ..Objective::default()
        });
        let session = Session::new(&gpu, &config).unwrap();
        block_on(session.store.initialise(&gpu, 3)).unwrap();
        step_of(&gpu, session, 0.0, 0.0)
    };
    let [pytorch, torch] = [UpdateOrder::Pytorch, UpdateOrder::Torch].map(|order| by(order, 10.0));
    let without = by(UpdateOrder::Pytorch, 0.0);
    let close = |a: f32, b: f32| (a - b).abs() <= 1e-5 * b.abs();
    assert!(pytorch.g_feat > 0.0 && close(torch.g_feat, pytorch.g_feat));
    assert_eq!(without.g_feat, 0.0);
    assert!(off(&torch.losses, &pytorch.losses, 1.0) < CLOSE);
    assert!(off(&torch.gradients[0], &pytorch.gradients[0], 1.0) < CLOSE);
    assert!(off(&torch.gradients[1], &pytorch.gradients[1], 2.0) < CLOSE);
    assert!(
        off(&without.gradients[0], &pytorch.gradients[0], 1.0) > 100.0 * CLOSE,
        "the generator learns from features"
    );
    assert!(
        off(&without.gradients[1], &pytorch.gradients[1], 1.0) < CLOSE,
        "the discriminator does not"
    );
}

/// A critic whose weights are zero gives every image the same value. Its slope is 0 in place of 1,
/// and so its penalty is 1. The other critic is as if it were alone.
#[test]
fn every_scale_is_a_critic_of_its_own() {
    let gpu = gpu();
    let objective = Objective {
        gan_loss: GanLoss::Wgangp,
        ..Objective::default()
    };
    let two = two_scales(objective);
    let one = Config {
        discriminators: 1,
        ..two.clone()
    };
    let [two, one] = [two, one].map(|config| {
        let session = Session::new(&gpu, &config).unwrap();
        block_on(session.store.initialise(&gpu, 3)).unwrap();
        session
    });
    let write = |session: &Session, id, values: &[f32]| {
        let written = session.store.write(&gpu, id, ArenaPart::Value, values);
        written.unwrap();
    };
    for state in two.store.states().states() {
        if state.name.starts_with("scale1.") {
            write(&two, state.id, &vec![0.0; state.shape.len()]);
            continue;
        }
        let alone = state.name.strip_prefix("scale0.").unwrap_or(&state.name);
        let all = one.store.states().states();
        let same = all.iter().find(|other| other.name == alone).unwrap();
        let values = block_on(two.store.read(&gpu, state.id, ArenaPart::Value)).unwrap();
        write(&one, same.id, &values);
    }
    let [two, one] = [two, one].map(|session| step_of(&gpu, session, 2e-4, 0.0));
    let close = |a: f32, b: f32| (a - b).abs() <= 1e-4 * b.abs();
    assert!(close(two.d_gp, one.d_gp + 1.0), "{} {}", two.d_gp, one.d_gp);
    assert!(off(&two.losses, &one.losses, 1.0) < CLOSE);
    assert!(off(&two.gradients[0], &one.gradients[0], 1.0) < CLOSE);
}
