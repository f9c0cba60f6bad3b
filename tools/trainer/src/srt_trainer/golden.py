"""Test vectors of the exact arithmetic: small hierarchies of every kind with inputs and outputs to the last bit.

`NAME.safetensors` is a hierarchy (spec/networks.md section 6); `NAME.cases.safetensors` holds for each case `n` the
orthonormal low-pass `n.low` (f32), the network's input channels with their margin `n.channels` (i32) and the
prediction `n.prediction` (f32), and in the metadata entry `cases` a JSON list of `level`, `gain` (binary32 as a bit
pattern), `fine_shape`, `periodic`, `condition`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

from .arch import Architecture, Residual, Rrdb, unit
from .extension import input_channels
from .hierarchy_file import Hierarchy, save_hierarchy
from .integer import predict, quantise_input
from .model import Generator
from .quantise import calibrate, quantise

ARCHITECTURES = {
    "residual3d": Architecture(rank=3, features=8, trunk=Residual(2)),
    "residual2d": Architecture(rank=2, features=8, trunk=Residual(3)),
    "residual2d_haar_zero": Architecture(rank=2, features=5, trunk=Residual(1), transform="haar", padding="zero",
                                         shortcut_kernel=3),
    "residual3d_condition": Architecture(rank=3, features=4, trunk=Residual(1), shortcut_kernel=None,
                                         input_channels=("inside_field", "inside", "condition")),
    "rrdb2d": Architecture(rank=2, features=6, slope=0.2, trunk=Rrdb(2, 2, 3, 4), transform="haar"),
    "rrdb2d_shuffle": Architecture(rank=2, features=4, slope=0.2, trunk=Rrdb(1, 3, 5, 3), transform="haar",
                                   padding="zero", head="voxel_shuffle", input_channels=("field",),
                                   shortcut_kernel=None),
    "rrdb3d_shuffle": Architecture(rank=3, features=4, slope=0.2, trunk=Rrdb(1, 2, 3, 3), transform="haar",
                                   padding="zero", head="voxel_shuffle", input_channels=("field",),
                                   shortcut_kernel=None),
}

#: Fine shapes: even, odd, thin; the last with a periodic first axis.
_SHAPES = {3: [(12, 10, 14), (7, 9, 12), (3, 2, 1), (8, 6, 5)], 2: [(24, 18), (15, 9), (5, 1), (16, 7)]}


def random_network(arch: Architecture, seed: int) -> Generator:
    """Random weights of unit gain, so that saturation and both LeakyReLU branches are met."""
    generator = torch.Generator().manual_seed(seed)
    model = Generator(arch).eval()
    with torch.no_grad():
        for layer in arch.layers():
            conv = model.convolution(layer.name)
            fan = layer.inputs * layer.kernel**arch.rank
            conv.weight.copy_(torch.randn(conv.weight.shape, generator=generator) * (1.5 / fan) ** 0.5)
            conv.bias.copy_(torch.randn(conv.bias.shape, generator=generator) * 0.1)
    return model


def write_golden(out: Path) -> list[Path]:
    """Writes all vectors and returns their paths."""
    written = []
    for seed, (name, arch) in enumerate(ARCHITECTURES.items()):
        rng = np.random.default_rng(seed)
        model = random_network(arch, seed)
        x = input_channels(rng.standard_normal((12,) * arch.rank).astype(np.float32), arch, (24,) * arch.rank)
        network = quantise(model, calibrate(model, [torch.from_numpy(x)[None]]), 0, 15)
        written.append(out / f"{name}.safetensors")
        save_hierarchy(written[-1], Hierarchy(name, [network]))
        cases, tensors = [], {}
        for n, fine in enumerate(_SHAPES[arch.rank]):
            level = (0, 1, 2, 5)[n]
            periodic = tuple(n == 3 and axis == 0 for axis in range(arch.rank))
            gain, condition = np.float32(rng.uniform(0.1, 3.0)), 37 * n
            low = rng.standard_normal([(k + 1) // 2 for k in fine]).astype(np.float32) * np.float32(unit(arch.rank, level))
            if n == 0:
                low.flat[0] *= 100  # saturates the input
            tensors[f"{n}.low"] = low
            tensors[f"{n}.channels"] = input_channels(quantise_input(low, arch, level), arch, fine, periodic,
                                                      one=round(arch.input_scale), condition=condition)
            tensors[f"{n}.prediction"] = predict(network, low, level, float(gain), fine, periodic, condition)
            cases.append({"level": level, "gain": int(gain.view(np.uint32)), "fine_shape": list(fine),
                          "periodic": list(periodic), "condition": condition})
        written.append(out / f"{name}.cases.safetensors")
        save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, written[-1],
                  metadata={"cases": json.dumps(cases)})
        written[-1].chmod(0o644)
    return written
