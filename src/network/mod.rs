//! Networks as data: architecture records, quantised weights, the canonical record, hierarchies.
//!
//! Nothing here computes a convolution; see [`crate::backend`]. The contract is
//! `spec/networks.md`.
//!
//! | module | holds |
//! |---|---|
//! | `arch` | [`Architecture`]: what a network looks like, and its limits |
//! | `plan` | [`LayerSpec`]: the layers that an architecture implies, in order |
//! | `weights` | [`Network`]: an architecture with checked tensors |
//! | `record` | the canonical bytes of one network (payload of chunk `NETW`) |
//! | `hierarchy` | [`Hierarchy`]: the set of networks of a file, and its SHA-256 |
//! | `builtin` | the models that the program carries |
//! | `import` | hierarchies from and to safetensors |

mod arch;
mod builtin;
mod hierarchy;
mod import;
mod plan;
mod record;
mod weights;

#[cfg(test)]
pub(crate) mod testing;

#[cfg(feature = "cuda")]
pub(crate) use arch::ACTIVATION_MAX;
pub use arch::{Architecture, Head, InputChannels, Padding, Transform, Trunk};
pub use builtin::{builtin, builtin_by_hash, builtin_names, default_model};
pub use hierarchy::Hierarchy;
pub(crate) use hierarchy::identity_text;
pub use plan::{LayerRole, LayerSpec, Scales};
pub use record::ARCHITECTURE_VERSION;
pub use weights::{Layer, LayerScales, Network, Weights};
