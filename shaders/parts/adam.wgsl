// One Adam step (arXiv 1412.6980) of one column, with PyTorch's order of operations:
//   m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
//   value -= learning_rate / bias_correction1 * m / (sqrt(v) / sqrt(bias_correction2) + eps)
// With HALF g is gradient / loss scale, half = value, rounded, is what contractions read, and
// skipped steps do not count in the bias corrections.
//
// The shader declares `step`, `params` with beta1, beta2, rest1, rest2 (one minus them), eps and
// scale_word, the arrays value, moment1, moment2 and half, HALF, and monitor_word, which reads a
// word of the monitor (its layout: src/tape/step_state.rs).
// parts: vec4, step

alias Weight = vec4<f32>; // how weights are stored

struct Rates {
    scale: f32, // of the loss
    step_size: f32,
    correction: f32, // square root of that of the second moment
}

// Whether the monitor's flag is up or the gradients overflowed: then nothing is written, and the
// state stays at the last good step.
fn is_stopped() -> bool {
    if HALF {
        if monitor_word(params.scale_word + 2u) != 0u {
            return true;
        }
    }
    return monitor_word(0u) != 0u;
}

// 1 - beta^n, without subtracting near numbers. With c = 1 - beta^k: c * (2 - c) is 1 - beta^(2k),
// and rest + beta * c is 1 - beta^(k+1).
fn bias_correction(beta: f32, rest: f32, n: u32) -> f32 {
    var c = 0.0;
    for (var bit = 32u; bit > 0u; bit--) {
        c *= 2.0 - c;
        if ((n >> (bit - 1u)) & 1u) == 1u {
            c = rest + beta * c;
        }
    }
    return c;
}

fn rates() -> Rates {
    var scale = 1.0;
    var corrections = vec2(step.bias_correction1, step.bias_correction2);
    if HALF {
        scale = bitcast<f32>(monitor_word(params.scale_word));
        let skipped = monitor_word(params.scale_word + 3u);
        if skipped != 0u {
            let updates = max(step.step, skipped + 1u) - skipped;
            corrections.x = bias_correction(params.beta1, params.rest1, updates);
            corrections.y = bias_correction(params.beta2, params.rest2, updates);
        }
    }
    return Rates(scale, step.learning_rate / corrections.x, sqrt(corrections.y));
}

fn update_column(index: u32, gradient: Numbers, rates: Rates) {
    var m = load_exact(moment1[index]);
    var v = load_exact(moment2[index]);
    var updated = load_exact(value[index]);
    for (var k = 0u; k < VECTORS; k++) {
        var g = gradient[k];
        if HALF {
            g /= rates.scale;
        }
        m[k] = params.beta1 * m[k] + params.rest1 * g;
        v[k] = params.beta2 * v[k] + params.rest2 * g * g;
        updated[k] -= rates.step_size * (m[k] / (sqrt(v[k]) / rates.correction + params.eps));
    }
    moment1[index] = store_exact(m);
    moment2[index] = store_exact(v);
    value[index] = store_exact(updated);
    if HALF {
        half[index] = Weight(updated[0]);
    }
}
