//! `srt model`.

use std::io::Write;
use std::path::Path;

use serde::Serialize;

use crate::args::{ModelArgs, ModelCommand};
use crate::models;
use crate::output::overwrite;
use srt::{
    ChunkType, Dataset, Error, Hierarchy, Network, Result, Shape, Writer, builtin, builtin_names,
};
use srt_program::{Destination, print_json, print_line};

pub(crate) fn run(args: &ModelArgs) -> Result<u8> {
    match &args.command {
        ModelCommand::List { json } => list(*json)?,
        ModelCommand::Info { model, json } => info(model, *json)?,
        ModelCommand::Import { file, name, force } => import(file, name.as_deref(), *force)?,
        ModelCommand::Export {
            model,
            output,
            force,
        } => export(model, output, *force)?,
    }
    Ok(0)
}

/// A model as `list` and `info` show it, schema version 1.
#[derive(Debug, Serialize)]
struct ModelReport {
    name: String,
    source: &'static str,
    licence: String,
    sha256: String,
    training_data_sha256: Option<String>,
    parameters: u64,
    networks: Vec<NetworkReport>,
}

#[derive(Debug, Serialize)]
struct NetworkReport {
    rank: u8,
    min_level: u8,
    max_level: u8,
    transform: String,
    trunk: String,
    head: String,
    features: u16,
    parameters: u64,
    radius: usize,
    record_bytes: usize,
}

impl NetworkReport {
    fn new(network: &Network) -> Self {
        let arch = network.arch();
        Self {
            rank: arch.rank,
            min_level: arch.min_level,
            max_level: arch.max_level,
            transform: format!("{:?}", arch.transform).to_lowercase(),
            trunk: format!("{:?}", arch.trunk),
            head: format!("{:?}", arch.head),
            features: arch.features,
            parameters: network.parameters(),
            radius: network.radius(),
            record_bytes: network.to_bytes().len(),
        }
    }
}

impl ModelReport {
    fn new(model: &Hierarchy, source: &'static str) -> Self {
        Self {
            name: model.name.clone(),
            source,
            licence: model.licence.clone(),
            sha256: model
                .sha256()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            training_data_sha256: model.training_data_sha256.clone(),
            parameters: model.parameters(),
            networks: model.networks().iter().map(NetworkReport::new).collect(),
        }
    }
}

fn list(json: bool) -> Result<()> {
    let mut reports = Vec::new();
    for name in builtin_names() {
        if let Some(model) = builtin(name)? {
            reports.push(ModelReport::new(&model, "built in"));
        }
    }
    for (_, path) in models::stored() {
        reports.push(ModelReport::new(&models::read(&path)?, "imported"));
    }
    if json {
        return print_json(&reports);
    }
    for report in &reports {
        let rank = report.networks.first().map_or(0, |n| n.rank);
        print_line(&format!(
            "{:20} {rank}-D  {} networks  {:8} parameters  {:8}  {:.16}",
            report.name,
            report.networks.len(),
            report.parameters,
            report.source,
            report.sha256
        ))?;
    }
    Ok(())
}

fn info(name: &Path, json: bool) -> Result<()> {
    let source = if builtin_names().any(|builtin| name.as_os_str() == builtin) {
        "built in"
    } else {
        "file"
    };
    let report = ModelReport::new(&*models::find(name)?, source);
    if json {
        return print_json(&report);
    }
    print_line(&format!(
        "{}\n  sha-256     {}\n  licence     {}\n  parameters  {}",
        report.name, report.sha256, report.licence, report.parameters
    ))?;
    for n in &report.networks {
        print_line(&format!(
            "  levels {} to {}: {}-D {} {} {}, {} features, {} parameters, radius {}, {} bytes",
            n.min_level,
            n.max_level,
            n.rank,
            n.transform,
            n.trunk,
            n.head,
            n.features,
            n.parameters,
            n.radius,
            n.record_bytes
        ))?;
    }
    Ok(())
}

fn import(file: &Path, name: Option<&str>, force: bool) -> Result<()> {
    let mut model = models::read(file)?;
    if let Some(name) = name {
        name.clone_into(&mut model.name);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if model.name.is_empty() || model.name.starts_with('.') || !model.name.chars().all(plain) {
        return Err(Error::invalid(format!(
            "a model name of letters, digits, '-', '_' and '.' expected, {:?} found: give one with --name",
            model.name
        )));
    }
    if builtin_names()
        .chain(["default", "none"])
        .any(|taken| taken == model.name)
    {
        return Err(Error::invalid(format!(
            "{:?} is a built-in name: give another with --name",
            model.name
        )));
    }
    let dir = models::store()?;
    std::fs::create_dir_all(&dir).map_err(|e| Error::from(e).within(dir.display()))?;
    let path = dir.join(format!("{}.safetensors", model.name));
    write(&path, force, file, &model.to_safetensors()?)?;
    print_line(&format!("imported {} to {}", model.name, path.display()))
}

fn export(name: &Path, output: &Path, force: bool) -> Result<()> {
    let model = models::find(name)?;
    let bytes = match output.extension() {
        Some(e) if e == "safetensors" => model.to_safetensors()?,
        Some(e) if e == "srt" => pack(&model)?,
        _ => {
            return Err(Error::invalid(format!(
                "a name ending in .safetensors or .srt expected, {} found",
                output.display()
            )));
        }
    };
    write(output, force, name, &bytes)
}

/// A weights pack: a file with networks and no field.
fn pack(model: &Hierarchy) -> Result<Vec<u8>> {
    let dataset = Dataset::new(Shape::new(&[1, 1])?, Vec::new());
    let mut writer = Writer::new(Vec::new());
    writer.chunk(ChunkType::DSET, 0, &dataset.to_bytes())?;
    for (network, part) in model.networks().iter().zip(0u32..) {
        writer.chunk(ChunkType::NETW, part, &network.to_bytes())?;
    }
    Ok(writer.finish()?.0)
}

fn write(path: &Path, force: bool, input: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = Destination::decide(path, overwrite(force), [input])?.create()?;
    file.write_all(bytes)?;
    file.commit()
}
