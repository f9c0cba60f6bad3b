"""Files of srt in PyVista: ``pyvista.read("flow.srt")``."""

import os
from typing import Any

import numpy as np
import pyvista

from ._file import open as open_file


def read(path: str | os.PathLike[str], level: int = 0, step: int = 0) -> Any:
    """A step as image data, whose points are the voxels of a level.

    Parameters
    ----------
    path : str or os.PathLike
    level : int
        Downscaling level: 0 is full resolution.
    step : int
        Place of the step: fields that have fewer steps, or another grid at the level, are left out.

    Returns
    -------
    pyvista.ImageData

    Raises
    ------
    IndexError
        For a level or a step that there is none of.
    """
    file = open_file(path)
    fields = [field for field in file.values() if -len(field.steps) <= step < len(field.steps)]
    if not fields:
        raise IndexError(f"a file with a step {step} expected")
    first = fields[0].at(level)
    origin, spacing = first.placement()
    missing = 3 - len(origin)
    image = pyvista.ImageData(
        dimensions=(*first.shape[:0:-1], *[1] * missing),
        spacing=(*spacing[::-1], *[1.0] * missing),
        origin=(*origin[::-1], *[0.0] * missing),
    )
    for field in fields:
        values = field.at(level) if level <= field.levels else None
        if values is not None and values.shape[1:] == first.shape[1:]:
            decoded = values.read(step)
            # VTK has no half precision.
            image.point_data[field.name] = (decoded.astype("f4") if decoded.dtype == np.float16 else decoded).ravel()
    image.set_active_scalars(first.name)
    return image
