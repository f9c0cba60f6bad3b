"""Hierarchies on disk: quantised (`srt-network-1`, spec/networks.md section 6) and floating point (`srt-float-1`).

Both are safetensors with one JSON object in the metadata entry `srt`; tensors of network `n` are `n.layer.part`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from . import TrainerError
from .arch import Architecture
from .integer import QuantisedNetwork
from .model import Generator

QUANTISED, FLOAT = "srt-network-1", "srt-float-1"
LICENCE = "MIT OR Apache-2.0"


@dataclass
class Hierarchy:
    """A quantised hierarchy, ready for `srt model import`."""

    name: str
    networks: list[QuantisedNetwork]
    licence: str = LICENCE
    training_data_sha256: str = ""

    def for_level(self, level: int) -> QuantisedNetwork:
        for network in self.networks:
            if network.min_level <= level <= network.max_level:
                return network
        raise TrainerError(f"{self.name} has no network for level {level}")

    def parameters(self) -> int:
        return sum(n.arch.parameters() for n in self.networks)


@dataclass
class FloatNetwork:
    """One trained network with what training knew about it."""

    model: Generator
    min_level: int
    max_level: int
    training_data_sha256: str = ""
    training: dict[str, Any] = field(default_factory=dict)


def save_hierarchy(path: str | Path, hierarchy: Hierarchy) -> str:
    """Writes the file and returns its SHA-256. The same hierarchy gives the same bytes."""
    entries, tensors = [], {}
    for n, network in enumerate(hierarchy.networks):
        network.check()
        arch = network.arch.to_json()
        rank = arch.pop("rank")
        entries.append({"rank": rank, "min_level": network.min_level, "max_level": network.max_level, **arch})
        tensors.update({f"{n}.{k}": v for k, v in network.tensors.items()})
    header = {"format": QUANTISED, "name": hierarchy.name, "licence": hierarchy.licence,
              "training_data_sha256": hierarchy.training_data_sha256, "networks": entries}
    return _save(path, tensors, header)


def load_hierarchy(path: str | Path) -> Hierarchy:
    """Raises `TrainerError` if the file is not a valid quantised hierarchy."""
    header, tensors = _load(path, QUANTISED)
    networks = []
    for n, entry in enumerate(header["networks"]):
        mine = {k.split(".", 1)[1]: v for k, v in tensors.items() if k.split(".", 1)[0] == str(n)}
        network = QuantisedNetwork(Architecture.from_json(entry), entry["min_level"], entry["max_level"], mine)
        try:
            network.check()
        except (ValueError, KeyError) as error:
            raise TrainerError(f"{path}: network {n}: {error}") from error
        networks.append(network)
    return Hierarchy(header["name"], networks, header["licence"], header.get("training_data_sha256", ""))


def save_float(path: str | Path, network: FloatNetwork) -> str:
    """Writes a trained network in binary32 and returns the file's SHA-256."""
    tensors = {}
    for layer in network.model.arch.layers():
        conv = network.model.convolution(layer.name)
        for part in ("weight", "bias"):
            tensors[f"{layer.name}.{part}"] = getattr(conv, part).detach().float().cpu().contiguous().numpy()
    header = {"format": FLOAT, "min_level": network.min_level, "max_level": network.max_level,
              "architecture": network.model.arch.to_json(),
              "training_data_sha256": network.training_data_sha256, "training": network.training}
    return _save(path, tensors, header)


def load_float(path: str | Path) -> FloatNetwork:
    """Raises `TrainerError` if the file is not a trained network of this package."""
    header, tensors = _load(path, FLOAT)
    model = Generator(Architecture.from_json(header["architecture"]))
    with torch.no_grad():
        for layer in model.arch.layers():
            conv = model.convolution(layer.name)
            for part in ("weight", "bias"):
                name = f"{layer.name}.{part}"
                target = getattr(conv, part)
                if name not in tensors or tensors[name].shape != tuple(target.shape):
                    raise TrainerError(f"{path}: {name} of shape {tuple(target.shape)} expected")
                target.copy_(torch.from_numpy(tensors[name]))
    return FloatNetwork(model.eval(), header["min_level"], header["max_level"],
                        header["training_data_sha256"], header["training"])


def hash_files(paths: list[Path]) -> str:
    """Hash of a training set: SHA-256 over the sorted SHA-256 sums of its files, so names do not matter."""
    sums = sorted(hashlib.sha256(Path(p).read_bytes()).hexdigest() for p in paths)
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()


def _save(path: str | Path, tensors: dict[str, np.ndarray], header: dict[str, Any]) -> str:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    tensors = {k: np.ascontiguousarray(v) for k, v in tensors.items()}
    save_file(tensors, temporary, metadata={"srt": json.dumps(header, sort_keys=False)})
    temporary.chmod(0o644)  # safetensors creates files for the owner alone
    temporary.replace(path)  # a reader never maps a half-written file
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _load(path: str | Path, expected: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    if not Path(path).is_file():
        raise TrainerError(f"{path}: no such file")
    try:
        with safe_open(str(path), "numpy") as f:
            header = json.loads((f.metadata() or {}).get("srt", "{}"))
            tensors = {k: f.get_tensor(k) for k in f.keys()}
    except (SafetensorError, json.JSONDecodeError) as error:
        raise TrainerError(f"{path}: {error}") from error
    if header.get("format") != expected:
        raise TrainerError(f"{path}: format {expected} expected, {header.get('format')} found")
    return header, tensors
