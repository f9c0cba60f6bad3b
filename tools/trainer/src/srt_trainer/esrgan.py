"""Import of generators in the published layout of the paper's authors (c1, blocks.N.dbM.cK, c2, c2_vs, c3, final_conv)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch

from . import TrainerError
from .arch import Architecture, Rrdb
from .hierarchy_file import FloatNetwork
from .model import Generator

_DENSE = re.compile(r"blocks\.(\d+)\.db(\d+)\.c(\d+)\.weight$")
_NAMES = {"c1": "input", "c2": "trunk_end", "c3": "refine", "final_conv": "head"}


def import_esrgan(path: str | Path, min_level: int, max_level: int) -> FloatNetwork:
    """Reads a state dict (`.pt`, `.pth` or `.safetensors`) of one generator.

    The architecture is read from the shapes; slope and beta are not stored there and are the paper's 0.2.
    Raises `TrainerError` if a tensor is missing, unknown or of the wrong shape.
    """
    state = {k.removeprefix("module."): v.float() for k, v in _load(Path(path)).items()}
    arch = _architecture(state, path)
    dense = {(b, d, k) for b, d, k in _dense_indices(state)}
    # Numbering in the files may start at 0 or 1; order is what counts.
    orders = [sorted({i[n] for i in dense}) for n in range(3)]
    names = {f"blocks.{b}.db{d}.c{k}": f"block{orders[0].index(b)}.dense{orders[1].index(d)}.conv{orders[2].index(k)}"
             for b, d, k in dense}
    shuffle = _shuffle_name(state, path)
    names.update(_NAMES)
    names[shuffle] = "shuffle"
    model = Generator(arch).eval()
    used = set()
    with torch.no_grad():
        for theirs, ours in names.items():
            conv = model.convolution(ours)
            for part in ("weight", "bias"):
                key, target = f"{theirs}.{part}", getattr(conv, part)
                if key not in state:
                    raise TrainerError(f"{path}: {key} is missing")
                value = state[key]
                if theirs == shuffle and arch.rank == 2:
                    value = value[channel_to_offset_major(arch.features, 4)]
                if value.shape != target.shape:
                    raise TrainerError(f"{path}: {key}: shape {tuple(target.shape)} expected, {tuple(value.shape)} found")
                target.copy_(value)
                used.add(key)
    unknown = set(state) - used
    if unknown:
        raise TrainerError(f"{path}: unknown tensors {', '.join(sorted(unknown)[:5])}")
    return FloatNetwork(model, min_level, max_level, training={"recipe": "import-esrgan"})


def channel_to_offset_major(features: int, offsets: int) -> np.ndarray:
    """Permutation of output channels from PyTorch's pixel shuffle (channel-major) to the spec's voxel shuffle.

    The authors' voxel shuffle in 3-D is offset-major already; in 2-D they use PyTorch's.
    """
    return np.arange(features * offsets).reshape(features, offsets).T.reshape(-1)


def _load(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise TrainerError(f"{path}: no such file")
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)  # never runs code from the file
    except Exception as error:
        raise TrainerError(f"{path}: not a plain state dict: {error}") from error
    state = state.get("state_dict", state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise TrainerError(f"{path}: a state dict of tensors expected")
    return state


def _dense_indices(state: dict[str, torch.Tensor]) -> list[tuple[int, int, int]]:
    return [tuple(int(g) for g in m.groups()) for m in map(_DENSE.match, state) if m]


def _shuffle_name(state: dict[str, torch.Tensor], path: str | Path) -> str:
    for name in ("c2_vs", "c2_ps"):
        if f"{name}.weight" in state:
            return name
    raise TrainerError(f"{path}: c2_vs.weight is missing")


def _architecture(state: dict[str, torch.Tensor], path: str | Path) -> Architecture:
    dense = _dense_indices(state)
    if not dense or "c1.weight" not in state:
        raise TrainerError(f"{path}: c1 and blocks.N.dbM.cK expected, found {', '.join(list(state)[:5])}")
    first = min(dense)
    growth = state[f"blocks.{first[0]}.db{first[1]}.c{first[2]}.weight"].shape[0]
    w = state["c1.weight"]
    if w.shape[1] != 1:
        raise TrainerError(f"{path}: one input channel expected, {w.shape[1]} found")
    counts = [len({i[n] for i in dense}) for n in range(3)]
    return Architecture(rank=w.ndim - 2, transform="haar", padding="zero", input_channels=("field",),
                        features=w.shape[0], input_kernel=w.shape[2], slope=0.2, head="voxel_shuffle",
                        trunk=Rrdb(counts[0], counts[1], counts[2], growth, 0.2), shortcut_kernel=None)
