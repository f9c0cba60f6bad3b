"""Options of `srt-train fit`: a TOML file, flags over it, and one dataclass that documents both."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

import tomllib

from . import TrainerError
from .arch import Architecture, Residual, Rrdb


def _option(default: Any, text: str) -> Any:
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata={"help": text})
    return field(default=default, metadata={"help": text})


@dataclass
class FitConfig:
    """One training run: one network for `levels`, exported for `export_levels`."""

    recipe: str = _option("default", "default (residual trunk, subbands) or paper (RRDB, WGAN-GP)")
    data: list[str] = _option([], "training files or glob patterns")
    validation: list[str] = _option([], "validation files; empty: the last training file is held out")
    out: str = _option("runs/run", "folder for checkpoints, logs and the trained network")
    variable: str = _option("", "variable inside HDF5, NetCDF and Zarr files")
    shape: list[int] = _option([], "shape of raw files, slowest axis first")
    dtype: str = _option("f32", "type of raw files: f32 or f64")
    levels: list[int] = _option([0], "levels to train on")
    level_weights: list[float] = _option([], "probability of each level; empty: equal")
    export_levels: list[int] = _option([], "first and last level the network serves; empty: that of levels")
    steps: int = _option(4000, "optimiser steps")
    batch: int = _option(4, "crops per step and process")
    crop: int = _option(24, "edge of a crop in low-pass voxels")
    lr: float = _option(2e-2, "peak learning rate")
    warmup: int = _option(50, "steps of linear warm-up")
    optimiser: str = _option("muon", "muon or adam (default recipe)")
    weight_decay: float = _option(0.1, "decay of the trunk's weights per step, times the learning rate (muon)")
    ema: float = _option(0.99, "decay of the averaged weights that are exported")
    energy_weight: float = _option(0.15, "share of plain residual energy in the loss")
    decoded_inputs: float = _option(0.0, "chance that a volume's input is a decoder's, at a random quantisation step")
    condition: bool = _option(False, "tell the network the quantisation step (channel condition; needs decoded_inputs)")
    adversarial_weight: float = _option(0.1, "weight of the WGAN loss (paper recipe; section 5.2)")
    gradient_penalty: float = _option(10.0, "weight of the gradient penalty (paper recipe)")
    critic_steps: int = _option(1, "discriminator steps per generator step (paper recipe)")
    periodic: bool = _option(False, "the boxes are periodic: roll them as augmentation")
    permute_axes: bool = _option(True, "permute axes as augmentation (no direction is special)")
    trim: float = _option(0.15, "chance per axis of an odd or shorter length")
    refresh: int = _option(16, "steps between new rolls and flips of a volume")
    features: int = _option(32, "channels of the trunk")
    blocks: int = _option(3, "residual blocks, or RRDBs")
    growth: int = _option(24, "growth of dense blocks (paper recipe)")
    shortcut_kernel: int = _option(5, "size of the linear shortcut, 0 for none")
    transform: str = _option("cdf97", "cdf97 or haar")
    seed: int = _option(1, "seed of initialisation and sampling")
    validate_every: int = _option(500, "steps between validations")
    patience: int = _option(0, "validations without improvement before stopping; 0: never stop early")
    checkpoint_every: int = _option(500, "steps between checkpoints")
    init: str = _option("", "trained network (float) to start from")
    init_trunk: bool = _option(False, "take only the trunk from `init`; head and shortcut start anew (other levels)")
    device: str = _option("auto", "auto, cpu or cuda")
    threads: int = _option(0, "CPU threads; 0: PyTorch's choice")
    bf16: bool = _option(True, "bf16 autocast")
    tensorboard: bool = _option(False, "write a TensorBoard log into `out`")

    def architecture(self, rank: int) -> Architecture:
        if self.recipe == "paper":
            # Section 5.2 and Fig. 2: mean pooling (Haar), zero padding, slope 0.2 and beta 0.2 as in ESRGAN.
            return Architecture(rank=rank, transform="haar", padding="zero", input_channels=("field",),
                                features=self.features, slope=0.2, trunk=Rrdb(self.blocks, growth=self.growth),
                                head="voxel_shuffle", shortcut_kernel=None)
        channels = ("field", "inside_field", "inside") + (("condition",) if self.condition else ())
        return Architecture(rank=rank, transform=self.transform, input_channels=channels, features=self.features,
                            trunk=Residual(self.blocks), shortcut_kernel=self.shortcut_kernel or None)

    def check(self) -> None:
        """Raises `TrainerError` on a value no run could use."""
        def need(ok: bool, what: str) -> None:
            if not ok:
                raise TrainerError(what)

        need(self.recipe in ("default", "paper"), f"recipe: default or paper expected, {self.recipe!r} found")
        need(self.optimiser in ("muon", "adam"), f"optimiser: muon or adam expected, {self.optimiser!r} found")
        need(bool(self.data), "data: at least one training file is needed")
        need(bool(self.levels) and min(self.levels) >= 0, "levels: numbers from 0 expected")
        need(len(self.level_weights) in (0, len(self.levels)), "level_weights: one per level expected")
        need(len(self.export_levels) in (0, 2), "export_levels: first and last level expected")
        need(self.steps > 0 and self.batch > 0 and self.crop > 0, "steps, batch and crop must be positive")
        need(self.decoded_inputs > 0 or not self.condition, "condition: a network that is told the quantisation step "
             "must meet it, set decoded_inputs")
        need(self.decoded_inputs == 0 or self.recipe != "paper", "decoded_inputs: the paper recipe trains on true inputs")
        need(self.device in ("auto", "cpu", "cuda"), f"device: auto, cpu or cuda expected, {self.device!r} found")

    @property
    def served_levels(self) -> tuple[int, int]:
        return tuple(self.export_levels) if self.export_levels else (min(self.levels), max(self.levels))


def add_flags(parser: argparse.ArgumentParser) -> None:
    """One flag per field; unset flags stay out of the namespace so that the file's value holds."""
    hints = get_type_hints(FitConfig)
    for f in fields(FitConfig):
        flag, kind = "--" + f.name.replace("_", "-"), hints[f.name]
        text = f.metadata["help"]
        if kind is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text)
        elif kind in (list[str], list[int], list[float]):
            parser.add_argument(flag, nargs="*", type=kind.__args__[0], default=argparse.SUPPRESS, help=text)
        else:
            parser.add_argument(flag, type=kind, default=argparse.SUPPRESS, help=text)


def load(path: str | None, flags: dict[str, Any]) -> FitConfig:
    """Configuration from a TOML file (optional) with flags over it."""
    values: dict[str, Any] = {}
    if path:
        try:
            values = tomllib.loads(Path(path).read_text())
        except OSError as error:
            raise TrainerError(f"{path}: {error.strerror}") from error
        except tomllib.TOMLDecodeError as error:
            raise TrainerError(f"{path}: {error}") from error
    hints = get_type_hints(FitConfig)
    for key, value in values.items():
        if key not in hints:
            raise TrainerError(f"{path}: unknown option {key!r}")
        base = getattr(hints[key], "__origin__", hints[key])
        if not isinstance(value, (int, float) if base is float else base):
            raise TrainerError(f"{path}: {key} must be of type {base.__name__}, {value!r} found")
    config = replace(FitConfig(), **{**values, **flags})
    config.check()
    return config
