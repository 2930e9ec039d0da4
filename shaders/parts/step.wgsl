// What changes from step to step: src/tape/step_state.rs, StepState.

struct Step {
    seed: vec2<u32>,
    step: u32, // from 1
    ring_row: u32, // of the losses
    learning_rate: f32,
    bias_correction1: f32, // 1 - beta1^step
    bias_correction2: f32,
    pad: f32,
}
