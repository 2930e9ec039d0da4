// The update of running statistics by those of one group. The shader's params have momentum, eps
// and unbias:
//   running = (1 - momentum) * running + momentum * new
//   new variance = (1 / inv_std^2 - eps) * unbias        unbias = count / (count - 1)
//
// A channel is left alone where a new value is not finite. The test is on bits, since a compiler
// may assume that floats are finite. In a pad lane inv_std is zero.

struct Running {
    mean: vec4<f32>,
    variance: vec4<f32>,
}

fn finite(value: vec4<f32>) -> vec4<bool> {
    let exponent = vec4<u32>(0x7f800000u);
    return (bitcast<vec4<u32>>(value) & exponent) != exponent;
}

fn moved(old: Running, new_mean: vec4<f32>, inv_std: vec4<f32>) -> Running {
    let biased = 1.0 / (inv_std * inv_std) - params.eps;
    let new_variance = select(biased, vec4<f32>(0.0), biased < vec4<f32>(0.0)) * params.unbias;
    let good = finite(new_mean) & finite(new_variance) & (inv_std > vec4<f32>(0.0));
    let mean = select(old.mean, mix(old.mean, new_mean, params.momentum), good);
    let variance = select(old.variance, mix(old.variance, new_variance, params.momentum), good);
    return Running(mean, variance);
}
