"""The three data sets `srt-train turbulence` makes: what is simulated, when it is saved, under which name."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from .. import TrainerError
from .backend import make_backend
from .box import Box
from .flow2d import Flow2D, random_vorticity
from .flow3d import Flow3D, random_blobs, viscosity_for
from .march import advance


@dataclass(frozen=True)
class Case:
    """One simulation. Times are in units of length over velocity."""

    name: str  # iso3d, mixing3d or iso2d
    n: int
    seed: int
    times: tuple[float, ...]  # when training snapshots are saved
    test_times: tuple[float, ...] = ()  # later ones, saved as test files
    k_max_eta: float = 1.45  # iso3d: resolution of the steady state
    power: float = 0.5  # iso3d: power put into the large scales
    viscosity: float = 0.0  # mixing3d, iso2d; 0: the case's default
    gravity: float = 1.0  # mixing3d
    k_low: float = 1.5  # mixing3d: band of the initial blobs
    k_high: float = 3.0
    k0: float = 16.0  # iso2d: scale of the initial vorticity
    cfl: float = 1.25
    backend: str = "scipy"
    threads: int = 1
    precision: str = "single"


DEFAULTS = {
    "iso3d": Case("iso3d", 128, 20240501, (2.4, 3.0, 3.6, 4.2, 4.8, 5.4), (6.6,)),
    "mixing3d": Case("mixing3d", 128, 20240601, (2.5, 3.5, 4.5), (6.5,), viscosity=0.0075),
    "iso2d": Case("iso2d", 1024, 20240701, tuple(round(0.4 + 0.1 * i, 1) for i in range(12)), (1.8, 2.2), viscosity=1e-4),
}


def case(name: str, **changes: object) -> Case:
    if name not in DEFAULTS:
        raise TrainerError(f"case: one of {', '.join(DEFAULTS)} expected, {name!r} found")
    out = replace(DEFAULTS[name], **{k: v for k, v in changes.items() if v is not None})
    if out.n < 8 or out.n % 2:
        raise TrainerError(f"n: an even number from 8 expected, {out.n} found")
    if list(out.times + out.test_times) != sorted(out.times + out.test_times):
        raise TrainerError("times must ascend, test times after training times")
    return out


def generate(c: Case, out: Path, prefix: str = "", report: Callable[[str], None] = partial(print, flush=True)) -> list[Path]:
    """Runs the simulation and saves binary32 `.npy` snapshots with a line each in `manifest.jsonl`."""
    prefix = prefix or f"{c.name}_{c.n}"
    out.mkdir(parents=True, exist_ok=True)
    box = Box(c.n, 2 if c.name == "iso2d" else 3, make_backend(c.backend, c.precision, c.threads))
    if c.name == "iso2d":
        flow = Flow2D(box, c.viscosity)
        q = random_vorticity(box, c.seed, c.k0)
        field = flow.magnitude
    elif c.name == "iso3d":
        flow = Flow3D(box, viscosity_for(c.k_max_eta, box.k_max, c.power), power=c.power)
        q = box.random_solenoidal(c.seed, k0=3.0, rms=1.0)
        field = flow.magnitude
    else:
        flow = Flow3D(box, c.viscosity, gravity=c.gravity)
        blobs = random_blobs(box, c.seed, c.k_low, c.k_high)
        q = box.backend.stack([0 * blobs, 0 * blobs, 0 * blobs, blobs])
        field = flow.pressure
    saved, t, started = [], 0.0, time.time()
    targets = [(time_, f"train_{i + 1:02d}") for i, time_ in enumerate(c.times)]
    targets += [(time_, f"test_{i + 1:02d}") for i, time_ in enumerate(c.test_times)]

    def progress(now: float, dt: float, step: int) -> None:
        if step % 50 == 0:
            report(f"{prefix} t {now:.3f} dt {dt:.4f} {(time.time() - started):.0f} s")

    for target, tag in targets:
        q = advance(flow, q, t, target, c.cfl, progress=progress)
        t = target
        statistics = flow.statistics(q)
        path = out / f"{prefix}_{tag}.npy"
        np.save(path, np.ascontiguousarray(field(q), np.float32))
        record = {"file": path.name, "t": t, **asdict(c), "viscosity": flow.viscosity, **statistics}
        with open(out / "manifest.jsonl", "a") as f:
            f.write(json.dumps(record) + "\n")
        shown = ("re_lambda", "k_max_eta", "skewness", "kurtosis", "energy")
        report(f"saved {path.name} t {t:.3f} " + " ".join(f"{k} {statistics[k]:.3f}" for k in shown if k in statistics))
        saved.append(path)
    return saved
