"""Raw values (spec codecs/lossless)."""

import numpy as np
import zstandard

from .fields import Corrupt, need


def decode(payload, count, size):
    """`count` values of `size` bytes each, as bytes in the order of the volume."""
    need(len(payload) > 0 and payload[0] <= 1, "method")
    body = payload[1:]
    if payload[0] == 0:
        need(len(body) == count * size, "plain values of another length")
        return body
    planes = decompress(body, count * size)
    return np.frombuffer(planes, np.uint8).reshape(size, count).T.tobytes()


def decompress(body, expected):
    """Exactly one zstd frame of `expected` bytes; stops soon after more have come."""
    need(body[:4] == b"\x28\xb5\x2f\xfd", "not a zstd frame")
    try:
        need(zstandard.get_frame_parameters(body).dict_id == 0, "a frame with a dictionary")
        decoder = zstandard.ZstdDecompressor(max_window_size=1 << 23).decompressobj()
        out = bytearray()
        for at in range(0, len(body), 64):
            need(not decoder.eof, "bytes behind the frame")
            out += decoder.decompress(body[at : at + 64])
            need(len(out) <= expected, "more values than expected")
    except zstandard.ZstdError as error:
        raise Corrupt(str(error)) from None
    need(decoder.eof and not decoder.unused_data, "not exactly one frame")
    need(len(out) == expected, "fewer values than expected")
    return bytes(out)
