"""The filter in h5py, by `srt_codec.hdf5`."""

import ctypes
import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import waves

h5py = pytest.importorskip("h5py")
try:
    from srt_codec import hdf5
except ImportError as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_datasets_keep_their_bound(tmp_path, dtype):
    a = waves((2, 17, 18, 19), dtype)
    with h5py.File(tmp_path / "u.h5", "w") as f:
        f.create_dataset("u", data=a, chunks=(1, 17, 18, 19), **hdf5.Srt(max_error=1e-2))
    with h5py.File(tmp_path / "u.h5") as f:
        assert f["u"].dtype == dtype
        assert np.abs(f["u"][...].astype("f8") - a.astype("f8")).max() <= 1e-2
        assert f["u"].id.get_storage_size() < a.nbytes


def test_options_reach_the_filter(tmp_path, turbulence):
    sizes = {}
    for effort, model in ((1, "none"), (5, "default")):
        with h5py.File(tmp_path / "u.h5", "w") as f:
            options = hdf5.Srt(psnr=50, effort=effort, model=model)
            f.create_dataset("u", data=turbulence, chunks=turbulence.shape, **options)
            f.flush()
            sizes[effort] = f["u"].id.get_storage_size()
    assert 0 < sizes[5] < sizes[1] < turbulence.nbytes


def test_what_makes_no_sense_is_refused(tmp_path):
    for wrong in ({}, {"psnr": 60, "max_error": 1}, {"max_error": 1, "plan": 3}):
        with pytest.raises(TypeError):
            hdf5.Srt(**wrong)
    for wrong in ({"effort": 10}, {"model": "best"}):
        with pytest.raises(ValueError):
            hdf5.Srt(max_error=1, **wrong)
    with h5py.File(tmp_path / "u.h5", "w") as f, pytest.raises((ValueError, OSError, RuntimeError)):
        f.create_dataset("u", data=np.ones((8, 8), "i8"), chunks=(8, 8), **hdf5.Srt(max_error=1))


def test_the_number_is_the_one_of_the_library():
    library = ctypes.CDLL(str(hdf5.plugin_folder() / "libh5zsrt.so"))
    library.H5PLget_plugin_info.restype = ctypes.POINTER(ctypes.c_int)
    assert list(library.H5PLget_plugin_info()[:2]) == [1, hdf5.FILTER_ID]


def test_netcdf_finds_it_too(tmp_path):
    if importlib.util.find_spec("netCDF4") is None:
        pytest.skip("no netCDF4")
    a = waves((24, 25, 26))
    with h5py.File(tmp_path / "u.nc", "w") as f:
        f.create_dataset("u", data=a, chunks=a.shape, **hdf5.Srt(max_error=1e-3))
        for name, n in zip("zyx", a.shape):
            f[name] = np.arange(n, dtype="f4")
            f[name].make_scale(name)
            f["u"].dims["zyx".index(name)].attach_scale(f[name])
    script = f"import netCDF4; u = netCDF4.Dataset({str(tmp_path / 'u.nc')!r})['u'][...]; print(float(u.sum()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert abs(float(done.stdout) - float(a.sum())) <= 1e-3 * a.size
