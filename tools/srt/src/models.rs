//! Weight sets by name, from files and in the local store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::folders::user_folder;
use crate::worker::sz3_worker;
use srt::{
    DecodeOptions, Decoder, Error, ErrorKind, FileBytes, Form, Frame, Hierarchy, Limits, MAGIC,
    Model, PooledPayload, Result, builtin, builtin_names,
};
use srt_program::load_file;

/// The folder of imported models: `srt/models` in the user's data folder.
pub(crate) fn store() -> Result<PathBuf> {
    let data = user_folder("XDG_DATA_HOME", ".local/share")
        .ok_or_else(|| Error::invalid("neither XDG_DATA_HOME nor HOME is set: no model store"))?;
    Ok(data.join("srt/models"))
}

/// Files of the store by name; empty when there is none.
pub(crate) fn stored() -> Vec<(String, PathBuf)> {
    let entries = store().ok().and_then(|dir| std::fs::read_dir(dir).ok());
    let mut found: Vec<_> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_stem()?.to_str()?.to_owned();
            (path.extension()? == "safetensors").then_some((name, path))
        })
        .collect();
    found.sort();
    found
}

/// Reads a weight set: quantised safetensors, or the embedded weights of an `.srt` file.
pub(crate) fn read(path: &Path) -> Result<Hierarchy> {
    let read = || {
        let file = load_file(path)?;
        let bytes = file.bytes();
        if !bytes.starts_with(&MAGIC) {
            return Hierarchy::from_safetensors(bytes, &Limits::default());
        }
        match Decoder::new(bytes)?.weights()? {
            Some(hierarchy) => Ok(Arc::unwrap_or_clone(hierarchy)),
            None => Err(Error::invalid("the file has no weights")),
        }
    };
    read().map_err(|e| e.within(path.display()))
}

/// Opens a file for decoding, with the local store to look its weights up in.
pub(crate) fn open(bytes: &[u8]) -> Result<Decoder<'_>> {
    open_with(bytes, DecodeOptions::default(), 0)
}

/// Opens a file for decoding at downscaling level `level` and coarser ones, with the local store to look its weights up
/// in.
pub(crate) fn open_with(bytes: &[u8], options: DecodeOptions, level: usize) -> Result<Decoder<'_>> {
    complete(Decoder::with_options(bytes, options)?, level)
}

/// As [`open_with`], for a decoder that keeps what it reads from.
pub(crate) fn open_source(bytes: FileBytes, options: DecodeOptions) -> Result<Decoder<'static>> {
    complete(Decoder::from_source(Arc::new(bytes), options)?, 0)
}

/// A decoder with what its file needs beside itself.
fn complete(mut decoder: Decoder<'_>, level: usize) -> Result<Decoder<'_>> {
    let missing = |e: &Error| e.kind() == ErrorKind::MissingWeights;
    let needs_networks = decoder
        .frames()
        .flat_map(|frame| frame.records())
        .any(|record| record.form.needs_networks(level));
    if needs_networks && decoder.weights().as_ref().is_err_and(missing) {
        for model in stored_models() {
            decoder.add_weights(model);
        }
    }
    let is_sz3 = |frame: &Frame| matches!(&frame.form, Form::Pooled(form) if form.payload == PooledPayload::Sz3);
    if decoder.frames().any(|frame| is_sz3(frame.record())) {
        decoder.set_worker(sz3_worker()?);
    }
    Ok(decoder)
}

/// The models of the store. A damaged file must not keep others from being found.
pub(crate) fn stored_models() -> impl Iterator<Item = Arc<Hierarchy>> {
    let models = stored()
        .into_iter()
        .filter_map(|(_, path)| read(&path).ok());
    models.map(Arc::new)
}

/// A model by name (built in, or in the store) or by file.
pub(crate) fn find(model: &Path) -> Result<Arc<Hierarchy>> {
    let name = model.to_str();
    if let Some(model) = name.map(builtin).transpose()?.flatten() {
        return Ok(model);
    }
    let stored_model = |(stored, _): &(String, PathBuf)| Some(stored.as_str()) == name;
    if let Some((_, path)) = stored().into_iter().find(stored_model) {
        return read(&path).map(Arc::new);
    }
    if model.exists() {
        return read(model).map(Arc::new);
    }
    let known: Vec<String> = builtin_names()
        .map(str::to_owned)
        .chain(stored().into_iter().map(|(name, _)| name))
        .collect();
    Err(Error::invalid(format!(
        "no model and no file {model:?}; models: default, none, {}",
        known.join(", ")
    )))
}

/// The value of `--model`.
pub(crate) fn choose(model: &Path) -> Result<Model> {
    Ok(match model.to_str() {
        Some("default") => Model::Default,
        Some("none") => Model::None,
        _ => Model::Given(find(model)?),
    })
}
