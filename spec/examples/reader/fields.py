"""Fields of records: little endian, bounded, checked one by one (spec 1)."""

import math
import struct

import numpy as np

from .values import working


class Corrupt(Exception):
    """The bytes contradict the specification."""


class Truncated(Exception):
    """The file ends early."""


class Unsupported(Exception):
    """Well formed, but of a newer version or an unknown critical kind."""


class MissingWeights(Exception):
    """The file names networks that are not at hand."""


def need(condition, message):
    """Raises `Corrupt` unless `condition` holds."""
    if not condition:
        raise Corrupt(message)


class Fields:
    """Reads the fields of one record in order."""

    def __init__(self, data):
        self.data = bytes(data)
        self.at = 0

    def take(self, count):
        need(count <= len(self.data) - self.at, "record ends early")
        self.at += count
        return self.data[self.at - count : self.at]

    def left(self):
        """Whether anything is left of the record."""
        return self.at < len(self.data)

    def number(self, kind):
        """One fixed-size number; `kind` is a letter of the struct module."""
        return struct.unpack("<" + kind, self.take(struct.calcsize(kind)))[0]

    def u8(self):
        return self.number("B")

    def varint(self):
        value = 0
        for shift in range(0, 63, 7):
            byte = self.u8()
            value |= (byte & 127) << shift
            if byte < 128:
                need(byte != 0 or shift == 0, "varint is not in its shortest form")
                return value
        raise Corrupt("varint is longer than 63 bits")

    def string(self):
        length = self.varint()
        need(length <= 1024, "string is longer than 1024 bytes")
        try:
            return self.take(length).decode("utf-8")
        except UnicodeDecodeError:
            raise Corrupt("string is not UTF-8") from None

    def real(self, value_type):
        value = self.number("d" if working(value_type) is np.float64 else "f")
        need(math.isfinite(value), "real is not finite")
        return value

    def end(self):
        need(self.at == len(self.data), "bytes behind the last field")
