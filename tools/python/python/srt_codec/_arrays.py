"""Arrays of any kind to arrays that the codec takes: in the order of C, of this machine's bytes, of a type that it stores."""

from typing import Any

import numpy as np

STORED = tuple(np.dtype(code) for code in ("f2", "f4", "f8", "u1", "i1", "u2", "i2", "u4", "i4"))
#: Types by their names in files.
DTYPES = {f"{dtype.kind}{8 * dtype.itemsize}": dtype for dtype in STORED}
#: Whole numbers up to this are exact in float64.
EXACT = 2**53


def stored_dtype(dtype: np.dtype) -> np.dtype:
    """The type that values of `dtype` are stored as.

    Floats and integers of up to 32 bits keep theirs. Integers of 64 bits become float64, which holds those up to 2**53 exactly.

    Raises
    ------
    TypeError
        For booleans, complex and extended floats, and what is no number.
    """
    native = dtype.newbyteorder("=")
    if native in STORED:
        return native
    if native.kind in "iu":
        return np.dtype("f8")
    raise TypeError(f"float16, float32, float64 or integers expected, {dtype} found")


def prepare(a: Any, dtype: np.dtype | None = None, mask_value: float | None = None) -> np.ndarray:
    """An array that the codec takes, without a copy where `a` is one already.

    Values are rounded to `dtype`, where that is given, as numpy and h5py do it: bounds hold for what that gives. Masked
    values of a masked array become `mask_value`, or NaN where there is none.

    Raises
    ------
    ValueError
        For integers that no float64 holds exactly, masked ones without a `mask_value`, and values too large for `dtype`.
    TypeError
        As `stored_dtype`.
    """
    mask = np.ma.getmask(a)
    array = np.ma.getdata(a) if mask is not np.ma.nomask else np.asarray(a)
    wanted = stored_dtype(array.dtype)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8 and array.size:
        if int(array.max()) > EXACT or int(array.min()) < -EXACT:
            raise ValueError("integers within 2**53 of zero expected: larger ones are not exact in float64")
    if dtype is not None and wanted != dtype:
        wanted = dtype
        try:
            with np.errstate(over="raise"):
                array = array.astype(wanted, order="C")
        except FloatingPointError as error:
            raise ValueError(f"values within those of {dtype} expected, larger ones found") from error
    if mask is not np.ma.nomask:
        if mask_value is None and wanted.kind in "iu":
            raise ValueError("a mask_value expected for masked integers, which have no NaN")
        array = array.astype(wanted, order="C", copy=True)
        array[mask] = np.nan if mask_value is None else mask_value
    # What Dask sends from process to process may lie at any byte.
    return np.require(array, wanted, ["C_CONTIGUOUS", "ALIGNED"])
