"""The engine ``srt`` of xarray and ``ds.srt.to_file``."""

import numpy as np
import pytest
import srt_codec

xr = pytest.importorskip("xarray")
pytest.importorskip("dask")

import srt_codec.xarray  # noqa: E402, F401
from conftest import waves  # noqa: E402


def test_a_file_as_a_dataset(flow):
    with xr.open_dataset(flow, engine="srt", decode_times=False) as ds:
        assert dict(ds.sizes) == {"time": 3, "z": 20, "y": 24, "x": 28}
        assert ds.time.values.tolist() == [0, 0.5, 1] and ds.time.attrs["units"] == "s"
        assert ds.z.values[:2].tolist() == [-1.0, -0.5] and ds.x.attrs["units"] == "m"
        assert ds.attrs == {"title": "waves"}
        assert ds.u.attrs["units"] == "m/s" and ds.u.attrs["long_name"] == "speed"
        assert ds.u.attrs["srt_bound"] == "max_error" and ds.u.attrs["srt_max_error"] <= 1e-3
        assert ds.u.attrs["srt_psnr"] > 40
        assert not ds.u._in_memory
        assert (ds.u.values == srt_codec.open(flow)["u"][...]).all()
    with xr.open_dataset(flow) as ds:
        assert "u" in ds  # found by its magic


def test_indexing_is_that_of_an_array(flow):
    whole = srt_codec.open(flow)["u"][...]
    da = xr.DataArray(whole, dims=("time", "z", "y", "x"))
    with xr.open_dataset(flow, engine="srt", decode_times=False) as ds:
        for index in (
            {"time": 1},
            {"time": slice(None, None, -1), "z": slice(2, 15, 3), "x": -1},
            {"z": [5, 1, 1], "x": [0, 27]},
            {"z": xr.DataArray([1, 2, 3], dims="p"), "y": xr.DataArray([4, 5, 6], dims="p")},
            {"time": [0, 2], "y": np.arange(24) % 3 == 0},
            {"z": []},
        ):
            np.testing.assert_array_equal(ds.u.isel(index).values, da.isel(index).values)
        assert ds.u.sel(z=0.5, method="nearest").shape == (3, 24, 28)


def test_what_is_not_needed_is_not_read(large):
    with xr.open_dataset(large, engine="srt") as ds:
        ds.field[0, 0, 0].values
    file = srt_codec.open(large)
    before = file.bytes_read
    file[""].read_outer((0, 3, 4, 5))
    assert file.bytes_read - before < large.stat().st_size / 2


def test_levels_and_chunks(flow, large):
    with xr.open_dataset(flow, engine="srt", level=1, decode_times=False) as ds:
        field = srt_codec.open(flow)["u"].at(1)
        assert ds.u.shape == field.shape and (ds.u.values == field[...]).all()
        assert ds.z.values[:2].tolist() == [-1.0, 0.0]
    with xr.open_dataset(large, engine="srt", chunks={}) as ds:
        assert ds.field.chunks == tuple((n,) * (256 // n) for n in srt_codec.open(large)[""].chunks[1:])
    with xr.open_dataset(large, engine="srt", chunks={"z": 128}) as ds:
        assert (ds.field.mean().compute() - srt_codec.open(large)[""][0].mean()) ** 2 < 1e-6
    tree = xr.open_datatree(large, engine="srt")
    assert tree["level_1"]["field"].shape == srt_codec.open(large)[""].at(1).shape[1:]
    tree.close()


def test_a_dataset_goes_to_a_file_and_back(tmp_path):
    shape = (4, 8, 9, 10)
    times = np.array("2020-01-01", "M8[h]") + np.arange(4) * 6
    ds = xr.Dataset(
        {
            "t": (("time", "level", "lat", "lon"), waves(shape, "f4"), {"units": "K", "standard_name": "air_temperature"}),
            "q": (("time", "level", "lat", "lon"), waves(shape, "f8")),
            "mask": (("level", "lat", "lon"), waves(shape[1:], "f4")),
        },
        {
            "time": times.astype("M8[ns]"),
            "level": [1000.0, 925, 850, 700, 500, 300, 200, 100],
            "lat": ("lat", np.linspace(-40, 40, 9), {"units": "degrees_north"}),
            "lon": np.arange(10.0),
        },
        {"title": "test", "n": np.int32(3)},
    )
    path = tmp_path / "a.srt"
    ds.srt.to_file(path, max_error=1e-3)
    with xr.open_dataset(path, engine="srt") as back:
        assert set(back.data_vars) == set(ds.data_vars) and back.attrs == {"title": "test", "n": 3}
        for name in ("time", "level", "lat", "lon"):
            np.testing.assert_array_equal(back[name].values, ds[name].values)
        assert back.lat.attrs["units"] == "degrees_north" and back.t.attrs["standard_name"] == "air_temperature"
        for name in ds.data_vars:
            assert back[name].dims == ds[name].dims and back[name].dtype == ds[name].dtype
            assert abs(back[name] - ds[name]).max() <= 1e-3
    # What was opened can be written again, by chunks.
    with xr.open_dataset(path, engine="srt", chunks={}) as back:
        back.srt.to_file(tmp_path / "b.srt", max_error=1e-3)
    uniform = ds[["t"]].isel(level=slice(0, 2), time=0, drop=True)
    uniform["level"] = [3.0, 4.0]
    uniform.srt.to_file(tmp_path / "c.srt", psnr=60)
    file = srt_codec.open(tmp_path / "c.srt")
    assert file.spacing == (1.0, 10.0, 1.0) and file.origin == (3.0, -40.0, 0.0) and not file.coords
    with xr.open_dataset(tmp_path / "c.srt", engine="srt") as back:
        np.testing.assert_allclose(back.lat.values, ds.lat.values)


def test_what_a_file_cannot_hold_is_refused(tmp_path):
    ds = xr.Dataset({"a": (("y", "x"), np.ones((4, 5)))})
    path = tmp_path / "a.srt"
    for bad in (
        ds.assign(b=("x", np.ones(5))),
        ds.assign_coords(name=("x", list("abcde"))).swap_dims(x="name"),
        ds.assign_coords(m=(("y", "x"), np.ones((4, 5)))),
        ds.drop_vars("a"),
    ):
        with pytest.raises(ValueError):
            bad.srt.to_file(path, psnr=40)
    with pytest.raises(TypeError, match="exactly one"):
        ds.srt.to_file(path)


def test_netcdf_round_trip(tmp_path, flow):
    pytest.importorskip("h5netcdf")
    with xr.open_dataset(flow, engine="srt", decode_times=False) as ds:
        ds.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf", decode_times=False) as ds:
        assert (ds.u.values == srt_codec.open(flow)["u"][...]).all()
        ds.srt.to_file(tmp_path / "b.srt", max_error=1e-2)
