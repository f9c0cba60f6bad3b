#!/usr/bin/env python3
"""The tables of the worked examples in codecs/ctx.md and codecs/raster.md: checked, or written anew with --write."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from reader import ctx, raster

CODECS = Path(__file__).parent.parent / "codecs"
DIMS = [1, 2, 4]


def traced(bits, note):
    """Has a range decoder tell `note` of every bit and raw number."""
    coded, raw = bits.coded, bits.raw

    def noted(probability):
        bit = coded(probability)
        note(f"{bit}:{probability}")
        return bit

    def noted_raw(count=1):
        value = raw(count)
        if count:
            note(f"raw {value}")
        return value

    bits.coded, bits.raw = noted, noted_raw


class TracedCoefficients(ctx.BrickDecoder):
    """Notes every bit, and the context of every coefficient."""

    def __init__(self, payload):
        super().__init__(payload, planar=True)
        self.rows = []
        traced(self.bits, lambda text: self.rows[-1][1].append(text))

    def value(self, bin_number):
        self.rows.append((bin_number, []))
        return super().value(bin_number)


class TracedValues(raster.Brick):
    """Notes every bit, and the contexts of every voxel."""

    def __init__(self, payload):
        record = SimpleNamespace(step_size=1, minimum=0, maximum=20, coefficients=[], palette=0, fine=False)
        super().__init__(record, DIMS, 2, np.float32, payload)
        self.rows = []
        traced(self.coder.bits, lambda text: self.rows[-1][1].append(text))

    def contexts(self, z, y, x):
        found = super().contexts(z, y, x)
        self.rows.append((found, []))
        return found


def payload(text, name):
    digits = re.search(rf"<!-- begin {name} bytes -->\n`(.*)`", text).group(1)
    return bytes.fromhex(digits)


def coefficients(text):
    decoder = TracedCoefficients(payload(text, "worked"))
    band = decoder.grid([(0, DIMS)], np.ones([1, 1, 1], bool))[0]
    decoder.end()
    out = ["| y, x | value | bin | bits |", "|---|---|---|---|"]
    for place, (bin_number, bits) in enumerate(decoder.rows):
        value = band.reshape(-1)[place]
        out.append(f"| {place // DIMS[2]}, {place % DIMS[2]} | {value} | {bin_number} | {' '.join(bits)} |")
    out.append(f"\nIn the end `position` is {decoder.bits.position}.")
    return "\n".join(out) + "\n"


def values(text):
    decoder = TracedValues(payload(text, "raster"))
    field = decoder.decode().reshape(-1)
    differences = [decoder.q[1].at(place // DIMS[2], place % DIMS[2]) for place in range(len(field))]
    out = ["| y, x | value | p | q | bin | sign context | bits |", "|---|---|---|---|---|---|---|"]
    for place, ((bin_number, sign), bits) in enumerate(decoder.rows):
        value, q = field[place], differences[place]
        head = f"| {place // DIMS[2]}, {place % DIMS[2]} | {value:g} | {value - q:g} | {q} | {bin_number} | {sign} |"
        out.append(f"{head} {' '.join(bits)} |")
    out.append(f"\nIn the end `position` is {decoder.coder.bits.position}.")
    return "\n".join(out) + "\n"


def main():
    for codec, name, table in [("ctx", "worked", coefficients), ("raster", "raster", values)]:
        path = CODECS / f"{codec}.md"
        text = path.read_text()
        begin, end = f"<!-- begin {name} table -->\n", f"<!-- end {name} table -->"
        before, rest = text.split(begin)
        found, after = rest.split(end)
        expected = table(text)
        if "--write" in sys.argv:
            path.write_text(before + begin + expected + end + after)
        elif found != expected:
            raise SystemExit(f"the table of the worked example in {path.name} is stale: worked.py --write")


if __name__ == "__main__":
    main()
