//! Floor 8: losses, the step, its schedule, checkpoints, the run folder and the loop.

mod canvas_model;
mod config;
mod conversion;
mod error;
mod failed_step;
mod going_on;
mod in_memory_trainer;
mod loaded_generator;
mod losses;
mod memory;
mod monitor;
mod objective;
mod pair_translator;
mod pool;
mod pretrained;
mod recipe;
mod recording;
mod schedule;
mod score;
mod session;
mod sizes;
mod step;
mod strip;
mod tiled;
mod tiles;
mod trainer;
mod translator;
mod validator;

pub mod checkpoint;
pub mod onnx;
pub mod run;

pub use canvas_model::CanvasModel;
pub use config::{
    Architecture, CHANGED_ON_RESUME, Config, ConfigError, FIELDS, Field, FormField, FormGroup,
    Group, Length, LookUpError, MOST_BATCHES, ModelConfig, PixelKind, PixelSettings, Preset, Range,
    SHORTHANDS, Settings, ValueSettings, find, form,
};
pub use conversion::{Conversion, Converted};
pub use error::TrainError;
pub use going_on::Changes;
pub use in_memory_trainer::{Advanced, InMemoryTrainer};
pub use loaded_generator::LoadedGenerator;
pub use losses::{
    Distance, GanLoss, Verdict, distance, feature_distance, gan, generator_adversarial_loss,
    gradient_penalty,
};
pub use memory::{RunPlan, check_fits, explain, largest_image, plan_training};
pub use monitor::{LossReader, Losses, Reading};
pub use objective::{Objective, PaperObjective, UpdateOrder};
pub use pair_translator::{PairTranslator, PairUse, TranslatedPair, rounded_picture};
pub use pool::Pool;
pub use pretrained::check_pretrained;
pub use recipe::{Optimizer, Recipe};
pub use recording::Recording;
pub use schedule::{Plateau, Policy, Schedule};
pub use score::{Best, EvalMetric, Score};
pub use session::{Session, tune_for};
pub use sizes::{Size, Sizes};
pub use step::{LOSSES, Networks, PairShape, StepVars, record_step};
pub use tiled::{Canvas, Tiling, Tilings};
pub use trainer::{RunSummary, StepReport, Trainer};
pub use translator::{Forward, Translator};
