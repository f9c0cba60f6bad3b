//! The models that the program carries.

use std::sync::Arc;

use crate::base::error::Result;
use crate::base::limits::Limits;
use crate::network::arch::Transform;
use crate::network::hierarchy::{Hierarchy, identity_text};

/// A model compiled into the program, as safetensors.
struct Builtin {
    name: &'static str,
    /// Its identity, as hexadecimal text: found without parsing the others.
    sha256: &'static str,
    rank: usize,
    transform: Transform,
    bytes: &'static [u8],
}

/// The first of each rank and transform is its default.
const BUILTIN: [Builtin; 5] = [
    Builtin {
        name: "turbulence3d-m",
        sha256: "d563fc5185061975720656a30b1c2b71ecf1adb8b5c8de7600eb3c5a369e7bb1",
        rank: 3,
        transform: Transform::Cdf97,
        bytes: include_bytes!("models/turbulence3d-m.safetensors"),
    },
    Builtin {
        name: "turbulence2d-m",
        sha256: "6cd404ef95d3661882aae5547240e7506ae51da73375cc30265857f8978cacd2",
        rank: 2,
        transform: Transform::Cdf97,
        bytes: include_bytes!("models/turbulence2d-m.safetensors"),
    },
    Builtin {
        name: "turbulence3d-s",
        sha256: "1af22b1e9eea31f868707a4a9316df592bdf187fc06b0026fba948c5575dbb84",
        rank: 3,
        transform: Transform::Cdf97,
        bytes: include_bytes!("models/turbulence3d-s.safetensors"),
    },
    Builtin {
        name: "turbulence2d-s",
        sha256: "6d0b7c4d46543a6acfd6203a3e3377c4bbfbe33c1f4fd95c515ebba7522926c4",
        rank: 2,
        transform: Transform::Cdf97,
        bytes: include_bytes!("models/turbulence2d-s.safetensors"),
    },
    Builtin {
        name: "turbulence3d-haar",
        sha256: "e278a39b7a70fccd26d5007575ef2e4be654925c3568d43d433e22042072c049",
        rank: 3,
        transform: Transform::Haar,
        bytes: include_bytes!("models/turbulence3d-haar.safetensors"),
    },
];

/// Names of the built-in models.
pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|b| b.name)
}

/// The built-in model of that name.
///
/// # Errors
/// `Corrupt` if the program itself is damaged.
pub fn builtin(name: &str) -> Result<Option<Arc<Hierarchy>>> {
    load(BUILTIN.iter().find(|b| b.name == name))
}

/// The default model for fields of a rank under a transform, if there is one.
///
/// # Errors
/// As [`builtin`].
pub fn default_model(rank: usize, transform: Transform) -> Result<Option<Arc<Hierarchy>>> {
    let fits = |b: &&Builtin| b.rank == rank && b.transform == transform;
    load(BUILTIN.iter().find(fits))
}

/// The built-in model with that identity.
///
/// # Errors
/// As [`builtin`].
pub fn builtin_by_hash(sha256: &[u8; 32]) -> Result<Option<Arc<Hierarchy>>> {
    let identity = identity_text(sha256);
    load(BUILTIN.iter().find(|b| b.sha256 == identity))
}

fn load(entry: Option<&Builtin>) -> Result<Option<Arc<Hierarchy>>> {
    let parse =
        |b: &Builtin| Hierarchy::from_safetensors(b.bytes, &Limits::default()).map(Arc::new);
    entry.map(parse).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_model_is_found_by_name_and_by_hash() {
        for entry in &BUILTIN {
            let model = builtin(entry.name).unwrap().unwrap();
            assert_eq!(model.name, entry.name);
            assert_eq!(builtin_by_hash(&model.sha256()).unwrap().unwrap(), model);
            assert!(entry.bytes.len() <= 300_000, "{}", entry.name);
        }
        assert_eq!(builtin("nothing").unwrap(), None);
    }
}
