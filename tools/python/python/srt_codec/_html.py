"""Files and fields in a notebook: a small table and a picture."""

import base64
import html
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ._file import Field, File

#: Longest edge of a picture in pixels.
EDGE = 192


def png(grey: np.ndarray) -> bytes:
    """An image of bytes as a PNG file."""

    def chunk(kind: bytes, payload: bytes) -> bytes:
        return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))

    height, width = grey.shape
    rows = np.concatenate([np.zeros((height, 1), "u1"), grey.astype("u1")], axis=1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def picture(field: "Field") -> str:
    """The middle plane of the first step at a level that is cheap."""
    if not len(field):
        return ""
    level = field.level
    while level < field.levels and max(field.at(level).shape[-2:]) > EDGE:
        level += 1
    coarse = field.at(level)
    middle = (0,) + tuple(n // 2 for n in coarse.shape[1:-2])
    plane = np.asarray(coarse[middle], dtype="f8")
    low, high = (np.nanmin(plane), np.nanmax(plane)) if np.isfinite(plane).any() else (0.0, 1.0)
    finite = np.where(np.isfinite(plane), plane, low)
    grey = np.clip((finite - low) / ((high - low) or 1.0), 0, 1) * 255
    data = base64.b64encode(png(grey)).decode()
    return f'<img alt="middle plane" style="max-width:{EDGE}px" src="data:image/png;base64,{data}">'


def table(rows: list[tuple[str, object]]) -> str:
    cells = (f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>" for name, value in rows)
    return f"<table>{''.join(cells)}</table>"


def field(of: "Field") -> str:
    rows: list[tuple[str, object]] = [
        ("field", of.name),
        ("shape", " x ".join(map(str, of.shape))),
        ("type", of.dtype),
        ("unit", of.unit),
        ("levels", of.levels),
    ]
    if len(of):
        name, value = of.bound()
        measured = of.measured()
        rows += [("bound", f"{name} {value:g}"), ("largest error", f"{measured['max_error']:.4g}")]
        if measured["psnr"] is not None:
            rows.append(("PSNR", f"{measured['psnr']:.2f} dB"))
    return f"<div>{table(rows)}{picture(of)}</div>"


def file(of: "File") -> str:
    rows: list[tuple[str, object]] = [("domain", " x ".join(map(str, of.shape)))]
    if of.spacing is not None:
        rows.append(("spacing", f"{of.spacing} {of.length_unit}"))
    rows += [(name, f"{len(field)} steps of {field.dtype} {field.unit}") for name, field in of.items()]
    first = next(iter(of.values()), None)
    return f"<div>{table(rows)}{picture(first) if first is not None else ''}</div>"
