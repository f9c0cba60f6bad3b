"""Types of values (spec 4.1)."""

import numpy as np

#: By their numbers.
TYPES = {
    2: np.float16,
    4: np.float32,
    8: np.float64,
    0x11: np.uint8,
    0x12: np.uint16,
    0x14: np.uint32,
    0x21: np.int8,
    0x22: np.int16,
    0x24: np.int32,
}


def is_integer(value):
    return np.dtype(value).kind in "iu"


def working(number):
    """The working precision of a value type."""
    return np.float64 if number in (8, 0x14, 0x24) else np.float32


def rounded(numbers, value):
    """Numbers, or one, rounded to a value type."""
    if not is_integer(value):
        return np.asarray(numbers).astype(value)
    info = np.iinfo(value)
    limited = np.clip(np.asarray(numbers, np.float64), info.min, info.max)
    return np.where(np.isnan(limited), 0, np.rint(limited)).astype(value)
