"""FITS, images of astronomy, by astropy."""

from typing import Any

import numpy as np

from .model import Key, Source, Variable, module, plain, spatial, why_not

#: Cards that say how values are stored, and not what they are.
STORAGE = (
    "SIMPLE",
    "BITPIX",
    "EXTEND",
    "XTENSION",
    "PCOUNT",
    "GCOUNT",
    "BSCALE",
    "BZERO",
    "BLANK",
    "BUNIT",
    "COMMENT",
    "HISTORY",
    "",
)


def read(path: str) -> Source:
    """Images of all units: by their names, or ``data`` and their number."""
    library = module("astropy.io.fits", "fits", "FITS")
    opened = library.open(path, mode="readonly", memmap=True, do_not_scale_image_data=True)
    try:
        variables: dict[str, Variable] = {}
        unit = ""
        for number, hdu in enumerate(opened):
            if hdu.is_image and hdu.shape:
                name = hdu.name if hdu.name not in ("", "PRIMARY") else f"data{number or ''}"
                name = name if name not in variables else f"{name}_{number}"
                variables[name] = _variable(name, hdu)
                unit = unit or str(hdu.header.get("CUNIT1", ""))
            elif not hdu.is_image:
                variables[hdu.name or f"table{number}"] = _table(hdu.name or f"table{number}")
        said = _cards(opened[0].header)
    except BaseException:
        opened.close()
        raise
    return Source(variables, {}, said, unit, close=opened.close)


def _table(name: str) -> Variable:
    return Variable(name, (), np.dtype(object), (), lambda key: None, why_not="a table")


def _cards(header: Any) -> dict[str, Any]:
    """Keywords with their values; history and comments as lists of lines."""
    said = {key: value for key, value in header.items() if key not in STORAGE and not key.startswith("NAXIS")}
    for key in ("HISTORY", "COMMENT"):
        if key in header:
            said[key] = [str(line) for line in header[key]]
    return plain(said.items())


def _variable(name: str, hdu: Any) -> Variable:
    header, shape = hdu.header, tuple(hdu.shape)
    dtype = np.dtype({8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}[header["BITPIX"]])
    rank = len(shape)
    said = plain([("units", header.get("BUNIT")), ("_FillValue", header.get("BLANK") if dtype.kind in "iu" else None)])
    scale, zero = float(header.get("BSCALE", 1.0)), float(header.get("BZERO", 0.0))
    unsigned = (scale, zero) == (1.0, 2.0 ** (8 * dtype.itemsize - 1)) and dtype.kind == "i"

    def read_part(key: Key) -> Any:
        values = hdu.section[key] if rank else hdu.data
        # FITS has no unsigned integers: they are stored less half of their range.
        if unsigned:
            kind = np.dtype(f"u{dtype.itemsize}")
            return np.asarray(values).astype(f"i{dtype.itemsize}").view(kind) ^ kind.type(int(zero))
        return values

    if (scale, zero) != (1.0, 0.0) and not unsigned:
        said |= {"scale_factor": scale, "add_offset": zero}
    own = np.dtype(f"u{dtype.itemsize}") if unsigned else dtype
    if unsigned and "_FillValue" in said:
        said["_FillValue"] += int(zero)
    variable = Variable(name, shape, own, spatial(rank), read_part, said, why_not=why_not(own, shape))
    steps = [header.get(f"CDELT{axis}") for axis in range(rank, 0, -1)]
    if all(isinstance(step, int | float) and step > 0 for step in steps):
        first = [
            float(header.get(f"CRVAL{axis}", 0.0)) + (1 - float(header.get(f"CRPIX{axis}", 1.0))) * float(step)
            for axis, step in zip(range(rank, 0, -1), steps)
        ]
        variable.placed = {"spacing": tuple(float(step) for step in steps), "origin": tuple(first)}
    return variable
