//! Twin of `shaders/monitor/`.

use pix2pix::gpu::Gpu;
use pix2pix::ops::monitor::{Watch, watch};
use pix2pix::tape::{
    MONITOR_BYTES, MONITOR_COLUMNS, MONITOR_HEAD, MONITOR_ROWS, ShapeError, StepState,
};
use pix2pix::tape::{Tape, TapeError};
use pix2pix::tensor::Shape;
use pix2pix_harness::twins::monitor::Monitor;
use pix2pix_harness::{Surroundings, Tensor, gpu, run};

fn after(gpu: &Gpu, monitor: Vec<u32>, step: u64, column: u32, losses: &[f32]) -> Vec<u32> {
    let losses: Vec<Tensor> = losses
        .iter()
        .map(|&loss| Tensor::new(Shape::scalar(), vec![loss]))
        .collect();
    let around = Surroundings {
        step: StepState::new(7, step, 0.0, [0.5, 0.999]),
        monitor,
        ..Default::default()
    };
    run(gpu, "watch", &Watch { column }, &losses, false, &around).monitor
}

const TWIN: Monitor = Monitor {
    head: MONITOR_HEAD,
    rows: MONITOR_ROWS,
    columns: MONITOR_COLUMNS,
};

#[test]
fn losses_reach_their_row_and_the_first_failure_sticks() {
    let gpu = gpu();
    let mut expected = vec![0; MONITOR_BYTES as usize / 4];
    let mut got = expected.clone();
    let steps: [(u64, u32, &[f32]); 9] = [
        (1, 0, &[1.5]),
        (63, 2, &[-0.0, 1e-40, f32::MAX]),
        (64, 12, &[1.0, 2.0, 3.0, 4.0]),
        (65, 0, &[9.0, 8.0]),
        (66, 3, &[1.0, f32::NAN, f32::INFINITY]),
        (66, 7, &[5.0]),
        (67, 0, &[f32::NEG_INFINITY, 1.0, 2.0, 3.0]),
        (68, 15, &[f32::NAN]),
        (130, 0, &[0.25, 0.5]),
    ];
    for (step, column, losses) in steps {
        got = after(&gpu, got, step, column, losses);
        TWIN.watch(&mut expected, step, column, losses);
        assert_eq!(got, expected, "step {step}");
    }
    assert_eq!(got[..2], [5, 66], "the flag names the first failure");
}

#[test]
fn every_failure_raises_the_flag() {
    let gpu = gpu();
    for (loss, flag) in [
        (f32::NAN, 3),
        (-f32::NAN, 3),
        (f32::INFINITY, 3),
        (f32::NEG_INFINITY, 3),
        (f32::MIN, 0),
        (0.0, 0),
    ] {
        assert_eq!(after(&gpu, Vec::new(), 5, 2, &[loss])[0], flag, "{loss}");
    }
}

#[test]
fn too_many_losses_and_images_are_refused() {
    let refused = |column, count: usize, shape| {
        let mut tape = Tape::default();
        let losses: Vec<_> = (0..count).map(|_| tape.input("loss", shape)).collect();
        match watch(&mut tape, column, &losses) {
            Err(TapeError::Shape { source, .. }) => source,
            other => panic!("{count} losses of {shape} from column {column}: {other:?}"),
        }
    };
    assert!(matches!(
        refused(0, 0, Shape::scalar()),
        ShapeError::Arity { .. }
    ));
    assert!(matches!(
        refused(0, 5, Shape::scalar()),
        ShapeError::Arity { .. }
    ));
    assert!(matches!(
        refused(0, 1, Shape::vector(2)),
        ShapeError::Mismatch { .. }
    ));
    assert!(matches!(
        refused(13, 4, Shape::scalar()),
        ShapeError::Invalid { .. }
    ));
}
