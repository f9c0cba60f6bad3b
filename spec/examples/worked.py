#!/usr/bin/env python3
"""The table of the worked example in codecs/ctx.md: checked, or written anew with --write."""

import re
import sys
from pathlib import Path

import numpy as np
from reader import ctx

TEXT = Path(__file__).parent.parent / "codecs" / "ctx.md"
DIMS = [1, 2, 4]


class Traced(ctx.BrickDecoder):
    """Notes every bit, and the context of every coefficient."""

    def __init__(self, payload):
        super().__init__(payload, planar=True)
        self.rows, self.seen = [], []
        coded, raw = self.bits.coded, self.bits.raw

        def noted(probability):
            bit = coded(probability)
            self.seen.append(f"{bit}:{probability}")
            return bit

        def noted_raw(count=1):
            value = raw(count)
            if count:
                self.seen.append(f"raw {value}")
            return value

        self.bits.coded, self.bits.raw = noted, noted_raw

    def value(self, bin_number):
        self.rows.append((bin_number, bits := []))
        self.seen = bits
        return super().value(bin_number)


def table(text):
    digits = re.search(r"<!-- begin worked bytes -->\n`(.*)`", text).group(1)
    decoder = Traced(bytes.fromhex(digits))
    band = decoder.grid([(0, DIMS)], np.ones([1, 1, 1], bool))[0]
    decoder.end()
    out = ["| y, x | value | bin | bits |", "|---|---|---|---|"]
    for place, (bin_number, bits) in enumerate(decoder.rows):
        value = band.reshape(-1)[place]
        out.append(f"| {place // DIMS[2]}, {place % DIMS[2]} | {value} | {bin_number} | {' '.join(bits)} |")
    out.append(f"\nIn the end `position` is {decoder.bits.position}.")
    return "\n".join(out) + "\n"


def main():
    text = TEXT.read_text()
    begin, end = "<!-- begin worked table -->\n", "<!-- end worked table -->"
    before, rest = text.split(begin)
    found, after = rest.split(end)
    expected = table(text)
    if "--write" in sys.argv:
        TEXT.write_text(before + begin + expected + end + after)
    elif found != expected:
        raise SystemExit("the table of the worked example in codecs/ctx.md is stale: worked.py --write")


if __name__ == "__main__":
    main()
