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
        record = SimpleNamespace(step_size=1, minimum=0, maximum=20, coefficients=[], palette=0, fine=False, integers=False)
        super().__init__(record, DIMS, 2, np.float32, payload)
        self.rows = []
        traced(self.coder.bits, lambda text: self.rows[-1][1].append(text))

    def contexts(self, z, y, x):
        found = super().contexts(z, y, x)
        self.rows.append((found, []))
        return found


class TracedExact(raster.Exact):
    """Notes every bit, and what is expected of every voxel."""

    def __init__(self, payload):
        record = SimpleNamespace(minimum=0, maximum=2, coefficients=[], unused=0)
        super().__init__(record, DIMS, 2, np.float32, payload)
        self.rows = []
        traced(self.coder.bits, lambda text: self.rows[-1][1].append(text))
        take = self.tails.take

        def noted(count):
            value = take(count)
            if count:
                self.rows[-1][2].append(f"{value} ({count} bits)")
            return value

        self.tails.take = noted

    def expected(self, p, mean):
        found = super().expected(p, mean)
        place, b, width, slot, _ = found
        self.rows.append(([f"{place:.8g}", f"{mean:.8g}", width, b, slot], [], []))
        return found

    def read(self, p, z, y, x):
        value, place, difference = super().read(p, z, y, x)
        self.rows[-1][0].insert(0, f"{value:.8g}")
        return value, place, difference


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


def exact_values(text):
    decoder = TracedExact(payload(text, "exact"))
    decoder.decode()
    out = ["| y, x | value | p | m | f | bin | slot expected | bits | tails |", "|---|---|---|---|---|---|---|---|---|"]
    for place, (head, bits, tails) in enumerate(decoder.rows):
        known = " | ".join(str(v) for v in head)
        out.append(f"| {place // DIMS[2]}, {place % DIMS[2]} | {known} | {' '.join(bits)} | {' '.join(tails)} |")
    out.append(f"\nIn the end `position` is {decoder.coder.bits.position}, and {decoder.tails.at} bits of the tails are read.")
    return "\n".join(out) + "\n"


def main():
    examples = [("ctx", "worked", coefficients), ("raster", "raster", values), ("raster", "exact", exact_values)]
    for codec, name, table in examples:
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
