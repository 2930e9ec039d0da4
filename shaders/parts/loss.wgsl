// The losses by KIND (src/ops/loss.rs, LossKind) and their derivatives. The shader's params have
// constant, the label of a loss that compares with a constant, or the sign.

const BCE_WITH_LOGITS: u32 = 0u;
const MSE: u32 = 1u;
const MEAN: u32 = 2u;
const HINGE: u32 = 3u;
const L1: u32 = 4u; // of a pair, as the next one
const MSE_PAIR: u32 = 5u;
const_assert KIND <= MSE_PAIR;
const IS_PAIR: bool = KIND == L1 || KIND == MSE_PAIR;

// `result`, or x where x is a NaN: sign and exp of a NaN are numbers on some drivers. A comparison
// of x with itself may be optimised away, so look at the bits.
fn or_nan(x: vec4<f32>, result: vec4<f32>) -> vec4<f32> {
    let magnitude = bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu);
    return select(result, x, magnitude > vec4<u32>(0x7f800000u));
}

// exp(-|x|), which does not overflow.
fn exp_minus_abs(x: vec4<f32>) -> vec4<f32> {
    let magnitude = abs(x);
    return exp(-select(magnitude, vec4<f32>(80.0), magnitude > vec4<f32>(80.0)));
}

// sigmoid(x) - t over one denominator, from exp(-|x|): nothing overflows and nothing cancels where
// the answer is nearly zero.
fn bce_derivative(x: vec4<f32>, t: f32) -> vec4<f32> {
    let e = exp_minus_abs(x);
    let numerator = select((1.0 - t) * e - t, (1.0 - t) - t * e, x > vec4<f32>(0.0));
    return or_nan(x, numerator / (1.0 + e));
}

fn hinge_derivative(x: vec4<f32>) -> vec4<f32> {
    let is_active = 1.0 + params.constant * x > vec4<f32>(0.0);
    return or_nan(x, select(vec4<f32>(0.0), vec4<f32>(params.constant), is_active));
}

// d loss(x, t) / d x
fn derivative(x: vec4<f32>, t: vec4<f32>) -> vec4<f32> {
    switch KIND {
        case BCE_WITH_LOGITS: {
            return bce_derivative(x, params.constant);
        }
        case MSE: {
            return 2.0 * (x - params.constant);
        }
        case MEAN: {
            return vec4<f32>(params.constant);
        }
        case HINGE: {
            return hinge_derivative(x);
        }
        case L1: {
            return or_nan(x - t, sign(x - t));
        }
        case MSE_PAIR, default: {
            return 2.0 * (x - t);
        }
    }
}
