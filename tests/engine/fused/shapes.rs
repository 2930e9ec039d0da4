//! The shapes that fused operations take.

use pix2pix::ops::batch_norm::{
    FusedNorm, GradInput, Groups, MaskedGradInput, MaskedGradSums, NormGrad, Statistics,
    StatisticsOf,
};
use pix2pix::tape::Op;
use pix2pix::tensor::Shape;
use pix2pix_harness::batch_norm::EPS;

#[test]
fn fused_operations_check_their_shapes() {
    let (map, vector, stats) = (
        Shape::nhwc(2, 3, 3, 6),
        Shape::vector(6),
        Shape::nhwc(2, 1, 2, 6),
    );
    let norm = FusedNorm {
        statistics: Statistics {
            groups: Groups::Instance,
            eps: EPS,
        },
        affine: true,
        slope: 0.2,
        running: None,
    };
    assert_eq!(norm.output_shape(&[map, vector, vector]).unwrap(), stats);
    for inputs in [
        &[][..],
        &[map, vector],
        &[map, vector, stats],
        &[map.with_channels(5), vector, vector],
    ] {
        assert!(norm.output_shape(inputs).is_err(), "{inputs:?}");
    }
    let grad = NormGrad {
        affine: true,
        slope: Some(0.0),
    };
    assert_eq!(
        grad.output_shape(&[map, map, stats, vector, map]).unwrap(),
        stats
    );
    for inputs in [
        &[map, map, stats, vector][..],
        &[map, map, vector, vector, map],
        &[map, map, stats, stats, map],
    ] {
        assert!(grad.output_shape(inputs).is_err(), "{inputs:?}");
    }
    assert!(
        MaskedGradSums { slope: 0.2 }
            .output_shape(&[map, map, stats, vector])
            .is_err()
    );
    let masked = MaskedGradInput {
        grad: GradInput {
            from: StatisticsOf::Running,
            affine: false,
        },
        slope: 0.2,
    };
    assert!(
        masked.output_shape(&[map, stats, map]).is_ok()
            && masked.output_shape(&[map, stats, stats]).is_err()
    );
}
