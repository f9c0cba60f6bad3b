"""Which blocks of details are stored (spec 4.6, codecs/ctx 5)."""

from itertools import product

import numpy as np

from .bits import RangeDecoder, state
from .fields import need


def decode(payload, levels):
    """Per level (finest first) an array of its nodes, true where stored."""
    bits = RangeDecoder(payload)
    trees = [None] * len(levels)
    for number in reversed(range(len(levels))):
        level = levels[number]
        nodes = np.zeros([-(-n // 8) for n in level.low], bool)
        parents = trees[number + 1] if number + 1 < len(levels) else None
        halves = levels[number + 1].split if parents is not None else None
        states = [state() for _ in range(4)]
        for node in product(*map(range, nodes.shape)):
            if parents is not None:
                parent = tuple(i // 2 if half else i for i, half in zip(node, halves))
                if not parents[parent]:
                    continue
            context = 0
            for axis in range(3):
                if node[axis] > 0:
                    before = tuple(i - (a == axis) for a, i in enumerate(node))
                    context += int(nodes[before])
            nodes[node] = bits.bit(states[context])
        trees[number] = nodes
    bits.end()
    return trees
