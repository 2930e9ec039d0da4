//! The twin of `shaders/adam/`.

/// The numbers of Adam.
#[derive(Debug, Clone, Copy)]
pub struct Adam {
    /// The step width.
    pub learning_rate: f64,
    /// How much of each moment a step keeps.
    pub betas: [f64; 2],
    /// What is added to the root.
    pub eps: f64,
}

impl Adam {
    /// Updates value, first and second moment by the gradient `g`; the first step is number 1.
    pub fn update(&self, [value, m, v]: &mut [f64; 3], g: f64, step: u64) {
        let betas = self.betas;
        *m = betas[0] * *m + (1.0 - betas[0]) * g;
        *v = betas[1] * *v + (1.0 - betas[1]) * g * g;
        let [correction1, correction2] = betas.map(|beta| 1.0 - beta.powi(step as i32));
        *value -=
            self.learning_rate / correction1 * *m / (v.sqrt() / correction2.sqrt() + self.eps);
    }
}
