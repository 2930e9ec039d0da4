// The values of KIND in the shaders of activations: src/ops/activation.rs, Activation::kind.
// The shader declares KIND.

const LEAKY_RELU: u32 = 0u;
const TANH: u32 = 1u;
const SIGMOID: u32 = 2u;
const_assert KIND == LEAKY_RELU || KIND == TANH || KIND == SIGMOID;
