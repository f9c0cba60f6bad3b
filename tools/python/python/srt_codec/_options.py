"""Keyword arguments of everything that encodes, checked in one place."""

from collections.abc import Callable
from typing import Any

from . import _native

BOUNDS = ("psnr", "ssim", "max_error", "rel_error", "ratio")

#: Steps from one that is coded by itself to the next, in files that are written step by step.
KEY_INTERVAL = _native.KEY_INTERVAL

#: Called after each pass of a search with the number of passes and the quality of the last.
Progress = Callable[[int, float], object]


def the_bound(options: dict[str, Any]) -> tuple[str, float]:
    """Takes the only bound out of `options`.

    Raises
    ------
    TypeError
        For none and for several.
    """
    given = [(name, options.pop(name)) for name in BOUNDS if name in options]
    given = [(name, value) for name, value in given if value is not None]
    if len(given) != 1:
        found = ", ".join(name for name, _ in given) or "none"
        raise TypeError(f"exactly one of {', '.join(BOUNDS)} expected, {found} found")
    name, value = given[0]
    return name, float(value)


def native(
    bound: tuple[str, float],
    *,
    field: str = "",
    unit: str = "",
    periodic: str = "auto",
    mask_value: float | None = None,
    range: tuple[float, float] | None = None,  # noqa: A002
    model: str = "default",
    form: str = "auto",
    plan: str = "auto",
    effort: int = 5,
    memory: int | None = None,
    frames: int = 1,
    key_interval: int = 1,
    threads: int | None = None,
    device: str = "auto",
    progress: Progress | bool | None = None,
) -> dict[str, Any]:
    """What the extension module takes.

    Raises
    ------
    ValueError
        For a device that this build does not have.
    """
    if device not in ("auto", "cpu"):
        raise ValueError(f"device 'auto' or 'cpu' expected, {device!r} found: this build has no other")
    return {
        "bound": bound,
        "field": field,
        "unit": unit,
        "periodic": periodic or "none",
        "mask_value": None if mask_value is None else float(mask_value),
        "range": None if range is None else (float(range[0]), float(range[1])),
        "model": model,
        "form": form,
        "plan": plan,
        "effort": effort,
        "memory": memory,
        "frames": frames,
        "key_interval": key_interval,
        "threads": threads,
        "progress": passes_bar() if progress is True else progress or None,
    }


def passes_bar() -> Progress | None:
    """A bar of passes by tqdm; nothing where that is not installed."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    bar = tqdm(desc="passes", unit="pass")

    def tell(passes: int, quality: float) -> None:
        bar.set_postfix(quality=f"{quality:.4g}")
        bar.update(max(0, passes - bar.n))

    return tell
