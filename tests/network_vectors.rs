//! Every backend against the vectors of an independent implementation, bit by bit.
//!
//! `tests/data/networks/README.md` says what the vectors hold and how they were made.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde_json::Value;
use srt::backend::cpu::{Cpu, Isa, Reference};
use srt::backend::{
    Backend, NetworkInput, PredictRequest, Scaling, input_multiplier, quantise_input, unit,
};
use srt::network::{Hierarchy, Network};
use srt::transform::Extension;
use srt::{Limits, Region};

struct Case {
    name: String,
    network: Network,
    domain: [usize; 3],
    extension: [Extension; 3],
    level: u8,
    gain: f32,
    condition: Option<i16>,
    coefficients: Vec<f32>,
    quantised: Vec<i16>,
    prediction: Vec<u32>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/networks")
}

fn cases() -> Vec<Case> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".case.safetensors").map(str::to_owned)
        })
        .collect();
    names.sort();
    assert_eq!(names.len(), 7, "{names:?}");
    names.iter().map(|name| case(name)).collect()
}

fn case(name: &str) -> Case {
    let read =
        |part: &str| std::fs::read(folder().join(format!("{name}.{part}.safetensors"))).unwrap();
    let hierarchy = Hierarchy::from_safetensors(&read("network"), &Limits::default()).unwrap();
    let bytes = read("case");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let text = &metadata.metadata().as_ref().unwrap()["case"];
    let text: Value = serde_json::from_str(text).unwrap();
    let three = |key: &str| -> Vec<Value> { text[key].as_array().unwrap().clone() };
    let words = |tensor: &str| -> Vec<u32> {
        let data = file.tensor(tensor).unwrap().data();
        data.as_chunks::<4>()
            .0
            .iter()
            .map(|b| u32::from_le_bytes(*b))
            .collect()
    };
    let quantised = file.tensor("quantised").unwrap().data();
    Case {
        name: name.to_owned(),
        network: hierarchy.networks()[0].clone(),
        domain: std::array::from_fn(|a| three("domain")[a].as_u64().unwrap() as usize),
        extension: std::array::from_fn(|a| match three("extension")[a].as_str().unwrap() {
            "even" => Extension::Even,
            "odd" => Extension::Odd,
            "periodic" => Extension::Periodic,
            "half" => Extension::Half,
            other => panic!("extension {other}"),
        }),
        level: text["level"].as_u64().unwrap() as u8,
        gain: text["gain"].as_f64().unwrap() as f32,
        condition: text["condition"].as_i64().map(|v| v as i16),
        coefficients: words("coefficients")
            .into_iter()
            .map(f32::from_bits)
            .collect(),
        quantised: quantised
            .as_chunks::<2>()
            .0
            .iter()
            .map(|b| i16::from_le_bytes(*b))
            .collect(),
        prediction: words("prediction"),
    }
}

#[test]
fn quantised_input_is_equal() {
    for case in cases() {
        let multiplier = input_multiplier(&case.network, case.level);
        let mut out = vec![0; case.coefficients.len()];
        quantise_input(&case.coefficients, multiplier, &mut out).unwrap();
        assert_eq!(out, case.quantised, "{}", case.name);
    }
}

#[test]
fn predictions_of_every_backend_are_equal() {
    let mut backends: Vec<(String, Box<dyn Backend>)> =
        vec![("reference".into(), Box::new(Reference))];
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
        backends.push((isa.to_string(), Box::new(Cpu::with_isa(isa).unwrap())));
    }
    for case in cases() {
        let arch = case.network.arch();
        let request = PredictRequest {
            network: &case.network,
            input: NetworkInput {
                field: &case.quantised,
                origin: [0; 3],
                size: case.domain,
                domain: case.domain,
                extension: case.extension,
                condition: case.condition,
            },
            region: Region {
                start: [0; 3],
                size: case.domain,
            },
            scaling: Scaling {
                gain: case.gain,
                unit: unit(arch.rank.into(), case.level),
            },
        };
        for (name, backend) in &backends {
            let mut out = vec![0.0; case.prediction.len()];
            backend.predict(&request, &mut out).unwrap();
            let bits: Vec<u32> = out.into_iter().map(f32::to_bits).collect();
            assert_eq!(bits, case.prediction, "{} on {name}", case.name);
        }
    }
}

#[test]
fn canonical_records_round_trip() {
    for case in cases() {
        let bytes = case.network.to_bytes();
        let back = Network::from_bytes(&bytes, &Limits::default()).unwrap();
        assert_eq!(back, case.network, "{}", case.name);
    }
}
