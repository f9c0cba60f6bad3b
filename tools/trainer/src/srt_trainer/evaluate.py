"""PSNR and SSIM per scale factor, as a table and as the paper's Fig. 5."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import TrainerError
from .arch import Architecture, Residual
from .baselines import interpolate, low_pass, mean_pool
from .hierarchy_file import FloatNetwork, Hierarchy
from .metrics import psnr, ssim
from .model import Generator
from .pyramid import normalise
from .sampling import CropSampler, SamplerOptions
from .shortcut import fit_shortcut
from .upscale import Upscaler, floating, quantised, super_resolve


@dataclass(frozen=True)
class Row:
    """One method at one scale factor on one volume."""

    volume: str
    method: str
    factor: int
    psnr_db: float
    ssim: float


def best_linear(training: list[np.ndarray], levels: int, kernel: int = 7, transform: str = "cdf97") -> Upscaler:
    """Least-squares linear prediction of the subbands, one filter per level (a Wiener filter of finite support)."""
    rank = training[0].ndim
    arch = Architecture(rank=rank, transform=transform, input_channels=("field",), features=1, trunk=Residual(0),
                        shortcut_kernel=kernel)
    networks = []
    for level in range(levels):
        model = Generator(arch).eval()
        options = SamplerOptions((level,), (1.0,), crop=16 if rank == 3 else 48, batch=8, trim=0.0, refresh=4)
        fit_shortcut(model, CropSampler([normalise(v) for v in training], arch, options, seed=0), batches=32)
        model.convolution("head").weight.data.zero_()
        networks.append(FloatNetwork(model, level, level))
    return floating(networks)


def evaluate(name: str, volume: np.ndarray, levels: int, methods: dict[str, tuple[Upscaler, str]]) -> list[Row]:
    """All baselines and `methods` (upscaler and transform by name) at 2x .. 2^levels x."""
    x = normalise(volume)
    rows = []

    def add(method: str, factor: int, y: np.ndarray) -> None:
        rows.append(Row(name, method, factor, psnr(x, y), ssim(x, y)))

    for level in range(1, levels + 1):
        factor = 2**level
        if all(n % factor == 0 for n in x.shape):
            pooled = mean_pool(x.astype(np.float64), factor)
            for label, order in (("nearest", 0), ("linear", 1), ("cubic", 3)):
                add(label, factor, interpolate(pooled, factor, order))
        add("9/7 low-pass", factor, low_pass(x, level))
        for label, (upscaler, transform) in methods.items():
            add(label, factor, super_resolve(x, level, upscaler, transform))
    return rows


def hierarchy_methods(label: str, hierarchy: Hierarchy | None, networks: list[FloatNetwork]
                      ) -> dict[str, tuple[Upscaler, str]]:
    out: dict[str, tuple[Upscaler, str]] = {}
    if networks:
        out[f"{label} float"] = (floating(networks), networks[0].model.arch.transform)
    if hierarchy:
        out[label] = (quantised(hierarchy), hierarchy.networks[0].arch.transform)
    return out


def markdown(rows: list[Row]) -> str:
    """A table per volume: methods down, factors across, `PSNR / SSIM` in the cells."""
    out = []
    for volume in dict.fromkeys(r.volume for r in rows):
        mine = [r for r in rows if r.volume == volume]
        factors = sorted({r.factor for r in mine})
        out += [f"| {volume} | " + " | ".join(f"{f}x" for f in factors) + " |", "|---" * (len(factors) + 1) + "|"]
        for method in dict.fromkeys(r.method for r in mine):
            cells = {r.factor: f"{r.psnr_db:.2f} / {r.ssim:.4f}" for r in mine if r.method == method}
            out.append(f"| {method} | " + " | ".join(cells.get(f, "") for f in factors) + " |")
        out.append("")
    return "\n".join(out)


def plot(rows: list[Row], path: Path) -> None:
    """Solid lines PSNR, dashed lines SSIM, one panel per volume (paper, Fig. 5)."""
    try:
        import matplotlib
    except ImportError as error:
        raise TrainerError("plots need matplotlib: pip install 'srt-trainer[plot]'") from error
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(r.volume for r in rows))
    figure, axes = plt.subplots(1, len(names), figsize=(5.5 * len(names), 4), squeeze=False)
    for axis, name in zip(axes[0], names):
        twin = axis.twinx()
        for i, method in enumerate(dict.fromkeys(r.method for r in rows if r.volume == name)):
            mine = sorted((r for r in rows if r.volume == name and r.method == method), key=lambda r: r.factor)
            factors = [r.factor for r in mine]
            axis.plot(factors, [r.psnr_db for r in mine], "o-", color=f"C{i}", label=method)
            twin.plot(factors, [r.ssim for r in mine], "o--", color=f"C{i}", alpha=0.5)
        axis.set(title=name, xlabel="scale factor", ylabel="PSNR [dB], solid", xscale="log", xticks=factors,
                 xticklabels=[f"{f}x" for f in factors])
        axis.tick_params(axis="x", which="minor", labelbottom=False)
        twin.set_ylabel("SSIM, dashed")
        axis.legend(fontsize="small")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)
