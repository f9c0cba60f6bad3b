"""Dask: `to_srt`, and files read by workers of their own processes."""

import os

import numpy as np
import pytest
import srt_codec

da = pytest.importorskip("dask.array")
dask = pytest.importorskip("dask")

from conftest import waves  # noqa: E402
from srt_codec.dask import to_srt  # noqa: E402

SHAPE = (150, 40, 30)


@pytest.fixture(scope="module")
def field():
    return waves(SHAPE)


@pytest.mark.parametrize("bound", [{"max_error": 1e-3}, {"psnr": 60}, {"rel_error": 1e-4}])
def test_slabs_make_a_file(tmp_path, field, bound):
    path = tmp_path / "a.srt"
    array = da.from_array(field, chunks=(50, 20, 30))
    nbytes = to_srt(array, path, field="u", spacing=(1, 2, 3), **bound)
    assert nbytes == path.stat().st_size and os.listdir(tmp_path) == ["a.srt"]
    file = srt_codec.open(path)
    back = file["u"][0]
    assert file.spacing == (1.0, 2.0, 3.0) and back.shape == SHAPE
    span = float(field.max() - field.min())
    error = np.abs(back - field).max()
    rmse = float(np.sqrt(np.mean((back.astype("f8") - field) ** 2)))
    if "psnr" in bound:
        assert 20 * np.log10(span / rmse) >= 60
    else:
        assert error <= bound.get("max_error", 1e-4 * span)
    assert file["u"].levels >= 3 and file["u"].at(1)[...].shape == (1, 75, 20, 15)


def test_who_starts_again_goes_on(tmp_path, field, monkeypatch):
    path = tmp_path / "a.srt"
    array = da.from_array(field, chunks=(64, 40, 30))
    made = []
    real = srt_codec.dask.encode_part

    def failing(slab, part, **options):
        if len(made) == 1:
            raise OSError("no room")
        made.append(part)
        return real(slab, part, **options)

    monkeypatch.setattr(srt_codec.dask, "encode_part", failing)
    with dask.config.set(scheduler="sync"), pytest.raises(OSError, match="no room"):
        to_srt(array, path, max_error=1e-3)
    assert not path.exists() and len(os.listdir(f"{path}.parts")) == 1

    again = []
    monkeypatch.setattr(srt_codec.dask, "encode_part", lambda slab, part, **o: (again.append(part), real(slab, part, **o)))
    with dask.config.set(scheduler="sync"):
        to_srt(array, path, max_error=1e-3)
    assert len(again) == 1 and made[0] not in again
    assert np.abs(srt_codec.open(path)[""][0] - field).max() <= 1e-3
    # Other options are another file.
    again.clear()
    with dask.config.set(scheduler="sync"):
        to_srt(array, path, max_error=1e-2, keep_parts=True)
    assert len(again) == 2


def test_what_makes_no_sense(tmp_path, field):
    array = da.from_array(field)
    with pytest.raises(ValueError, match="64"):
        to_srt(array, tmp_path / "a.srt", planes=50, psnr=40)
    with pytest.raises(ValueError, match="axes"):
        to_srt(array[0, 0], tmp_path / "a.srt", psnr=40)
    with pytest.raises(TypeError, match="exactly one"):
        to_srt(array, tmp_path / "a.srt")


def test_two_processes_of_dask_distributed(tmp_path, flow, field):
    distributed = pytest.importorskip("distributed")
    xr = pytest.importorskip("xarray")
    options = {"dashboard_address": None, "local_directory": str(tmp_path)}
    with distributed.LocalCluster(n_workers=2, threads_per_worker=2, processes=True, **options) as cluster:
        with distributed.Client(cluster):
            with xr.open_dataset(flow, engine="srt", chunks={"time": 1}, decode_times=False) as ds:
                mean = float(ds.u.mean().compute())
                assert abs(mean - srt_codec.open(flow)["u"][...].mean()) < 1e-6
            path = tmp_path / "a.srt"
            to_srt(da.from_array(field, chunks=(64, 40, 30)), path, psnr=50)
            assert srt_codec.open(path)[""].shape == (1, *SHAPE)
