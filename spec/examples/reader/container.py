"""Bytes to chunks: header, chunks, index, trailer (spec 2, 3, 5). A forward reader."""

import struct
from dataclasses import dataclass
from zlib import crc32

from .fields import Corrupt, Fields, Truncated, Unsupported, need

MAGIC = b"\x89SRT\r\n\x1a\n"
END = b"SRTEND\r\n"
VERSION = (0, 3)
MOST = 2**14
CODES = ["DSET", "NETW", "NREF", "FRAM", "MASK", "TREE", "BRIK", "CORR", "INDX"]


@dataclass
class Chunk:
    type: str
    part: int
    payload: bytes
    offset: int
    payload_crc: int
    header_crc: int


def piece(data, at, size):
    if at + size > len(data):
        raise Truncated(f"{at + size - len(data)} bytes are missing")
    return data[at : at + size]


def is_compact(data):
    return data.startswith(MAGIC) and len(data) > 8 and data[8] >= 128


def long_chunk(number, name, part, payload):
    covered = struct.pack("<4sIII", name.encode("ascii"), len(payload), part, crc32(payload))
    return covered + struct.pack("<I", crc32(covered + struct.pack("<Q", number))) + payload


def varint(value):
    out = bytearray()
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes(out) + bytes([value])


def long_form(chunks):
    """A file of chunks (type, part, payload) as sections 2, 3 and 5 lay it out."""
    header = MAGIC + struct.pack("<HHII", *VERSION, 0, 0)
    header += struct.pack("<I", crc32(header))
    index = varint(len(chunks))
    for name, part, payload in chunks:
        code = bytes([CODES.index(name)]) if name in CODES else b"\xff" + name.encode("ascii")
        index += code + varint(len(payload)) + varint(part)
    parts = [long_chunk(*row) for row in ((n, *chunk) for n, chunk in enumerate([*chunks, ("INDX", 0, index)]))]
    trailer = struct.pack("<Q", 24 + sum(map(len, parts[:-1])))
    trailer += struct.pack("<I", crc32(b"".join(part[16:20] for part in parts)))
    return header + b"".join(parts) + trailer + struct.pack("<I", crc32(trailer)) + END


def sparse(fields, size):
    """Bytes of a frame record: eight bits say which of the next eight bytes are not 0."""
    out = bytearray()
    while len(out) < size:
        bits, eight = fields.u8(), min(8, size - len(out))
        need(bits < 2**eight, "bits behind the end of a frame record")
        for i in range(eight):
            byte = fields.u8() if bits >> i & 1 else 0
            need(byte or not bits >> i & 1, "a byte of a frame record that is not 0")
            out.append(byte)
    return bytes(out)


def expand(data):
    """The long form of a compact file (spec 5.1)."""
    fields = Fields(piece(data, 10, min(3, len(data) - 10)))
    if all(byte >= 128 for byte in data[10:13]) and len(data) < 13:
        raise Truncated("the file ends within its header")
    size = fields.varint()
    need(size <= MOST, "length of the chunks")
    start = 10 + len(varint(size))
    piece(data, start, size + 4)
    need(len(data) == start + size + 4, "bytes behind the end")
    need(struct.unpack("<I", data[-4:])[0] == crc32(data[:-4]), "checksum of the file")
    if (data[8] - 128, data[9]) != VERSION:
        raise Unsupported(f"version {data[8] - 128}.{data[9]}")
    fields, chunks = Fields(data[start:-4]), []
    while fields.left():
        head = fields.u8()
        code = head & 15
        need(head < 32 and (code < 8 or code == 15), "head of a chunk")
        name = CODES[code] if code < 8 else fields.take(4).decode("latin-1")
        need(code < 8 or name not in CODES, "letters of a type that has a code")
        size = fields.varint()
        part = fields.varint() if head & 16 else 0
        need(size <= MOST and part < 2**32 and (part or not head & 16), "length or part of a chunk")
        chunks.append((name, part, sparse(fields, size) if name == "FRAM" else fields.take(size)))
    need(chunks, "a compact file without chunks")
    data = long_form(chunks)
    need(len(data) <= MOST, "a compact file of too many bytes")
    return data


def check_header(data):
    if not data.startswith(MAGIC):
        if MAGIC.startswith(data[:8]):
            raise Truncated("the file ends within its header")
        raise Corrupt("not an .srt file")
    header = piece(data, 0, 24)
    major, minor, required, _optional, crc = struct.unpack("<HHIII", header[8:])
    need(crc == crc32(header[:20]), "header checksum")
    if major > VERSION[0] or (major == 0 and minor != VERSION[1]):
        raise Unsupported(f"version {major}.{minor}")
    if required:
        raise Unsupported(f"required features {required:#x}")
    return major, minor


def read_chunk(data, at, number):
    header = piece(data, at, 20)
    name, length, part, payload_crc, header_crc = struct.unpack("<4sIIII", header)
    need(header_crc == crc32(header[:16] + struct.pack("<Q", number)), f"header checksum of chunk {number}")
    need(name.isalpha() and name[2:3].isupper(), "chunk type")
    need(length < 2**31, "chunk length")
    payload = piece(data, at + 20, length)
    need(payload_crc == crc32(payload), f"payload checksum of chunk {number}")
    return Chunk(name.decode("ascii"), part, payload, at, payload_crc, header_crc)


def check_index(chunks, index):
    fields = Fields(index.payload)
    need(fields.varint() == len(chunks), "the index counts other chunks")
    for chunk in chunks:
        code = fields.u8()
        if code == 255:
            name = fields.take(4).decode("latin-1")
        else:
            need(code < len(CODES), "the index has an unknown type code")
            name = CODES[code]
        entry = (name, fields.varint(), fields.varint())
        need(entry == (chunk.type, len(chunk.payload), chunk.part), "the index lies")
    fields.end()


def check_trailer(data, chunks, at):
    trailer = piece(data, at, 24)
    if trailer[16:] != END:
        raise Truncated("end mark")
    offset, headers_crc, crc = struct.unpack("<QII", trailer[:16])
    need(crc == crc32(trailer[:12]), "trailer checksum")
    need(offset == chunks[-1].offset, "offset of the index")
    headers = b"".join(struct.pack("<I", chunk.header_crc) for chunk in chunks)
    need(headers_crc == crc32(headers), "checksum over the headers")
    need(at + 24 == len(data), "bytes behind the trailer")


def read_chunks(data):
    """The chunks of a file in order, `INDX` last; every rule of sections 2, 3 and 5 is checked."""
    if is_compact(data):
        data = expand(data)
    check_header(data)
    chunks, at = [], 24
    while not chunks or chunks[-1].type != "INDX":
        chunk = read_chunk(data, at, len(chunks))
        if chunk.type[0].isupper() and chunk.type not in CODES:
            raise Unsupported(f"critical chunk {chunk.type}")
        chunks.append(chunk)
        at += 20 + len(chunk.payload)
    check_index(chunks[:-1], chunks[-1])
    check_trailer(data, chunks, at)
    return chunks
