"""Bytes to chunks: header, chunks, index, trailer (spec 2, 3, 5). A forward reader."""

import struct
from dataclasses import dataclass
from zlib import crc32

from .fields import Corrupt, Fields, Truncated, Unsupported, need

MAGIC = b"\x89SRT\r\n\x1a\n"
END = b"SRTEND\r\n"
VERSION = (0, 3)
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
