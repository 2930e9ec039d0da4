//! Between our layouts and the reference's. Weights are HWIO here and OIHW there, IOHW for
//! transposed convolutions. Activations are NHWC here and NCHW there.

use crate::tensor::{Layout, Shape};

/// For each axis of the reference's tensor, the axis of ours.
fn axes(shape: Shape, transposed: bool) -> [usize; 4] {
    match (shape.layout(), transposed) {
        (Layout::Nhwc, _) => [0, 3, 1, 2],
        (Layout::Hwio, false) => [3, 2, 0, 1],
        (Layout::Hwio, true) => [2, 3, 0, 1],
    }
}

/// The reference's shape of a tensor; vectors have one axis.
pub fn reference_shape(shape: Shape, transposed: bool) -> Vec<usize> {
    if shape == Shape::vector(shape.channels()) {
        return vec![shape.channels()];
    }
    axes(shape, transposed)
        .map(|axis| shape.dims()[axis])
        .to_vec()
}

/// Our logical values, brought into the reference's order.
pub fn to_reference(shape: Shape, transposed: bool, values: &[f32]) -> Vec<f32> {
    let mut reference = vec![0.0; shape.len()];
    for_each_pair(shape, transposed, |ours, theirs| {
        reference[theirs] = values[ours]
    });
    reference
}

/// The reference's values, brought into our logical order.
pub fn from_reference(shape: Shape, transposed: bool, values: &[f32]) -> Vec<f32> {
    let mut logical = vec![0.0; shape.len()];
    for_each_pair(shape, transposed, |ours, theirs| {
        logical[ours] = values[theirs]
    });
    logical
}

/// Calls `pair(position here, position in the reference)` for every element.
fn for_each_pair(shape: Shape, transposed: bool, mut pair: impl FnMut(usize, usize)) {
    let dims = shape.dims();
    let strides = [dims[1] * dims[2] * dims[3], dims[2] * dims[3], dims[3], 1];
    let [a, b, c, d] = axes(shape, transposed);
    let mut theirs = 0;
    for i in 0..dims[a] {
        for j in 0..dims[b] {
            for k in 0..dims[c] {
                for l in 0..dims[d] {
                    pair(
                        i * strides[a] + j * strides[b] + k * strides[c] + l * strides[d],
                        theirs,
                    );
                    theirs += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_is_the_same() {
        for (shape, transposed, reference) in [
            (Shape::hwio(4, 4, 3, 8), false, vec![8, 3, 4, 4]),
            (Shape::hwio(4, 4, 3, 8), true, vec![3, 8, 4, 4]),
            (Shape::nhwc(2, 5, 7, 3), false, vec![2, 3, 5, 7]),
            (Shape::vector(6), false, vec![6]),
        ] {
            let values: Vec<f32> = (0..shape.len()).map(|i| i as f32).collect();
            assert_eq!(reference_shape(shape, transposed), reference);
            assert_eq!(
                from_reference(shape, transposed, &to_reference(shape, transposed, &values)),
                values
            );
        }
        let hwio = Shape::hwio(1, 1, 2, 3);
        assert_eq!(
            to_reference(hwio, false, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
            [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]
        );
    }
}
