"""Small networks and fields shared by the tests."""

import numpy as np
import pytest
import torch

from srt_trainer import golden
from srt_trainer.arch import Architecture, Residual

torch.set_num_threads(1)

ARCHITECTURES = golden.ARCHITECTURES | {
    "residual2d_shuffle": Architecture(rank=2, features=4, trunk=Residual(1), head="voxel_shuffle",
                                       input_channels=("field", "inside"), shortcut_kernel=None),
}


@pytest.fixture(params=sorted(ARCHITECTURES))
def arch(request):
    return ARCHITECTURES[request.param]


def random_model(arch, seed=0):
    """A network with every weight and bias nonzero, so that nothing hides behind an initialisation."""
    return golden.random_network(arch, seed)


def smooth_field(shape, seed=0):
    """A random field with a steep spectrum, zero mean, unit deviation."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    k = np.sqrt(sum(np.square(np.fft.fftfreq(n) * n).reshape([-1 if a == axis else 1 for a in range(len(shape))])
                    for axis, n in enumerate(shape)))
    x = np.fft.ifftn(np.fft.fftn(noise) / (1 + k**2.5)).real
    return ((x - x.mean()) / x.std()).astype(np.float32)
