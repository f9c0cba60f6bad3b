"""Files: hierarchies, float networks, volumes of every format."""

import json

import numpy as np
import pytest
import torch
from conftest import ARCHITECTURES, random_model, smooth_field
from safetensors import safe_open

from srt_trainer import TrainerError, volumes
from srt_trainer.arch import Architecture
from srt_trainer.export import compare, export
from srt_trainer.hierarchy_file import (
    FloatNetwork,
    hash_files,
    load_float,
    load_hierarchy,
    save_float,
    save_hierarchy,
)
from srt_trainer.integer import predict


def test_export_round_trip_is_exact(tmp_path):
    arch = ARCHITECTURES["residual3d"]
    networks = [FloatNetwork(random_model(arch, 0), 0, 0, "ab"), FloatNetwork(random_model(arch, 1), 1, 15, "ab")]
    field = smooth_field((32, 32, 32))
    hierarchy = export(networks, [field], "tiny")
    first = save_hierarchy(tmp_path / "a.safetensors", hierarchy)
    loaded = load_hierarchy(tmp_path / "a.safetensors")
    assert save_hierarchy(tmp_path / "b.safetensors", loaded) == first
    c = smooth_field((6, 5, 7), 4)
    for level in (0, 3):
        a = predict(hierarchy.for_level(level), c, level, 0.1)
        assert np.array_equal(a, predict(loaded.for_level(level), c, level, 0.1))
    assert (loaded.name, loaded.training_data_sha256) == ("tiny", "ab")
    assert all(abs(loss.loss_db) < 0.5 for loss in compare(networks, loaded, field, 2))


def test_comparison_covers_the_voxel_shuffle():
    network = FloatNetwork(random_model(ARCHITECTURES["rrdb2d_shuffle"]), 0, 15)
    field = smooth_field((33, 30))
    losses = compare([network], export([network], [field], "p"), field, 2)
    assert len(losses) == 2 and all(abs(loss.loss_db) < 0.1 for loss in losses)


def test_metadata_is_what_the_spec_says(tmp_path):
    hierarchy = export([FloatNetwork(random_model(ARCHITECTURES["rrdb2d"]), 0, 2)], [smooth_field((32, 32))], "r")
    save_hierarchy(tmp_path / "r.safetensors", hierarchy)
    with safe_open(str(tmp_path / "r.safetensors"), "numpy") as f:
        header = json.loads(f.metadata()["srt"])
        names = set(f.keys())
    entry = header["networks"][0]
    assert header["format"] == "srt-network-1"
    assert entry["trunk"] == {"kind": "rrdb", "blocks": 2, "dense_blocks": 2, "convolutions": 3, "growth": 4, "beta": 0.2}
    assert (entry["min_level"], entry["max_level"], entry["head"]) == (0, 2, "subbands")
    assert {"0.input.weight", "0.block1.dense0.conv2.negative", "0.trunk_end.positive", "0.head.scale"} <= names


def test_levels_must_meet():
    networks = [FloatNetwork(random_model(ARCHITECTURES["residual2d"]), a, b) for a, b in ((0, 0), (2, 3))]
    with pytest.raises(TrainerError, match="gap or overlap"):
        export(networks, [smooth_field((32, 32))], "x")


def test_float_round_trip(tmp_path, arch):
    model = random_model(arch)
    save_float(tmp_path / "n.safetensors", FloatNetwork(model, 1, 4, "h", {"steps": 3}))
    back = load_float(tmp_path / "n.safetensors")
    assert back.model.arch == arch and (back.min_level, back.max_level, back.training) == (1, 4, {"steps": 3})
    x = torch.randn((1, len(arch.input_channels)) + (2 * arch.radius + 2,) * arch.rank)
    with torch.no_grad():
        assert torch.equal(model(x), back.model(x))


def test_wrong_files_are_explained(tmp_path):
    with pytest.raises(TrainerError, match="no such file"):
        load_hierarchy(tmp_path / "none")
    (tmp_path / "junk").write_bytes(b"junk")
    with pytest.raises(TrainerError):
        load_float(tmp_path / "junk")
    save_float(tmp_path / "f", FloatNetwork(random_model(ARCHITECTURES["residual2d"]), 0, 0))
    with pytest.raises(TrainerError, match="srt-network-1 expected, srt-float-1 found"):
        load_hierarchy(tmp_path / "f")


def test_architecture_json_round_trip(arch):
    assert Architecture.from_json(json.loads(json.dumps(arch.to_json()))) == arch


def test_paper_network_has_the_papers_size():
    paper = Architecture.from_json({
        "rank": 3, "transform": "haar", "padding": "zero", "input_channels": ["field"], "features": 96, "slope": 0.2,
        "trunk": {"kind": "rrdb", "blocks": 3}, "head": "voxel_shuffle", "shortcut_kernel": None})
    assert paper.parameters() == 10_063_969  # README, recipe paper
    assert paper.radius == 50


@pytest.mark.parametrize("entry", [{"rank": 4}, {"colour": 1}, {"trunk": {"kind": "unet"}}, {"input_kernel": 2}])
def test_bad_architectures_are_refused(entry):
    with pytest.raises(TrainerError):
        Architecture.from_json({"rank": 3, **entry})


def test_volumes_of_every_format(tmp_path):
    x = smooth_field((4, 5, 6))
    np.save(tmp_path / "a.npy", x)
    x.tofile(tmp_path / "a.raw")
    assert np.array_equal(volumes.read(tmp_path / "a.npy"), x)
    assert np.array_equal(volumes.read(tmp_path / "a.raw", shape=[4, 5, 6]), x)
    with pytest.raises(TrainerError, match="120 values|121 values|shape"):
        volumes.read(tmp_path / "a.raw", shape=[4, 5, 7])
    with pytest.raises(TrainerError, match="needs its shape"):
        volumes.read(tmp_path / "a.raw")


def test_hdf5(tmp_path):
    h5py = pytest.importorskip("h5py")
    x = smooth_field((4, 5, 6))
    with h5py.File(tmp_path / "a.h5", "w") as f:
        f["flow/u"] = x[None]
        f["flow/p"] = 2 * x
    assert np.array_equal(volumes.read(tmp_path / "a.h5", "flow/u"), x)
    with pytest.raises(TrainerError, match="name the variable, one of flow/p, flow/u"):
        volumes.read(tmp_path / "a.h5")
    with pytest.raises(TrainerError, match="no variable 'w'"):
        volumes.read(tmp_path / "a.h5", "w")


def test_netcdf(tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    x = smooth_field((4, 5, 6))
    xarray.Dataset({"u": (("z", "y", "x"), x)}).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert np.array_equal(volumes.read(tmp_path / "a.nc"), x)


def test_zarr(tmp_path):
    zarr = pytest.importorskip("zarr")
    x = smooth_field((4, 5, 6))
    zarr.save_array(str(tmp_path / "a.zarr"), x)
    group = zarr.open_group(str(tmp_path / "g.zarr"), mode="w")
    group.create_array("u", data=x)
    assert np.array_equal(volumes.read(tmp_path / "a.zarr"), x)
    assert np.array_equal(volumes.read(tmp_path / "g.zarr", "u"), x)


def test_training_set_hash_ignores_names_and_order(tmp_path):
    for name, content in (("a", b"1"), ("b", b"2"), ("c", b"1"), ("d", b"2")):
        (tmp_path / name).write_bytes(content)
    a, b, c, d = (tmp_path / n for n in "abcd")
    assert hash_files([a, b]) == hash_files([d, c]) != hash_files([a])
