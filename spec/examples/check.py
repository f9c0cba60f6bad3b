#!/usr/bin/env python3
"""Compares the reader beside this file with every description of an example, and lets it refuse bad files.

check.py [FOLDER ..]: a folder has a sums.txt with the SHA-256 of what each of its files decodes to, or a README.md
whose table names the error of each file.
"""

import hashlib
import json
import re
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
from reader import container, fields, file, records

HERE = Path(__file__).parent
# A budget, which this reader has none of.
WITHOUT_BUDGET = "LimitExceeded"


def same(what, expected, found):
    if expected != found:
        raise SystemExit(f"{what}: {expected} expected, {found} found")


def field_values(chunk, dataset):
    """Values of the fields of a record, by the names of the descriptions, as this reader sees them."""
    if chunk.type == "DSET":
        found = {"rank": dataset.rank, "field count": len(dataset.fields)}
        found |= {f"extent {axis}": n for axis, n in enumerate(dataset.extents)}
        for i, (name, unit, size) in enumerate(dataset.fields):
            found |= {f"field {i} name": name, f"field {i} unit": unit, f"field {i} value size": size}
        for name in ("spacing", "origin"):
            found |= {f"{name} {axis}": value for axis, value in enumerate(getattr(dataset, name) or [])}
        if dataset.time_unit:
            found |= {"unit of lengths": dataset.length_unit, "unit of time": dataset.time_unit}
        return found
    if chunk.type == "aTTr":
        return {"json": chunk.payload.decode()} if records.attributes(chunk.payload) is not None else {}
    if chunk.type == "NREF":
        sha256, name = records.weights_reference(chunk.payload)
        return {"weights sha-256": sha256.hex(), "weights name": name}
    if chunk.type == "FRAM":
        f = records.frame(chunk.payload, dataset)
        found = {"field": f.field, "time step": f.step, "minimum": f.minimum, "maximum": f.maximum}
        found |= {"bound kind": f.bound, "bound value": f.bound_value}
        found |= {"form, announced chunks": f.form | 64 * f.announced["MASK"] | 128 * f.announced["CORR"]}
        found |= {"measured psnr [dB]": f.psnr_db, "measured largest error": f.max_error}
        if f.form == 2:
            found |= {"filter pair": f.filter, "levels": f.levels, "shrink": f.shrink, "gain count": len(f.gains)}
            found |= {"periodic axes": f.plan << 3 | sum(on << axis for axis, on in enumerate(f.periodic))}
            found |= {"quantisation step": f.step_size, "offset": f.offset, "scale": f.scale}
            found |= {f"gain of level {level}": gain for level, gain in enumerate(f.gains)}
            found |= {f"quality of level {level}": q for level, q in enumerate(f.quality, 1)}
        if f.form == 3:
            found |= {"levels": f.levels, "finest level": f.finest, "interpolation": f.interpolation}
            found |= {"payload codec": f.payload, "epsilon": f.epsilon, "offset": f.offset, "scale": f.scale}
            found |= {"gain count": len(f.gains)}
            found |= {f"gain of level {level}": gain for level, gain in enumerate(f.gains)}
        if f.form == 4:
            if f.palette:
                found |= {"values of the palette": f.palette}
            elif f.unused is not None:
                found |= {"unused bits of values": f.unused}
            else:
                found |= {"quantisation step": f.step_size}
            found |= {"number of coefficients": len(f.folded) | 128 * f.fine}
            found |= {f"coefficient {place}, folded": v for place, v in enumerate(f.folded)}
        if f.time is not None:
            found |= {"time": f.time}
        if f.planes:
            found |= {"first plane": f.planes[0], "number of planes": f.planes[1]}
        return found
    return {}


def check_chunks(description, data):
    major, minor = container.check_header(data)
    same("version", [description["header"][key] for key in ("major", "minor")], [major, minor])
    chunks = container.read_chunks(data)
    same("chunks", len(description["chunks"]), len(chunks))
    dataset = records.dataset(chunks[0].payload)
    for expected, chunk in zip(description["chunks"], chunks):
        what = f"chunk {expected['number']}"
        same(f"{what}, type and place", [expected["type"], expected["offset"]], [chunk.type, chunk.offset])
        values = {f["name"]: f["value"] for f in expected["fields"]}
        head = {"stored length": len(chunk.payload), "part": chunk.part}
        head |= {"payload crc": f"{chunk.payload_crc:#010x}", "header crc": f"{chunk.header_crc:#010x}"}
        for name, found in (head | field_values(chunk, dataset)).items():
            text = values[name]
            # binary32 values are described by the shortest decimal that names them
            equal = text == str(found) if not isinstance(found, float) else found in (float(text), float(np.float32(text)))
            same(f"{what}, {name}", text, text if equal else found)
    same("trailer", description["trailer"]["offset"], len(data) - 24)
    check_later_fields(chunks, dataset)


def check_later_fields(chunks, dataset):
    """Records of later versions are longer; what follows the known fields is ignored (spec 3)."""
    later = b"\x17of a later version"
    # A record that says nothing in its last fields ends before them: filled up, it says the same.
    nothing = bytes(3) if (dataset.spacing, dataset.length_unit, dataset.time_unit) == (None, "", "") else b""
    for chunk in chunks:
        if chunk.type == "DSET":
            same("a longer DSET", dataset, records.dataset(chunk.payload + nothing + later))
        if chunk.type == "NREF":
            same("a longer NREF", records.weights_reference(chunk.payload), records.weights_reference(chunk.payload + later))
        if chunk.type == "FRAM":
            known = records.frame(chunk.payload, dataset)
            # Filled up with a time that is not known, and with all planes.
            whole = chunk.payload
            if not known.planes:
                whole += (records.UNKNOWN if known.time is None else b"") + b"\0"
            same("a longer FRAM", repr(records.frame(whole, dataset)), repr(records.frame(whole + later, dataset)))


def check_example(path):
    description = json.loads(path.read_text())
    data = path.with_suffix(".srt").read_bytes()
    same("SHA-256 of the file", description["file"]["sha256"], hashlib.sha256(data).hexdigest())
    check_chunks(description, container.expand(data) if container.is_compact(data) else data)
    source = file.read(data)
    packs = [file.read((HERE / name).read_bytes()) for name in [description["weights"]] if name]
    same("frames", len(description["frames"]), len(source.records()))
    for number, frame in enumerate(description["frames"]):
        for level in frame["decoded"]:
            field = source.whole(number, packs, level["level"])
            raw = field.astype(field.dtype.newbyteorder("<")).tobytes()
            what = f"frame {number}, level {level['level']}"
            same(f"{what}, shape and type", [level["shape"], level["dtype"]], [list(field.shape), f"<f{field.itemsize}"])
            same(f"{what}, SHA-256", level["sha256"], hashlib.sha256(raw).hexdigest())
            if description["npy"] and number == level["level"] == 0:
                same("the .npy file", np.load(BytesIO((HERE / description["npy"]).read_bytes())).tobytes(), raw)
    return sum(len(frame["decoded"]) for frame in description["frames"])


def check_bad(folder):
    """Every file of a folder is refused for the reason in the table of its README."""
    table = re.findall(r"^\| `(.*?)` \| (.*?) \|", (folder / "README.md").read_text(), re.MULTILINE)
    errors = (fields.Corrupt, fields.Truncated, fields.Unsupported, fields.MissingWeights)
    count = 0
    for name, expected in table:
        if expected == WITHOUT_BUDGET:
            continue
        try:
            source = file.read((folder / name).read_bytes())
            for number in range(len(source.frames)):
                source.decode(number)
            found = "no error"
        except errors as error:
            found = type(error).__name__
        same(name, expected, found)
        count += 1
    return count


def check_sums(folder):
    """All frames of a file, one behind the other, decode to the bytes of its sum, but where networks are built in."""
    count = 0
    for line in (folder / "sums.txt").read_text().splitlines():
        expected, name = line.split()
        try:
            source = file.read((folder / name).read_bytes())
            decoded = [source.decode(frame) for frame in range(len(source.frames))]
        except fields.MissingWeights:
            print(f"{folder / name}: left out, its networks are not in a file")
            continue
        raw = b"".join(field.astype(field.dtype.newbyteorder("<")).tobytes() for field in decoded)
        same(f"SHA-256 of what {name} decodes to", expected, hashlib.sha256(raw).hexdigest())
        count += 1
    return count


def main():
    examples = sorted(HERE.glob("*.json"))
    assert examples, "no examples found"
    for path in examples:
        try:
            print(f"{path.stem}: {check_example(path)} fields as described")
        except SystemExit as error:
            raise SystemExit(f"{path.stem}: {error}") from None
    for folder in map(Path, sys.argv[1:]):
        if (folder / "sums.txt").exists():
            print(f"{folder}: {check_sums(folder)} files decoded to their sums")
            continue
        print(f"{folder}: {check_bad(folder)} files refused as listed")


if __name__ == "__main__":
    np.seterr(all="ignore")  # hostile numbers overflow, as the specification says they do
    main()
