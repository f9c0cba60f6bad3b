"""netCDF and HDF5 to files and back."""

import json

import numpy as np
import pytest
import srt_codec
from conftest import waves
from doors import command, done, is_clean, refused

netCDF4 = pytest.importorskip("netCDF4")
h5py = pytest.importorskip("h5py")
FILL = np.float32(1e20)
STEPS, LEV, LAT, LON = 3, 5, 20, 30


@pytest.fixture(scope="module")
def weather(tmp_path_factory):
    """A file as models of the weather write them, and the arrays in it."""
    path = tmp_path_factory.mktemp("weather") / "a.nc"
    arrays = {}
    with netCDF4.Dataset(path, "w") as data:
        data.setncatts({"title": "waves", "version": np.int32(3)})
        for name, n in (("time", None), ("lev", LEV), ("lat", LAT), ("lon", LON), ("none", None)):
            data.createDimension(name, n)
        for name, values, unit, dtype in (
            ("time", np.arange(STEPS) * 6.0, "hours since 2000-01-01", "f8"),
            ("lev", [1000, 850, 500, 200, 50], "hPa", "f8"),
            ("lat", np.linspace(-9.5, 9.5, LAT), "degrees_north", "f8"),
            ("lon", np.arange(LON, dtype="f4") * np.float32(0.1), "degrees_east", "f4"),
        ):
            variable = data.createVariable(name, dtype, (name,))
            variable[:] = values
            variable.units = unit
        arrays["u"] = waves((STEPS, LEV, LAT, LON))
        arrays["u"][:, 0, :3, :3] = FILL
        u = data.createVariable("u", "f4", ("time", "lev", "lat", "lon"), fill_value=FILL)
        u.setncatts({"units": "m s-1", "standard_name": "eastward_wind"})
        u[:] = arrays["u"]
        t = data.createVariable("t", "i2", ("time", "lat", "lon"), fill_value=np.int16(-32767))
        t.set_auto_maskandscale(False)
        t.setncatts({"scale_factor": 0.01, "add_offset": 273.15, "units": "K"})
        arrays["t"] = np.round(waves((STEPS, LAT, LON)) * 100).astype("i2")
        arrays["t"][:, 0, 0] = -32767
        t[:] = arrays["t"]
        arrays["kind"] = (np.arange(LAT * LON).reshape(LAT, LON) % 9).astype("i4")
        data.createVariable("kind", "i4", ("lat", "lon"))[:] = arrays["kind"]
        data.createVariable("scalar", "f8", ())[:] = 3
        data.createVariable("letters", "S1", ("lat", "lon"))
        data.createVariable("unwritten", "f4", ("none", "lat", "lon"))
        data.createGroup("below").createVariable("w", "f8", ("lat", "lon"))[:] = waves((LAT, LON), "f8")
    return path, arrays


@pytest.mark.parametrize("suffix", ["nc", "h5"])
def test_a_series_goes_there_and_back(tmp_path, weather, suffix):
    path, arrays = weather
    note = done("import", path, "--var", "u", "-o", tmp_path / "u.srt", "--max-error", "0.01")
    assert "do not rise evenly" in note and "lev" in note
    with srt_codec.open(tmp_path / "u.srt") as f:
        assert f["u"].shape == (STEPS, LEV, LAT, LON) and f["u"].unit == "m s-1" and f.attrs["title"] == "waves"
        assert f["u"].attrs["standard_name"] == "eastward_wind" and f["u"].times.tolist() == [0.0, 6.0, 12.0]
        assert f.dims == ("lev", "lat", "lon") and f.time_unit == "hours since 2000-01-01"
        assert f.coords["lev"].tolist() == [1000, 850, 500, 200, 50]
    done("export", tmp_path / "u.srt", tmp_path / f"u.{suffix}")
    assert is_clean(tmp_path)
    with netCDF4.Dataset(tmp_path / f"u.{suffix}") as data:
        data.set_auto_maskandscale(False)
        back = data["u"][...]
        assert back.dtype == "f4" and data["u"].units == "m s-1" and data.title == "waves" and data.version == 3
        missing = arrays["u"] == FILL
        assert (back[missing] == FILL).all() and data["u"]._FillValue == FILL
        assert np.abs(back - arrays["u"])[~missing].max() <= 0.01
        assert data["time"].units == "hours since 2000-01-01" and data["time"][:].tolist() == [0.0, 6.0, 12.0]
        assert (data["lon"][:] == np.arange(LON, dtype="f4") * np.float32(0.1)).all()
    done("import", tmp_path / f"u.{suffix}", "--var", "u", "-o", tmp_path / "again.srt", "--lossless")
    first, again = srt_codec.open(tmp_path / "u.srt"), srt_codec.open(tmp_path / "again.srt")
    assert (again["u"][...] == first["u"][...]).all() and again["u"].attrs == first["u"].attrs
    assert again.coords.keys() == first.coords.keys() and again["u"].times.tolist() == first["u"].times.tolist()


def test_packed_values_are_unpacked_or_kept(tmp_path, weather):
    path, arrays = weather
    missing = arrays["t"] == -32767
    note = done("import", path, "--var", "t", "-o", tmp_path / "t.srt", "--max-error", "0.001")
    assert "unpacked to float32" in note
    values = srt_codec.open(tmp_path / "t.srt")["t"][...]
    assert (np.isnan(values) == missing).all()
    assert np.abs(values - (arrays["t"] * 0.01 + 273.15))[~missing].max() <= 0.001 + 2e-5
    done("import", path, "--var", "t", "-o", tmp_path / "k.srt", "--lossless", "--keep-packed")
    done("export", tmp_path / "k.srt", tmp_path / "k.nc")
    with netCDF4.Dataset(tmp_path / "k.nc") as data:
        assert data["t"].scale_factor == 0.01 and (data["t"][...].mask == missing).all()
        data.set_auto_maskandscale(False)
        assert (data["t"][...] == arrays["t"]).all()


def test_whole_numbers_come_back_as_they_are(tmp_path, weather):
    path, arrays = weather
    done("import", path, "--var", "kind", "-o", tmp_path / "k.srt", "--lossless")
    f = srt_codec.open(tmp_path / "k.srt")
    assert (f["kind"][0] == arrays["kind"]).all()
    # Places that single precision rounded are even, and kept to the last bit.
    assert np.allclose(f.spacing, (1.0, 0.1)) and f.coords["lon"][3] == np.float32(0.1) * np.float32(3)


def test_a_mask_value_of_the_command_line(tmp_path, weather):
    path, arrays = weather
    done("import", path, "--var", "kind", "--mask-value", "4", "-o", tmp_path / "k.srt", "--max-error", "1")
    back = srt_codec.open(tmp_path / "k.srt")["kind"]
    assert (back[0] == 4)[arrays["kind"] == 4].all() and back.attrs["_FillValue"] == 4


def test_several_variables_and_groups(tmp_path, weather):
    path, _ = weather
    done("import", path, "--var", "t", "--var", "kind", "--var", "below/w", "-o", tmp_path / "a.srt", "--rel-error", "1e-3")
    done("export", tmp_path / "a.srt", tmp_path / "a.nc", "--field", "t", "--field", "kind")
    with netCDF4.Dataset(tmp_path / "a.nc") as data:
        assert data["t"].shape == (STEPS, LAT, LON) and data["kind"].shape == (LAT, LON)


def test_fields_with_and_without_a_mark_go_together(tmp_path, weather):
    path, arrays = weather
    args = ["--var", "u", "--at", "lev=0", "--var", "kind"]
    done("import", path, *args, "-o", tmp_path / "a.srt", "--lossless")
    f = srt_codec.open(tmp_path / "a.srt")
    assert (f["u"][...] == arrays["u"][:, 0]).all() and (f["kind"][0] == arrays["kind"]).all()


def test_attributes_of_any_length(tmp_path, weather):
    path, _ = weather
    done("import", path, "--var", "kind", "-o", tmp_path / "a.srt", "--lossless")
    with srt_codec.create(
        tmp_path / "b.srt", shape=(16, 20), fields=["u"], max_error=0, attrs={"history": "x" * 100_000, "odd": {"a": [1, "b"]}}
    ) as writer:
        writer.append(u=waves((16, 20)))
    for suffix in ("h5", "nc"):
        done("export", tmp_path / "b.srt", tmp_path / f"b.{suffix}")
        done("import", tmp_path / f"b.{suffix}", "-o", tmp_path / "c.srt", "--lossless", "-f")
        attrs = srt_codec.open(tmp_path / "c.srt").attrs
        assert len(attrs["history"]) == 100_000 and json.loads(attrs["odd"]) == {"a": [1, "b"]}


def test_steps_levels_and_regions_are_exported(tmp_path, weather):
    path, arrays = weather
    done("import", path, "--var", "u", "--at", "lev=2", "-o", tmp_path / "u.srt", "--max-error", "0.01")
    done("export", tmp_path / "u.srt", tmp_path / "u.nc", "--steps", "1:", "--region", "2:8,:10")
    with netCDF4.Dataset(tmp_path / "u.nc") as data:
        assert np.abs(data["u"][...] - arrays["u"][1:, 2, 2:8, :10]).max() <= 0.01
        assert data["time"][:].tolist() == [6.0, 12.0] and data["lat"][:].tolist() == np.linspace(-9.5, 9.5, LAT)[2:8].tolist()
        assert data.at_lev == 500.0
    done("export", tmp_path / "u.srt", tmp_path / "c.h5", "--level", "1", "--step", "2")
    with h5py.File(tmp_path / "c.h5") as file:
        assert file["u"].shape == (1, LAT // 2, LON // 2)
        level = srt_codec.open(tmp_path / "u.srt")["u"].at(1)
        assert np.allclose(file["lat"][:2], level.placement()[0][0] + np.arange(2) * level.placement()[1][0])


def test_what_a_file_holds_is_listed(weather):
    rows = {row["name"]: row for row in json.loads(done("import", weather[0], "--list", "--json"))["variables"]}
    assert rows["u"]["steps"] == STEPS and rows["u"]["unit"] == "m s-1" and not rows["u"]["why_not"]
    assert "single value" in rows["scalar"]["why_not"] and "characters" in rows["letters"]["why_not"]
    assert rows["unwritten"]["why_not"] == "empty" and rows["t"]["type"] == "int16"
    assert "eastward" not in done("import", weather[0], "--list") and "below/w" in rows


def test_what_makes_no_sense_is_refused(tmp_path, weather):
    path, _ = weather
    out = tmp_path / "o.srt"
    for name, says in (("v", "no variable 'v'"), ("scalar", "single"), ("letters", "characters"), ("unwritten", "empty")):
        assert says in refused("import", path, "--var", name, "-o", out, "--psnr", "40")
    assert "--var" in refused("import", path, "-o", out, "--psnr", "40")
    assert "bound" in refused("import", path, "--var", "u", "-o", out)
    assert "one grid" in refused("import", path, "--var", "u", "--var", "t", "-o", out, "--psnr", "40")
    assert "no axis" in refused("import", path, "--var", "u", "--at", "z=1", "-o", out, "--psnr", "40")
    assert "up to three axes" in refused("import", path, "--var", "u", "--steps-axis", "none", "-o", out, "--psnr", "40")
    out.write_bytes(b"there")
    assert "-f" in refused("import", path, "--var", "t", "-o", out, "--psnr", "40")
    assert "is an input" in refused("import", path, "--var", "t", "-o", path, "--psnr", "40", "-f")
    assert command("import", path, "--psnr", "40", "--ratio", "3").returncode == 2
    assert out.read_bytes() == b"there" and is_clean(tmp_path)


def test_axes_in_any_order_and_marks_of_any_kind(tmp_path):
    a = waves((16, 20, 4))
    marked = waves((16, 20))
    marked[0], marked[1] = 9e9, -99
    small = np.arange(320).reshape(16, 20).astype("u1")
    with netCDF4.Dataset(tmp_path / "a.nc", "w", format="NETCDF3_CLASSIC") as data:
        for name, n in (("y", 16), ("x", 20), ("time", 4)):
            data.createDimension(name, n)
        data.createVariable("y", "f8", ("y",))[:] = np.linspace(10, -10, 16)
        data.createVariable("a", "f4", ("y", "x", "time"))[:] = a
        data.createVariable("still", "f4", ("y", "x"))[:] = 3
        packed = data.createVariable("packed", "i1", ("y", "x"), fill_value=-1)
        packed.set_auto_maskandscale(False)
        packed.setncatts({"_Unsigned": "true", "scale_factor": 0.5})
        packed[:] = small.view("i1")
        other = data.createVariable("other", "f4", ("y", "x"), fill_value=9e9)
        other.missing_value = np.float32(-99)
        other.set_auto_maskandscale(False)
        other[:] = marked
    note = done("import", tmp_path / "a.nc", "--var", "a", "--var", "still", "-o", tmp_path / "a.srt", "--lossless")
    assert "y do not rise evenly" in note
    f = srt_codec.open(tmp_path / "a.srt")
    assert (f["a"][...] == np.moveaxis(a, 2, 0)).all() and f["still"].shape == (1, 16, 20) and f.coords["y"][0] == 10
    done("export", tmp_path / "a.srt", tmp_path / "b.nc")
    with netCDF4.Dataset(tmp_path / "b.nc") as data:
        assert data["still"].dimensions == ("y", "x") and (data["y"][:] == np.linspace(10, -10, 16)).all()
    done("import", tmp_path / "a.nc", "--var", "packed", "-o", tmp_path / "p.srt", "--lossless")
    back = srt_codec.open(tmp_path / "p.srt")["packed"][0]
    assert (np.isnan(back) == (small == 255)).all() and (back == small * 0.5)[small != 255].all()
    done("import", tmp_path / "a.nc", "--var", "other", "-o", tmp_path / "o.srt", "--max-error", "1e-3")
    back = srt_codec.open(tmp_path / "o.srt")["other"][0]
    assert (back[:2] == np.float32(9e9)).all() and np.abs(back - marked)[2:].max() <= 1e-3


def test_files_of_one_step_each_are_a_series(tmp_path):
    files = [tmp_path / f"a{number}.nc" for number in range(3)]
    for number, path in enumerate(files):
        with netCDF4.Dataset(path, "w") as data:
            for name, n in (("time", None), ("y", 16), ("x", 20)):
                data.createDimension(name, n)
            time = data.createVariable("time", "f8", ("time",))
            time.setncatts({"units": "days since 2000-01-01", "calendar": "noleap"})
            time[:] = [number * 2.5]
            data.createVariable("u", "f4", ("time", "y", "x"))[:] = waves((1, 16, 20), phase=number)
    done("import", *files, "--var", "u", "-o", tmp_path / "u.srt", "--lossless")
    f = srt_codec.open(tmp_path / "u.srt")
    assert f["u"].times.tolist() == [0, 2.5, 5] and f.time_unit == "days since 2000-01-01"
    assert (f["u"][2] == waves((1, 16, 20), phase=2)[0]).all()
    done("export", tmp_path / "u.srt", tmp_path / "u.nc")
    with netCDF4.Dataset(tmp_path / "u.nc") as data:
        assert data["time"].calendar == "noleap" and data["time"][:].tolist() == [0, 2.5, 5]
    files[1].unlink()
    assert "a1.nc" in refused("import", *files, "--var", "u", "-o", tmp_path / "v.srt", "--psnr", "50")


def test_files_that_are_broken_or_foreign(tmp_path, weather):
    path, _ = weather
    (tmp_path / "cut.nc").write_bytes(path.read_bytes()[:3000])
    (tmp_path / "text.nc").write_text("no netCDF")
    (tmp_path / "text.h5").write_text("no HDF5")
    (tmp_path / "text.txt").write_text("nothing")
    for name in ("cut.nc", "text.nc", "text.h5"):
        refused("import", tmp_path / name, "--list", code=3)
    assert "known format" in refused("import", tmp_path / "text.txt", "--list")
    refused("import", tmp_path / "none.nc", "--list")
    refused("export", tmp_path / "text.txt", tmp_path / "o.nc", code=3)
    assert "written" in refused("export", tmp_path / "text.txt", tmp_path / "o.xyz")
    assert is_clean(tmp_path)


def test_datasets_of_hdf5_without_scales(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["run/u"] = waves((4, 8, 9, 10), "f8")
        file["run/pairs"] = np.zeros((4, 4), [("a", "f4"), ("b", "f4")])
        file["nothing"] = h5py.Empty("f4")
        file["text"] = "words"
        file["big"] = waves((8, 9, 10), ">f4")
        file["long"] = np.arange(60, dtype="i8").reshape(6, 10)
    listed = done("import", tmp_path / "a.h5", "--list")
    assert "compound" in listed and "empty" in listed
    done("import", tmp_path / "a.h5", "--var", "/run/u", "--steps-axis", "0", "-o", tmp_path / "u.srt", "--max-error", "1e-4")
    f = srt_codec.open(tmp_path / "u.srt")
    assert f["run/u"].shape == (4, 8, 9, 10) and np.abs(f["run/u"][...] - waves((4, 8, 9, 10), "f8")).max() <= 1e-4
    done("import", tmp_path / "a.h5", "--var", "big", "-o", tmp_path / "b.srt", "--lossless")
    assert (srt_codec.open(tmp_path / "b.srt")["big"][0] == waves((8, 9, 10))).all()
    note = done("import", tmp_path / "a.h5", "--var", "long", "-o", tmp_path / "l.srt", "--lossless")
    assert "int64 is stored as float64" in note
    done("export", tmp_path / "u.srt", tmp_path / "back.h5")
    with h5py.File(tmp_path / "back.h5") as file:
        assert file["run/u"].shape == (4, 8, 9, 10)
    done("export", tmp_path / "u.srt", tmp_path / "back.nc")
    with netCDF4.Dataset(tmp_path / "back.nc") as data:
        assert data["run/u"].shape == (4, 8, 9, 10)
