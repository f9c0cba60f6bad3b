"""Where the bytes of a file come from, other than from a path or memory."""

import os
import threading
from collections.abc import Sequence
from typing import Any


class StoreRanges:
    """Ranges of an object in a store, by fsspec: many at once."""

    def __init__(self, url: str, storage_options: dict[str, Any] | None) -> None:
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise ImportError(f"fsspec is needed to open {url!r}: pip install fsspec") from error
        self.fs, self.path = url_to_fs(url, **(storage_options or {}))

    def size(self) -> int:
        return int(self.fs.size(self.path))

    def read(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        starts, ends = [r[0] for r in ranges], [r[1] for r in ranges]
        return list(self.fs.cat_ranges([self.path] * len(ranges), starts, ends, on_error="raise"))


class FileRanges:
    """Ranges of an open file of bytes, which must not be used otherwise meanwhile."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.lock = threading.Lock()

    def size(self) -> int:
        with self.lock:
            return int(self.file.seek(0, os.SEEK_END))

    def read(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        parts = []
        with self.lock:
            for start, end in ranges:
                self.file.seek(start)
                parts.append(bytes(self.file.read(end - start)))
        return parts
