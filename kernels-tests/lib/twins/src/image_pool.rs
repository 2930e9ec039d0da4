//! The twin of `shaders/image_pool/`: the reference's `ImagePool`, with draws that are counted.

use crate::random::philox;

/// Images as the pool takes them in and gives them out, one after the other.
#[derive(Debug, Clone)]
pub struct ImagePool {
    capacity: usize,
    seed: [u32; 2],
    stored: Vec<Vec<f32>>,
}

impl ImagePool {
    /// An empty pool.
    pub fn new(capacity: usize, seed: [u32; 2]) -> Self {
        let stored = Vec::new();
        Self {
            capacity,
            seed,
            stored,
        }
    }

    /// Takes in the image with this number within its step, and gives it or an older one.
    pub fn query(&mut self, image: &[f32], number: usize, step: u32) -> Vec<f32> {
        if self.stored.len() < self.capacity {
            self.stored.push(image.to_vec());
            return image.to_vec();
        }
        let [coin, index, ..] = philox([number as u32, 3, step, 0], self.seed);
        if coin < 1 << 31 {
            return image.to_vec();
        }
        std::mem::replace(
            &mut self.stored[index as usize % self.capacity],
            image.to_vec(),
        )
    }

    /// What lies in the pool, in the order of its places.
    pub fn stored(&self) -> &[Vec<f32>] {
        &self.stored
    }
}
