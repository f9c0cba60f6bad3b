"""What a file says, in the words of others: places along axes, attributes with units and what was promised."""

from typing import Any

import numpy as np

from ._file import Field, File

#: What the steps are called beside the axes.
TIME = "time"


def uniform(values: np.ndarray) -> tuple[float, float] | None:
    """Origin and spacing of places that rise evenly, to a billionth of the spacing; None for others and for a single one."""
    if len(values) < 2:
        return None
    step = float(values[-1] - values[0]) / (len(values) - 1)
    if not step > 0 or not np.allclose(values[0] + np.arange(len(values)) * step, values, rtol=0, atol=1e-9 * step):
        return None
    return float(values[0]), step


def axes(file: File, field: Field) -> dict[str, np.ndarray]:
    """Coordinates of a level: from values that the file has, else from where its voxels lie, if that is known."""
    origin, spacing = field.placement()
    fine_origin = file.origin or (0.0,) * len(file.shape)
    fine_spacing = file.spacing or (1.0,) * len(file.shape)
    known = file.coords
    out = {}
    for axis, (dim, extent) in enumerate(zip(file.dims, field.shape[1:])):
        places = origin[axis] + np.arange(extent) * spacing[axis]
        if dim in known:
            within = (places - fine_origin[axis]) / fine_spacing[axis]
            out[dim] = np.interp(within, np.arange(file.shape[axis]), known[dim])
        elif file.spacing is not None:
            out[dim] = places
    return out


def length(file: File) -> dict[str, str]:
    return {"units": file.length_unit} if file.length_unit else {}


def time_attributes(file: File) -> dict[str, Any]:
    said = file._attributes_of("coordinates", TIME)
    return dict(said) if said else ({"units": file.time_unit} if file.time_unit else {})


def attributes(field: Field) -> dict[str, Any]:
    """What is said of a field, with what was promised and measured of it."""
    out = dict(field.attrs)
    if field.unit:
        out["units"] = field.unit
    steps = range(len(field))
    name, value = field.bound(0)
    out["srt_bound"], out["srt_bound_value"] = name, value
    out["srt_max_error"] = max(field.measured(step)["max_error"] or 0.0 for step in steps)
    psnr = [field.psnr(0, step) for step in steps]
    finite = [p for p in psnr if p is not None and np.isfinite(p)]
    if finite:
        out["srt_psnr"] = min(finite)
    return out
