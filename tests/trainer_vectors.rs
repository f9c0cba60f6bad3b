//! The trainer's vectors (`tests/data/trainer/README.md`): every backend gives the bytes that the
//! trainer's integers give, for every kind of network, edge and extension.

use std::error::Error;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use srt::backend::cpu::{Cpu, Reference};
use srt::backend::{
    Backend, NetworkInput, PredictRequest, Scaling, input_multiplier, quantise_input, unit,
};
use srt::network::{Hierarchy, InputChannels, Network, Transform};
use srt::transform::Extension;
use srt::{Limits, Region};

#[derive(serde::Deserialize)]
struct Case {
    level: u8,
    gain: u32,
    fine_shape: Vec<usize>,
    periodic: Vec<bool>,
    condition: i16,
}

#[test]
fn backends_reproduce_the_trainers_vectors() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/trainer");
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        let Some(stem) = name.strip_suffix(".cases.safetensors") else {
            continue;
        };
        let model = std::fs::read(folder.join(format!("{stem}.safetensors")))?;
        let hierarchy = Hierarchy::from_safetensors(&model, &Limits::default())?;
        let bytes = std::fs::read(&path)?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes)?;
        let text = metadata
            .metadata()
            .as_ref()
            .and_then(|m| m.get("cases"))
            .ok_or("no cases")?;
        let cases: Vec<Case> = serde_json::from_str(text)?;
        let tensors = SafeTensors::deserialize(&bytes)?;
        for (n, case) in cases.iter().enumerate() {
            let low = floats(&tensors.tensor(&format!("{n}.low"))?);
            let expected = floats(&tensors.tensor(&format!("{n}.prediction"))?);
            let network = &hierarchy.networks()[0];
            for (backend, found) in run(network, case, &low)? {
                let differing = (found.iter().zip(&expected))
                    .filter(|(a, b)| a.to_bits() != b.to_bits())
                    .count();
                assert_eq!(
                    (found.len(), differing),
                    (expected.len(), 0),
                    "{stem} case {n} on {backend}"
                );
            }
            seen += 1;
        }
    }
    assert!(seen >= 28, "28 cases expected, {seen} found");
    Ok(())
}

/// A name and values.
type Named = (&'static str, Vec<f32>);

fn run(network: &Network, case: &Case, low: &[f32]) -> Result<Vec<Named>, Box<dyn Error>> {
    let arch = network.arch();
    let mut fine = [1; 3];
    let mut extension = [Extension::Even; 3];
    let mut domain = [1; 3];
    for (i, (&n, &wraps)) in case.fine_shape.iter().zip(&case.periodic).enumerate() {
        let axis = 3 - case.fine_shape.len() + i;
        fine[axis] = n;
        domain[axis] = n.div_ceil(2);
        extension[axis] = match (wraps, arch.transform) {
            (true, _) => Extension::Periodic,
            (false, Transform::Haar) => Extension::Half,
            (false, Transform::Cdf97) if n % 2 == 1 => Extension::Odd,
            (false, Transform::Cdf97) => Extension::Even,
        };
    }
    let mut field = vec![0; low.len()];
    quantise_input(low, input_multiplier(network, case.level), &mut field)?;
    let condition = arch
        .channels
        .contains(InputChannels::CONDITION)
        .then_some(case.condition);
    let request = PredictRequest {
        network,
        input: NetworkInput {
            field: &field,
            origin: [0; 3],
            size: domain,
            domain,
            extension,
            condition,
        },
        region: Region {
            start: [0; 3],
            size: domain,
        },
        scaling: Scaling {
            gain: f32::from_bits(case.gain),
            unit: unit(arch.rank.into(), case.level),
        },
    };
    let backends: [(&str, Box<dyn Backend>); 2] = [
        ("reference", Box::new(Reference)),
        ("cpu", Box::new(Cpu::detect())),
    ];
    let mut out = Vec::new();
    for (name, backend) in backends {
        let mut values = vec![0.0; request.output_len()];
        backend.predict(&request, &mut values)?;
        out.push((name, values));
    }
    Ok(out)
}

fn floats(view: &TensorView<'_>) -> Vec<f32> {
    view.data()
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}
