"""Reads volumes from the formats scientific data come in; each format's library is an optional extra."""

from __future__ import annotations

import glob
import importlib
from pathlib import Path
from typing import Any

import numpy as np

from . import TrainerError

_RAW = {"f32": "<f4", "f64": "<f8"}


def expand(patterns: list[str]) -> list[Path]:
    """Files named by paths or glob patterns, sorted within each pattern; raises if one matches nothing."""
    out: list[Path] = []
    for pattern in patterns:
        found = [Path(p) for p in sorted(glob.glob(pattern))]
        if not found:
            raise TrainerError(f"{pattern}: no such file")
        out += [p for p in found if p not in out]
    return out


def read(path: str | Path, variable: str = "", shape: list[int] | None = None, dtype: str = "f32") -> np.ndarray:
    """One 2-D or 3-D volume in binary32. Axes of length one are dropped.

    `variable` picks an array in HDF5, NetCDF and Zarr (may be left out where there is only one); `shape` and
    `dtype` are needed for raw files.
    """
    path = Path(path)
    if not path.exists():
        raise TrainerError(f"{path}: no such file")
    suffix = path.suffix.lower()
    try:
        if suffix == ".npy":
            array = np.load(path, allow_pickle=False)
        elif suffix in (".h5", ".hdf5", ".hdf"):
            array = _read_hdf5(path, variable)
        elif suffix in (".nc", ".nc4", ".cdf"):
            array = _read_netcdf(path, variable)
        elif suffix == ".zarr" or path.is_dir():
            array = _read_zarr(path, variable)
        elif suffix in (".raw", ".bin", ".dat", ".f32", ".f64"):
            array = _read_raw(path, shape, dtype)
        else:
            raise TrainerError(f"{path}: unknown suffix {suffix!r}; .npy, .raw, .h5, .nc and .zarr are read")
    except (ValueError, OSError) as error:
        raise TrainerError(f"{path}: {error}") from error
    array = np.squeeze(np.asarray(array))
    if array.ndim not in (2, 3):
        raise TrainerError(f"{path}: a 2-D or 3-D volume expected, shape {array.shape} found")
    if array.dtype.kind not in "fiu":
        raise TrainerError(f"{path}: numbers expected, {array.dtype} found")
    return np.ascontiguousarray(array, np.float32)


def _library(name: str, extra: str, path: Path) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise TrainerError(f"{path}: reading this needs {name}: pip install 'srt-trainer[{extra}]'") from error


def _read_raw(path: Path, shape: list[int] | None, dtype: str) -> np.ndarray:
    if not shape:
        raise TrainerError(f"{path}: a raw file needs its shape")
    if dtype not in _RAW:
        raise TrainerError(f"dtype: f32 or f64 expected, {dtype!r} found")
    array = np.fromfile(path, _RAW[dtype])
    if array.size != int(np.prod(shape)):
        raise TrainerError(f"{path}: {int(np.prod(shape))} values expected for shape {tuple(shape)}, {array.size} found")
    return array.reshape(shape)


def _pick(names: list[str], variable: str, path: Path) -> str:
    if variable:
        if variable not in names:
            raise TrainerError(f"{path}: no variable {variable!r}; it holds {', '.join(names)}")
        return variable
    if len(names) != 1:
        raise TrainerError(f"{path}: name the variable, one of {', '.join(names) or '(none)'}")
    return names[0]


def _read_hdf5(path: Path, variable: str) -> np.ndarray:
    h5py = _library("h5py", "hdf5", path)
    with h5py.File(path, "r") as f:
        names: list[str] = []
        f.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) and item.ndim > 1 else None)
        return f[_pick(names, variable.strip("/"), path)][()]


def _read_netcdf(path: Path, variable: str) -> np.ndarray:
    xarray = _library("xarray", "netcdf", path)
    with xarray.open_dataset(path) as f:
        names = [str(n) for n, v in f.data_vars.items() if v.ndim > 1]
        return f[_pick(names, variable, path)].values


def _read_zarr(path: Path, variable: str) -> np.ndarray:
    zarr = _library("zarr", "zarr", path)
    node = zarr.open(str(path), mode="r")
    if hasattr(node, "shape"):
        return node[...]
    return node[_pick([name for name, array in node.arrays() if array.ndim > 1], variable, path)][...]
