#!/usr/bin/env python3
"""Decodes an .srt file with the reader beside this file: decode.py FILE OUT.npy [--weights PACK.srt].

Needs numpy and zstandard (requirements.txt). It is the specification in running form, not a fast program.
"""

import argparse
from pathlib import Path

import numpy as np
from reader import file


def main():
    parser = argparse.ArgumentParser(description="Decodes an .srt file to .npy.")
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--weights", type=Path, action="append", default=[], help="an .srt with the networks")
    parser.add_argument("--frame", type=int, default=0, help="number of the frame in the file")
    parser.add_argument("--level", type=int, default=0, help="downscaling level")
    args = parser.parse_args()
    packs = [file.read(path.read_bytes()) for path in args.weights]
    field = file.read(args.input.read_bytes()).whole(args.frame, packs, args.level)
    np.save(args.output, field.astype(field.dtype.newbyteorder("<")))


if __name__ == "__main__":
    main()
