"""NIfTI, by nibabel: images whose fourth axis is time."""

import gzip
from typing import Any

import numpy as np

from .model import Key, Part, Refusal, Source, Variable, module, plain, spatial, why_not

#: Units as NIfTI names them, and as everybody does.
UNITS = {"meter": "m", "mm": "mm", "micron": "um", "sec": "s", "msec": "ms", "usec": "us"}
#: Where the transform to the axes of the scanner is kept, and by which code of NIfTI.
AFFINE, CODE = "nifti_affine", "nifti_affine_code"
#: Longest axis of NIfTI-1.
LONGEST = 32767


def _library() -> Any:
    return module("nibabel", "nifti", "NIfTI")


def read(path: str) -> Source:
    """The image, as ``data``."""
    library = _library()
    image = library.load(path)
    header, stored = image.header, image.dataobj
    shape, dtype = tuple(image.shape[::-1]), np.dtype(header.get_data_dtype())
    # Values as they are stored; an open file goes on where the step before ended, which matters where it is compressed.
    spec = (image.shape, dtype, stored.offset, 1.0, 0.0)
    unscaled = library.arrayproxy.ArrayProxy(stored.file_like, spec, keep_file_open=True)

    def read_part(key: Key) -> Any:
        return np.asarray(unscaled[key[::-1]]).T

    zooms = [float(zoom) for zoom in header.get_zooms()]
    affine = np.asarray(image.affine, "f8")
    said = plain([("description", header["descrip"].tobytes()), ("intent", header["intent_name"].tobytes())])
    said = {name: value for name, value in said.items() if value}
    code = int(header["sform_code"]) or int(header["qform_code"])
    if code:
        said |= {AFFINE: affine.ravel().tolist(), CODE: code}
    packed = {} if (stored.slope, stored.inter) == (1.0, 0.0) else {"scale_factor": stored.slope, "add_offset": stored.inter}
    rank = len(shape)
    is_upright = np.array_equal(affine[:3, :3], np.diag(np.abs(np.diag(affine[:3, :3]))))
    origin = tuple(affine[:3, 3][::-1]) if is_upright else (0.0,) * 3
    variable = Variable("data", shape, dtype, spatial(rank), read_part, plain(packed.items()), why_not=why_not(dtype, shape))
    if rank <= 4:
        variable.placed = {"spacing": tuple(zooms[::-1]), "origin": ((0.0,) + origin)[4 - rank :]}
    lengths, clock = header.get_xyzt_units()
    found = Source({"data": variable}, {}, said, UNITS.get(lengths, ""), UNITS.get(clock, ""))
    if rank == 4:
        variable.record = 0
        found.times = float(header["toffset"]) + zooms[3] * np.arange(shape[0])
    return found


def write(path: str, part: Part) -> None:
    """An image, step by step behind its header."""
    library = _library()
    kind = library.Nifti1Header if max(part.shape) <= LONGEST else library.Nifti2Header
    (name,) = part.names
    dtype = np.dtype("f4") if part.dtypes[name] == np.float16 else part.dtypes[name]
    header = kind()
    header.set_data_dtype(dtype)
    lead = (len(part.times),) if part.has_steps else ()
    # The fourth axis is time, whatever the rank.
    spatial_shape = (*[1] * (3 - len(part.shape) if lead else 0), *part.shape)
    header.set_data_shape((*lead, *spatial_shape)[::-1])
    packed = part.field_attributes[name]
    header.set_slope_inter(packed.get("scale_factor", 1.0), packed.get("add_offset", 0.0))
    _place(header, part, len(spatial_shape))
    header["magic"] = header.single_magic
    header["descrip"] = str(part.attributes.get("description", "")).encode()[:79]
    header["vox_offset"] = header.single_vox_offset
    opened: Any = gzip.open(path, "wb") if path.lower().endswith(".gz") else open(path, "wb")
    with opened as out:
        header.write_to(out)
        out.write(bytes(int(header["vox_offset"]) - out.tell()))
        for step in range(len(part.times)):
            values = part.read(name, step)
            if values is None:
                raise Refusal(f"{name!r} has no values at step {step}, which NIfTI cannot leave out: --steps takes others")
            out.write(np.ascontiguousarray(values, dtype).data)


def _place(header: Any, part: Part, rank: int) -> None:
    """Distances, units and the transform to space."""
    missing = 3 - len(part.shape)
    origin, spacing = ((*values[::-1], *[fill] * missing) for values, fill in ((part.origin, 0.0), (part.spacing, 1.0)))
    zooms = [abs(value) for value in spacing[:rank]]
    if part.has_steps:
        interval = part.interval(("", *UNITS.values()))
        zooms.append(1.0 if interval is None else interval)
        if interval is not None or len(part.times) == 1:
            header["toffset"] = np.nan_to_num(part.times[0])
    header.set_zooms(zooms)
    names = {short: long for long, short in UNITS.items()}
    clock = str(part.time_attributes.get("units", ""))
    header.set_xyzt_units(names.get(part.length_unit), names.get(clock))
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = origin
    kept = part.attributes.get(AFFINE)
    if isinstance(kept, list) and len(kept) == 16:
        first, stride = ((*values[::-1], *[fill] * missing) for values, fill in zip(part.voxels, (0.0, 1.0)))
        within = np.diag([*stride, 1.0])
        within[:3, 3] = first
        affine = np.array(kept, "f8").reshape(4, 4) @ within
    header.set_sform(affine, code=int(part.attributes.get(CODE, 1)))
