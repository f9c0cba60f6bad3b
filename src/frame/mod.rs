//! One field at one time step, to chunks and back.

pub(crate) mod chunks;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod fill;
pub(crate) mod layout;
pub(crate) mod pooled;
pub(crate) mod queue;
pub(crate) mod sample;
pub(crate) mod wavelet;

pub use pooled::check_pooled;
pub use wavelet::pass::code_at_step;
pub use wavelet::quality::LevelField;
