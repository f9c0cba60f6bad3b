"""The filter ``srt`` in h5py: datasets under an error bound in HDF5 files.

>>> import h5py, numpy as np
>>> from srt_codec.hdf5 import Srt
>>> a = np.linspace(0, 1, 4096, dtype="f4").reshape(16, 16, 16)
>>> with h5py.File("u.h5", "w") as f:
...     u = f.create_dataset("u", data=a, chunks=a.shape, **Srt(max_error=1e-3))
...     bool(abs(u[...] - a).max() <= 1e-3)
True

The filter is a library of its own, ``libh5zsrt.so``. It is looked for in the folder ``_plugins`` of this package, where
``tools/h5z-srt/install.sh "$(python -m srt_codec.hdf5)"`` puts it, then in the folders of ``HDF5_PLUGIN_PATH`` and in HDF5's own. Importing
this module puts its folder on h5py's path of plugins and into ``HDF5_PLUGIN_PATH``, for netCDF4 where that is imported later, and for
programs that are started.
"""

import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ._options import BOUNDS, the_bound

#: Number of the filter among those of HDF5.
FILTER_ID = 480

#: Where the library is looked for first.
PLUGINS = Path(__file__).parent / "_plugins"

_LIBRARY = "libh5zsrt.so"
_OF_HDF5 = Path("/usr/local/hdf5/lib/plugin")
_KINDS = {name: number for number, name in enumerate(BOUNDS, 1)}


class Srt(Mapping[str, Any]):
    """What ``create_dataset`` takes: ``f.create_dataset("u", data=u, chunks=(1, *u.shape[1:]), **Srt(max_error=1e-3))``.

    Chunks have two or three axes beside those of one. Only `max_error` is a promise for the whole dataset: PSNR, relative
    errors, SSIM and ratios are those of each chunk. A fill value comes back bit for bit.

    Parameters
    ----------
    psnr, ssim, max_error, rel_error, ratio : float
        Exactly one.
    effort : int
        How much time to take, from 1 to 9; 0 for the default.
    model : str
        ``"default"``, or ``"none"`` for no networks.

    Raises
    ------
    TypeError
        For no bound and for several.
    ValueError
        For another effort or model.
    """

    def __init__(self, *, effort: int = 0, model: str = "default", **bound: float | None) -> None:
        name, value = the_bound(bound)
        if bound:
            raise TypeError(f"unexpected {', '.join(sorted(bound))}")
        if effort not in range(10):
            raise ValueError(f"an effort from 0 to 9 expected, {effort!r} found")
        if model not in ("default", "none"):
            raise ValueError(f"model 'default' or 'none' expected, {model!r} found")
        low, high = struct.unpack("<II", struct.pack("<d", value))
        self._items = {
            "compression": FILTER_ID,
            "compression_opts": (_KINDS[name], low, high, effort, int(model == "default")),
        }

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


def plugin_folder() -> Path | None:
    """The folder with the filter's library, or None where there is none."""
    named = [Path(folder) for folder in os.environ.get("HDF5_PLUGIN_PATH", "").split(os.pathsep) if folder]
    return next((folder for folder in (PLUGINS, *named, _OF_HDF5) if (folder / _LIBRARY).is_file()), None)


def _register() -> None:
    folder = plugin_folder()
    if folder is None:
        raise ImportError(f'no {_LIBRARY}: build it with tools/h5z-srt/install.sh "{PLUGINS}"')
    named = [name for name in os.environ.get("HDF5_PLUGIN_PATH", "").split(os.pathsep) if name]
    if str(folder) not in named:
        # HDF5 looks into its own folder only where no other is named.
        os.environ["HDF5_PLUGIN_PATH"] = os.pathsep.join([str(folder), *(named or [str(_OF_HDF5)])])
    import h5py

    known = {h5py.h5pl.get(i) for i in range(h5py.h5pl.size())}
    if str(folder).encode() not in known:
        h5py.h5pl.prepend(str(folder).encode())


if __name__ == "__main__":
    print(PLUGINS)
else:
    _register()
