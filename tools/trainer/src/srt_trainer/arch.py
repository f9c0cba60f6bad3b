"""Architecture of one network, its layers and its JSON form (spec/networks.md section 6)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from . import TrainerError

#: Input channels in the order of the record's bits (spec section 3).
CHANNELS = ("field", "inside_field", "inside", "condition")


@dataclass(frozen=True)
class Residual:
    """Plain residual trunk: `blocks` times `x + leaky(conv3(x))`."""

    blocks: int
    kind: str = "residual"


@dataclass(frozen=True)
class Rrdb:
    """Residual-in-residual dense blocks; the defaults are the paper's (sections 4.1.1 and 5.2)."""

    blocks: int = 3
    dense_blocks: int = 3
    convolutions: int = 5
    growth: int = 24
    beta: float = 0.2
    kind: str = "rrdb"


@dataclass(frozen=True)
class Layer:
    """One convolution: `activation` is LeakyReLU, `role` decides how its result leaves the accumulator."""

    name: str
    kernel: int
    inputs: int
    outputs: int
    activation: bool = False
    role: str = "inner"  # inner (requantised), head or shortcut (scaled to binary32)


@dataclass(frozen=True)
class Architecture:
    """Everything but the weights. Field names are those of the JSON in the weight file."""

    rank: int = 3
    transform: str = "cdf97"
    padding: str = "extend"
    input_channels: tuple[str, ...] = ("field", "inside_field", "inside")
    input_scale: float = 2048.0
    features: int = 32
    input_kernel: int = 3
    slope: float = 0.1
    trunk: Residual | Rrdb = Residual(3)
    head: str = "subbands"
    shortcut_kernel: int | None = 5

    def __post_init__(self) -> None:
        def check(ok: bool, what: str) -> None:
            if not ok:
                raise TrainerError(f"architecture: {what}")

        check(self.rank in (2, 3), f"rank 2 or 3 expected, {self.rank} found")
        check(self.transform in ("cdf97", "haar"), f"transform cdf97 or haar expected, {self.transform!r} found")
        check(self.padding in ("extend", "zero"), f"padding extend or zero expected, {self.padding!r} found")
        check(self.head in ("subbands", "voxel_shuffle"), f"unknown head {self.head!r}")
        order = [c for c in CHANNELS if c in self.input_channels]
        check(bool(order) and tuple(order) == tuple(self.input_channels),
              f"input channels {list(self.input_channels)} are not a subset of {list(CHANNELS)} in that order")
        check(self.features >= 1 and self.trunk.blocks >= 0, "features and blocks must be positive")
        for kernel in (self.input_kernel, self.shortcut_kernel or 1):
            check(kernel in (1, 3, 5, 7, 9), f"kernel sizes are 1, 3, 5, 7 or 9, {kernel} found")
        if self.shortcut_kernel is not None:
            check(self.head == "subbands", "a shortcut goes with the subbands head only")
            check(self.shortcut_inputs > 0, "a shortcut needs the channel field or inside_field")
        check(0 < self.input_scale <= 32767, f"input_scale from 0 to 32767 expected, {self.input_scale} found")
        check(0 <= self.slope <= 1, f"slope from 0 to 1 expected, {self.slope} found")

    @property
    def subbands(self) -> int:
        return 2**self.rank - 1

    @property
    def shortcut_inputs(self) -> int:
        return sum(c in ("field", "inside_field") for c in self.input_channels)

    @property
    def outputs(self) -> int:
        return self.subbands if self.head == "subbands" else 1

    @property
    def radius(self) -> int:
        """Receptive radius in input voxels; the three fine voxels behind a voxel shuffle count as two."""
        inner = [layer for layer in self.layers() if layer.role == "inner" and layer.name != "refine"]
        radius = sum(layer.kernel // 2 for layer in inner)
        if self.head == "voxel_shuffle":
            radius += 2
        return max(radius, (self.shortcut_kernel or 1) // 2)

    def layers(self) -> list[Layer]:
        """All convolutions in the order of the spec's table (section 6)."""
        f, t = self.features, self.trunk
        dense = t.kind == "rrdb"
        out = [Layer("input", self.input_kernel, len(self.input_channels), f, activation=not dense)]
        for b in range(t.blocks):
            if not dense:
                out.append(Layer(f"block{b}", 3, f, f, activation=True))
                continue
            for d in range(t.dense_blocks):
                for k in range(t.convolutions):
                    last = k == t.convolutions - 1
                    out.append(Layer(f"block{b}.dense{d}.conv{k}", 3, f + k * t.growth,
                                     f if last else t.growth, activation=not last))
        if dense:
            out.append(Layer("trunk_end", 3, f, f))
        if self.head == "voxel_shuffle":
            out.append(Layer("shuffle", 3, f, 2**self.rank * f, activation=True))
            out.append(Layer("refine", 3, f, f, activation=True))
            out.append(Layer("head", 5, f, 1, role="head"))
        else:
            out.append(Layer("head", 1, f, self.subbands, role="head"))
        if self.shortcut_kernel is not None:
            out.append(Layer("shortcut", self.shortcut_kernel, self.shortcut_inputs, self.subbands, role="shortcut"))
        return out

    def parameters(self) -> int:
        return sum((layer.inputs * layer.kernel**self.rank + 1) * layer.outputs for layer in self.layers())

    def with_(self, **changes: Any) -> Architecture:
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        out = asdict(self)
        out["input_channels"] = list(self.input_channels)
        kind = out["trunk"].pop("kind")
        out["trunk"] = {"kind": kind, **out["trunk"]}
        return out

    @staticmethod
    def from_json(data: dict[str, Any]) -> Architecture:
        """Raises `TrainerError` on a missing, unknown or ill-typed entry."""
        data = {k: v for k, v in data.items() if k not in ("min_level", "max_level")}
        unknown = set(data) - {f.name for f in fields(Architecture)}
        if unknown:
            raise TrainerError(f"architecture: unknown entries {sorted(unknown)}")
        try:
            trunk = dict(data.pop("trunk", {"kind": "residual", "blocks": 3}))
            kind = trunk.pop("kind")
            if kind not in ("residual", "rrdb"):
                raise TrainerError(f"architecture: unknown trunk {kind!r}")
            data["trunk"] = Residual(**trunk) if kind == "residual" else Rrdb(**trunk)
            if "input_channels" in data:
                data["input_channels"] = tuple(data["input_channels"])
            return Architecture(**data)
        except (KeyError, TypeError) as error:
            raise TrainerError(f"architecture: {error}") from error


def unit(rank: int, level: int) -> float:
    """`unit(l)`: orthonormal low-pass coefficients of level `l + 1` divided by it have the field's scale."""
    return 2.0 ** (rank * (level + 1) / 2)
