"""Zarr to files and back, MRC and FITS to files."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import srt_codec
from conftest import waves
from doors import done, is_clean, refused

SHAPE = (6, 20, 24)


def test_arrays_of_zarr(tmp_path):
    zarr = pytest.importorskip("zarr")
    a = waves((3, *SHAPE))
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", attributes={"title": "waves"})
    dims = ("time", "z", "y", "x")
    u = group.create_array("u", shape=a.shape, chunks=(1, *SHAPE), dtype="f4", dimension_names=dims, attributes={"units": "m/s"})
    u[...] = a
    time = group.create_array("time", shape=(3,), dtype="f8", dimension_names=("time",), attributes={"units": "s"})
    time[...] = [0, 2, 4]
    for name, n in zip("zyx", SHAPE):
        group.create_array(name, shape=(n,), dtype="f8", dimension_names=(name,), attributes={"units": "m"})[...] = (
            np.arange(n) * 0.5
        )
    group.create_array("few", shape=(0, 3), dtype="f8")
    assert "no field: empty" in done("import", tmp_path / "a.zarr", "--list")
    done("import", tmp_path / "a.zarr", "--var", "u", "-o", tmp_path / "a.srt", "--max-error", "1e-3")
    f = srt_codec.open(tmp_path / "a.srt")
    assert np.abs(f["u"][...] - a).max() <= 1e-3 and f["u"].unit == "m/s" and f["u"].times.tolist() == [0, 2, 4]
    assert f.spacing == (0.5,) * 3 and f.length_unit == "m" and f.attrs["title"] == "waves" and f.time_unit == "s"
    done("export", tmp_path / "a.srt", tmp_path / "c.zarr")
    done("export", tmp_path / "a.srt", tmp_path / "c.zarr", "-f")
    back = zarr.open_group(tmp_path / "c.zarr", mode="r")
    assert (back["u"][...] == f["u"][...]).all() and back["u"].metadata.dimension_names == dims and back.attrs["title"] == "waves"
    done("import", tmp_path / "c.zarr", "--var", "u", "-o", tmp_path / "c.srt", "--lossless")
    g = srt_codec.open(tmp_path / "c.srt")
    assert g.spacing == f.spacing and g["u"].times.tolist() == [0, 2, 4] and is_clean(tmp_path)
    alone = zarr.create_array(tmp_path / "b.zarr", shape=SHAPE, dtype="i2", chunks=SHAPE)
    alone[...] = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    done("import", tmp_path / "b.zarr", "-o", tmp_path / "b.srt", "--lossless")
    assert (srt_codec.open(tmp_path / "b.srt")["data"][0] == np.arange(np.prod(SHAPE)).reshape(SHAPE)).all()
    (tmp_path / "none.zarr").mkdir()
    refused("import", tmp_path / "none.zarr", "--list", code=3)


@pytest.mark.parametrize("dtype", ["i1", "i2", "u2", "f4", "f2"])
def test_maps_of_mrc(tmp_path, dtype):
    mrcfile = pytest.importorskip("mrcfile")
    a = (waves(SHAPE, "f8") * 20 + 70).astype(dtype)
    with mrcfile.new(tmp_path / "a.mrc") as opened:
        opened.set_data(a)
        opened.voxel_size = (1.5, 2.0, 2.5)
    done("import", tmp_path / "a.mrc", "-o", tmp_path / "a.srt", "--lossless")
    f = srt_codec.open(tmp_path / "a.srt")
    assert (f["data"][0] == a).all() and f.spacing == (2.5, 2.0, 1.5) and f.length_unit == "Å"
    (tmp_path / "cut.mrc").write_bytes((tmp_path / "a.mrc").read_bytes()[:2000])
    refused("import", tmp_path / "cut.mrc", "-o", tmp_path / "c.srt", "--lossless", code=3)
    assert is_clean(tmp_path)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8"])
def test_images_of_fits(tmp_path, dtype):
    fits = pytest.importorskip("astropy.io.fits")
    a = (waves(SHAPE, "f8") * 20 + 70).astype(dtype)
    hdu = fits.PrimaryHDU(a)
    hdu.header["BUNIT"] = "Jy"
    hdu.header["OBJECT"] = "a cloud"
    for axis in (1, 2, 3):
        hdu.header[f"CDELT{axis}"], hdu.header[f"CRVAL{axis}"], hdu.header[f"CRPIX{axis}"] = 0.5 * axis, 10.0, 3.0
    table = fits.BinTableHDU.from_columns([fits.Column("t", "E", array=np.zeros(3))], name="TABLE")
    fits.HDUList([hdu, fits.ImageHDU(a[0], name="PLANE"), table]).writeto(tmp_path / "a.fits")
    assert "TABLE" in done("import", tmp_path / "a.fits", "--list")
    done("import", tmp_path / "a.fits", "--var", "data", "-o", tmp_path / "a.srt", "--lossless")
    f = srt_codec.open(tmp_path / "a.srt")
    assert (f["data"][0] == a).all() and f["data"].dtype == dtype and f["data"].unit == "Jy" and f.attrs["OBJECT"] == "a cloud"
    assert f.spacing == (1.5, 1.0, 0.5) and f.origin == (7.0, 8.0, 9.0)
    (tmp_path / "none.fits").write_bytes(b"no FITS")
    refused("import", tmp_path / "none.fits", "--list", code=3)


def test_packed_fits_with_blanks(tmp_path):
    fits = pytest.importorskip("astropy.io.fits")
    a = (np.arange(480).reshape(20, 24) % 97).astype("i2")
    hdu = fits.PrimaryHDU(a)
    hdu.header["BLANK"] = 96
    hdu.writeto(tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits", mode="update", do_not_scale_image_data=True) as opened:
        opened[0].header["BSCALE"], opened[0].header["BZERO"] = 0.5, 3.0
    assert "unpacked" in done("import", tmp_path / "a.fits", "-o", tmp_path / "a.srt", "--lossless")
    back = srt_codec.open(tmp_path / "a.srt")["data"][0]
    assert (np.isnan(back) == (a == 96)).all() and (back[a != 96] == a[a != 96] * 0.5 + 3).all()


@pytest.mark.skipif(not hasattr(signal, "SIGTERM") or sys.platform == "win32", reason="no signals here")
def test_a_signal_ends_it_and_leaves_nothing(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["u"] = waves((64, 16, 64, 64))
    script = "import sys; from srt_codec._import import main; sys.exit(main())"
    args = ["a.h5", "-o", "a.srt", "--psnr", "60", "--effort", "9"]
    with subprocess.Popen([sys.executable, "-c", script, *args], cwd=tmp_path, stderr=subprocess.PIPE) as process:
        while process.poll() is None and len(list(tmp_path.iterdir())) == 1:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 128 + signal.SIGTERM
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]
