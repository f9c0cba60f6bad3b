"""What the tests share."""

from pathlib import Path

import numpy as np
import pytest
import srt_codec

ROOT = Path(__file__).parents[3]


def waves(shape, dtype="f4", phase=0.0):
    """A smooth field."""
    grids = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    value = sum(np.sin(0.3 * (axis + 1) * grid + phase) for axis, grid in enumerate(grids))
    return value.astype(dtype)


@pytest.fixture(scope="session")
def turbulence():
    return np.load(ROOT / "tests/data/turbulence_64.npy")


@pytest.fixture(scope="session")
def flow(tmp_path_factory):
    """A file of two fields and three steps, and its path."""
    path = tmp_path_factory.mktemp("flow") / "flow.srt"
    shape = (20, 24, 28)
    with srt_codec.create(
        path,
        shape=shape,
        fields={"u": "m/s", "p": "Pa"},
        dtype={"u": "f4", "p": "f8"},
        spacing=(0.5, 0.25, 0.125),
        origin=(-1.0, 0.0, 2.0),
        length_unit="m",
        time_unit="s",
        attrs={"title": "waves"},
        field_attrs={"u": {"long_name": "speed"}},
        max_error=1e-3,
    ) as w:
        for t in range(3):
            w.append(time=0.5 * t, u=waves(shape, "f4", t), p=waves(shape, "f8", -t))
    return path


@pytest.fixture(scope="session")
def large(tmp_path_factory, turbulence):
    """A file whose levels have bricks of their own."""
    path = tmp_path_factory.mktemp("large") / "large.srt"
    block = np.pad(turbulence, ((0, 192),) * 3, "symmetric")
    path.write_bytes(srt_codec.encode(block, psnr=60, model="none", effort=1))
    return path
