"""Error-bounded compression of scientific volumes: numpy arrays to ``.srt`` files and back.

>>> import numpy as np, srt_codec
>>> a = np.linspace(0, 1, 4096, dtype="f4").reshape(16, 16, 16)
>>> data = srt_codec.encode(a, max_error=1e-3)
>>> bool(abs(srt_codec.decode(data) - a).max() <= 1e-3)
True

`encode` and `decode` are for one array. `open` reads parts of files, `create` writes files of several fields and steps.
``xarray.open_dataset(path, engine="srt")`` works where xarray is installed, the serializer ``srt`` in Zarr, and
`srt_codec.dask.to_srt` for arrays larger than memory.
"""

from ._codec import decode, encode, inspect, stat
from ._file import Field, File, open
from ._native import (
    BoundNotMet,
    Corrupt,
    Device,
    LimitExceeded,
    MissingWeights,
    SrtError,
    Truncated,
    Unsupported,
)
from ._writer import Writer, create, encode_part, merge

__all__ = [
    "BoundNotMet",
    "Corrupt",
    "Device",
    "Field",
    "File",
    "LimitExceeded",
    "MissingWeights",
    "SrtError",
    "Truncated",
    "Unsupported",
    "Writer",
    "create",
    "decode",
    "encode",
    "encode_part",
    "inspect",
    "merge",
    "open",
    "stat",
]
