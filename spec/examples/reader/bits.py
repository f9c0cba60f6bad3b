"""Range coder and adaptive bits (spec codecs/ctx 1 and 2)."""

from .fields import need

HALF = 1 << 19


def state():
    """An adaptive bit that is not started otherwise: [fast, slow, seen]."""
    return [HALF, HALF, 0]


def started(probability, trust):
    """An adaptive bit with a start value (codecs/ctx 3)."""
    return [probability << 4, probability << 4, trust]


def moved(estimate, bit, rate):
    if bit:
        return estimate + ((((1 << 20) - estimate) * rate) >> 12)
    return estimate - ((estimate * rate) >> 12)


def rate(seen, floor):
    return max(8192 // (2 * seen + 3), 4096 // floor)


class RangeDecoder:
    def __init__(self, data):
        self.data = data
        self.position = 0
        self.range = 0xFFFFFFFF
        self.code = 0
        for _ in range(4):
            self.code = self.code << 8 | self.byte()

    def byte(self):
        self.position += 1
        return self.data[self.position - 1] if self.position <= len(self.data) else 0

    def normalise(self):
        while self.range < 1 << 24:
            self.range <<= 8
            self.code = (self.code << 8 | self.byte()) & 0xFFFFFFFF

    def coded(self, probability):
        bound = (self.range >> 16) * probability
        if self.code < bound:
            self.range = bound
            bit = 1
        else:
            self.code -= bound
            self.range -= bound
            bit = 0
        self.normalise()
        return bit

    def raw(self, count=1):
        value = 0
        while count > 0:
            taken = min(count, 8)
            count -= taken
            self.range >>= taken
            part = min(self.code // self.range, (1 << taken) - 1)
            self.code -= part * self.range
            self.normalise()
            value = value << taken | part
        return value

    def bit(self, s):
        """One adaptive bit; moves its state."""
        fast, slow, seen = s
        bit = self.coded(min(max((fast + slow) >> 5, 24), 65512))
        s[0] = moved(fast, bit, rate(seen, 32))
        s[1] = moved(slow, bit, rate(seen, 256))
        s[2] = min(seen + 1, 255)
        return bit

    def sign(self, s):
        """One bit of a sign state: one rate, held within 1 and 99 %."""
        fast, slow, seen = s
        bit = self.coded(min(max((fast + slow) >> 5, 24), 65512))
        s[1] = min(max(moved(slow, bit, rate(seen, 128)), 10485), 1038091)
        s[0] = s[1]
        s[2] = min(seen + 1, 255)
        return bit

    def end(self, exact=True):
        """Checks that the payload ends where its last bit needs it to."""
        length = len(self.data)
        need(self.position <= length + 4, "the stream ends early")
        if exact:
            need(self.position >= length, "bytes behind the stream")
            spare = length > 0 and self.data[-1] == 0 and self.position < length + 4
            need(not spare, "the stream ends with a zero byte")
