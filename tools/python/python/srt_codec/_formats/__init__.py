"""Formats of others, behind one table: what reads and writes files of which suffix and magic."""

import importlib
import os
from dataclasses import dataclass
from typing import Any

from .model import Broken, Refusal, Source


@dataclass(frozen=True)
class Format:
    """A format: its module here has ``read(path) -> Source`` and, where `writes`, ``write(path, part)``.

    `has_steps` says whether a file holds several steps; otherwise there is a file for each, and ``write_series(path, names,
    times)`` lists them where the module has it. `has_fields` says whether a file holds several fields.
    """

    name: str
    module: str
    suffixes: tuple[str, ...]
    #: What files begin with, and where.
    magics: tuple[tuple[int, bytes], ...] = ()
    writes: bool = True
    has_steps: bool = True
    has_fields: bool = True

    def load(self) -> Any:
        return importlib.import_module(f"srt_codec._formats.{self.module}")


#: In the order in which they are asked. A suffix goes before a magic: netCDF-4 is HDF5.
FORMATS = (
    Format("netCDF", "netcdf", (".nc", ".nc4", ".cdf"), ((0, b"CDF\x01"), (0, b"CDF\x02"), (0, b"CDF\x05"))),
    Format("HDF5", "hdf5", (".h5", ".hdf5", ".he5", ".hdf"), ((0, b"\x89HDF\r\n\x1a\n"),)),
    Format("NIfTI", "nifti", (".nii", ".nii.gz"), ((344, b"n+1\0"), (4, b"n+2\0")), has_fields=False),
    Format("VTK", "vtk", (".vti",), ((0, b'<VTKFile type="ImageData"'),), has_steps=False),
    Format("legacy VTK", "vtk", (".vtk", ".pvd"), ((0, b"# vtk DataFile"),), writes=False),
    Format("Zarr", "zarr", (".zarr",)),
    Format("MRC", "mrc", (".mrc", ".mrc.gz", ".map", ".rec", ".mrcs"), ((208, b"MAP "),), writes=False),
    Format("FITS", "fits", (".fits", ".fit", ".fts", ".fits.gz"), ((0, b"SIMPLE  ="),), writes=False),
    Format("TIFF", "tiff", (".tif", ".tiff"), ((0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+")), has_fields=False),
)


def described(formats: tuple[Format, ...] = FORMATS) -> str:
    """The suffixes that are known."""
    return ", ".join(suffix for known in formats for suffix in known.suffixes)


def by_suffix(path: str) -> Format | None:
    """The format that a name says."""
    name = os.path.basename(path.rstrip("/")).lower()
    return next((known for known in FORMATS if name.endswith(known.suffixes)), None)


def _by_magic(path: str) -> Format | None:
    if os.path.isdir(path):
        return None
    with open(path, "rb") as file:
        start = file.read(512)
    return next((known for known in FORMATS for at, magic in known.magics if start[at:].startswith(magic)), None)


def read(path: str) -> Source:
    """Open a file of another format.

    Raises
    ------
    OSError
        When there is none, or it may not be read.
    Refusal
        For a format that is not known, or whose reader is not installed.
    Broken
        When its reader cannot make sense of it.
    """
    os.stat(path)
    known = by_suffix(path) or _by_magic(path)
    if known is None:
        raise Refusal(f"a file of a known format expected ({described()}), {path!r} found")
    opened = known.load()
    if os.path.isfile(path):
        with open(path, "rb"):
            pass
    try:
        return opened.read(path)
    except (Refusal, Broken):
        raise
    except Exception as error:  # readers raise what they like on bytes that they do not understand
        raise Broken(f"{path}: no {known.name} that can be read: {error}") from error
