"""The filter in real libraries and programs: h5py, netCDF4, both in one process, HDF5's and netCDF's tools.

SRT_PLUGINS: folder of the filter. SRT: the program, to be asked for the numbers.
"""

import os
import shutil
import struct
import subprocess
import sys

os.environ["HDF5_PLUGIN_PATH"] = os.environ["SRT_PLUGINS"]

import h5py  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

FILTER = 480
BOUND = 1e-3


def numbers(bound: float = BOUND, *rest: int) -> tuple[int, ...]:
    return (3, *struct.unpack("<II", struct.pack("<d", bound)), *rest)


def field(shape: tuple[int, ...], dtype: str = "f4") -> np.ndarray:
    axes = np.meshgrid(*(np.linspace(0, 5, n) for n in shape), indexing="ij")
    return (np.sin(sum((i + 1) * a for i, a in enumerate(axes))) + axes[-1]).astype(dtype)


def write(path, a, chunks=None, opts=None, **more) -> None:
    with h5py.File(path, "w") as f:
        f.create_dataset("u", data=a, chunks=chunks or a.shape, compression=FILTER, compression_opts=opts or numbers(), **more)


def read(path, name="u") -> np.ndarray:
    with h5py.File(path, "r") as f:
        return f[name][...]


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name}")
    return found


def run(*command) -> subprocess.CompletedProcess:
    return subprocess.run([str(c) for c in command], capture_output=True, text=True)


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4", ">f8"])
@pytest.mark.parametrize("shape", [(20, 24), (17, 18, 19), (1, 16, 17, 18)])
def test_types_and_shapes_come_back_within_the_bound(tmp_path, dtype, shape):
    a = field(shape, dtype)
    bound = 1e-2 if dtype == "<f2" else BOUND
    write(tmp_path / "a.h5", a, opts=numbers(bound))
    back = read(tmp_path / "a.h5")
    assert back.dtype == a.dtype and back.shape == a.shape
    assert np.abs(back.astype("f8") - a.astype("f8")).max() <= bound


def test_time_steps_are_chunks_and_edges_are_filled_up(tmp_path):
    a = field((3, 20, 30, 40))
    write(tmp_path / "a.h5", a, chunks=(1, 16, 16, 32))
    assert np.abs(read(tmp_path / "a.h5") - a).max() <= BOUND


def test_it_is_small(tmp_path):
    a = field((64, 64, 64))
    write(tmp_path / "a.h5", a)
    assert (tmp_path / "a.h5").stat().st_size < a.nbytes / 20


@pytest.mark.parametrize("fill", [-999.0, 0.0, 9.96921e36, float("nan")])
def test_fill_values_come_back_bit_for_bit(tmp_path, fill):
    a = field((24, 24, 24))
    a[2:9, 3:5] = fill
    write(tmp_path / "a.h5", a, fillvalue=fill)
    back, masked = read(tmp_path / "a.h5"), np.zeros(a.shape, bool)
    masked[2:9, 3:5] = True
    assert (back.view("u4")[masked] == a.view("u4")[masked]).all()
    assert np.abs(back[~masked] - a[~masked]).max() <= BOUND


@pytest.mark.parametrize("dtype", ["u1", "i1", "<u2", ">i2", "<i4", ">u4"])
def test_integers_come_back_within_the_bound(tmp_path, dtype):
    a = (60 * np.abs(field((20, 30, 40))) / np.abs(field((20, 30, 40))).max()).astype(dtype)
    write(tmp_path / "a.h5", a, opts=numbers(2.5))
    back = read(tmp_path / "a.h5")
    assert back.dtype == a.dtype
    assert np.abs(back.astype("i8") - a.astype("i8")).max() <= 2
    write(tmp_path / "b.h5", a, opts=numbers(0.0))
    assert (read(tmp_path / "b.h5") == a).all()


def test_datasets_of_one_axis_come_back(tmp_path):
    a = field((9000,))
    write(tmp_path / "a.h5", a, chunks=(4096,))
    assert np.abs(read(tmp_path / "a.h5") - a).max() <= BOUND


@pytest.mark.parametrize("dtype", ["i8", "u8", "?", "c8"])
def test_other_types_are_refused(tmp_path, dtype):
    with pytest.raises((ValueError, OSError, RuntimeError)):
        write(tmp_path / "a.h5", np.ones((8, 8, 8), dtype))


def test_a_float_that_is_none_of_ieee_is_refused(tmp_path):
    brain = h5py.h5t.IEEE_F16LE.copy()
    brain.set_fields(15, 7, 8, 0, 7)
    brain.set_ebias(127)
    with h5py.File(tmp_path / "a.h5", "w") as f:
        dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        dcpl.set_chunk((8, 8))
        dcpl.set_filter(FILTER, 0, numbers())
        with pytest.raises((ValueError, OSError, RuntimeError)):
            h5py.h5d.create(f.id, b"u", brain, h5py.h5s.create_simple((8, 8)), dcpl)


@pytest.mark.parametrize("shape,chunks", [((2, 8, 8, 8), (2, 8, 8, 8))])
def test_other_ranks_are_refused(tmp_path, shape, chunks):
    with pytest.raises((ValueError, OSError, RuntimeError)):
        write(tmp_path / "a.h5", field(shape), chunks=chunks)


@pytest.mark.parametrize("opts", [(3,), (9, 0, 0), (3, 0, 0, 17), (3, 0, 0, 0, 0, 0)])
def test_numbers_that_make_no_sense_are_refused(tmp_path, opts):
    with pytest.raises((ValueError, OSError, RuntimeError)):
        write(tmp_path / "a.h5", field((8, 8, 8)), opts=opts)


def test_what_is_wrong_is_said(tmp_path):
    script = (
        "import h5py, numpy as np\nh5py._errors.unsilence_errors()\n"
        f"h5py.File({str(tmp_path / 'a.h5')!r}, 'w').create_dataset('u', data=np.ones((8, 8), 'i8'), chunks=(8, 8), "
        f"compression={FILTER}, compression_opts={numbers()})"
    )
    done = run(sys.executable, "-c", script)
    assert done.returncode == 1 and "srt: integers of up to 4 bytes expected" in done.stderr, done.stderr


def test_damage_is_an_error_and_never_a_crash(tmp_path):
    a = field((16, 16, 16))
    write(tmp_path / "a.h5", a)
    with h5py.File(tmp_path / "a.h5", "r") as f:
        place = f["u"].id.get_chunk_info(0)
    whole = (tmp_path / "a.h5").read_bytes()
    good, errors = read(tmp_path / "a.h5"), 0
    for at in range(0, place.size, max(1, place.size // 150)):
        damaged = bytearray(whole)
        damaged[place.byte_offset + at] ^= 0x10
        (tmp_path / "b.h5").write_bytes(damaged)
        try:
            assert (read(tmp_path / "b.h5") == good).all()
        except OSError:
            errors += 1
    assert errors > 100
    for size in (0, 1, 40, place.size - 1):
        with h5py.File(tmp_path / "c.h5", "w") as f:
            d = f.create_dataset("u", a.shape, a.dtype, chunks=a.shape, compression=FILTER, compression_opts=numbers())
            chunk = whole[place.byte_offset : place.byte_offset + size] or b"\0"
            d.id.write_direct_chunk((0, 0, 0), chunk)
        with pytest.raises(OSError):
            read(tmp_path / "c.h5")


def test_two_libraries_in_one_process_write_and_read(tmp_path):
    netCDF4 = pytest.importorskip("netCDF4")
    a = field((2, 24, 25, 26))
    write(tmp_path / "a.nc", a, chunks=(1, 24, 25, 26))
    with h5py.File(tmp_path / "a.nc", "a") as f:
        for axis, (name, n) in enumerate(zip("tzyx", a.shape)):
            f[name] = np.arange(n, dtype="f4")
            f[name].make_scale(name)
            f["u"].dims[axis].attach_scale(f[name])
    with netCDF4.Dataset(tmp_path / "a.nc") as d:
        of_netcdf = d["u"][...]
    assert (np.asarray(of_netcdf) == read(tmp_path / "a.nc")).all()
    assert np.abs(np.asarray(of_netcdf) - a).max() <= BOUND
    write(tmp_path / "b.h5", a, chunks=(1, 24, 25, 26))
    assert np.abs(read(tmp_path / "b.h5") - a).max() <= BOUND


def test_netcdf_writes_too(tmp_path):
    netCDF4 = pytest.importorskip("netCDF4")
    import ctypes

    maps = {line.split()[-1] for line in open("/proc/self/maps") if "libnetcdf" in line}
    if not maps:
        pytest.skip("no libnetcdf of its own")
    library, a = ctypes.CDLL(maps.pop()), field((24, 25, 26))
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as d:
        for name, n in zip("zyx", a.shape):
            d.createDimension(name, n)
        v = d.createVariable("u", "f4", tuple("zyx"), chunksizes=a.shape, fill_value=-999.0)
        words = (ctypes.c_uint * 3)(*numbers())
        assert library.nc_def_var_filter(d._grpid, v._varid, FILTER, ctypes.c_size_t(3), words) == 0
        v[...] = a
    back = read(tmp_path / "a.nc")
    assert 0 < np.abs(back - a).max() <= BOUND
    assert (tmp_path / "a.nc").stat().st_size < a.nbytes


def test_tools_of_hdf5(tmp_path):
    a = field((24, 24, 24))
    with h5py.File(tmp_path / "plain.h5", "w") as f:
        f.create_dataset("u", data=a, chunks=(24, 24, 24))
    words = ",".join(map(str, numbers()))
    done = run(tool("h5repack"), "-f", f"u:UD={FILTER},0,3,{words}", tmp_path / "plain.h5", tmp_path / "packed.h5")
    assert done.returncode == 0, done.stderr
    back = read(tmp_path / "packed.h5")
    assert 0 < np.abs(back - a).max() <= BOUND
    assert (tmp_path / "packed.h5").stat().st_size < a.nbytes / 4
    # Copied with other chunks: the numbers that are stored are made anew.
    done = run(tool("h5repack"), "-l", "u:CHUNK=12x24x24", tmp_path / "packed.h5", tmp_path / "other.h5")
    assert done.returncode == 0, done.stderr
    assert np.abs(read(tmp_path / "other.h5") - a).max() <= 2 * BOUND
    done = run(tool("h5dump"), "-d", "u", "-s", "0,0,0", "-c", "1,1,2", tmp_path / "packed.h5")
    assert done.returncode == 0 and "(0,0,0):" in done.stdout, done.stdout + done.stderr


def test_tools_of_netcdf(tmp_path):
    netCDF4 = pytest.importorskip("netCDF4")
    a = field((24, 24, 24))
    with netCDF4.Dataset(tmp_path / "plain.nc", "w") as d:
        for name, n in zip("zyx", a.shape):
            d.createDimension(name, n)
        d.createVariable("u", "f4", tuple("zyx"), chunksizes=a.shape)[...] = a
    words = ",".join(map(str, numbers()))
    done = run(tool("nccopy"), "-F", f"u,{FILTER},{words}", tmp_path / "plain.nc", tmp_path / "packed.nc")
    assert done.returncode == 0, done.stderr
    assert 0 < np.abs(read(tmp_path / "packed.nc") - a).max() <= BOUND
    done = run(tool("ncdump"), "-v", "u", tmp_path / "packed.nc")
    assert done.returncode == 0 and "u =" in done.stdout, done.stderr[-300:]


def test_the_program_prints_the_numbers():
    srt = os.environ.get("SRT")
    if srt is None:
        pytest.skip("no program")
    done = run(srt, "h5-params", "--max-error", "1e-3")
    words = ",".join(map(str, numbers()))
    assert f"UD={FILTER},0,5,{words},0,1" in done.stdout, done.stdout
    done = run(srt, "h5-params", "--psnr", "60", "--json")
    assert '"filter": 480' in done.stdout or '"filter":480' in done.stdout, done.stdout
    assert run(srt, "h5-params").returncode == 2
    assert run(srt, "h5-params", "--psnr", "60", "--max-error", "1").returncode == 2
