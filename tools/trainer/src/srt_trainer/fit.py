"""The training loop: data, schedule, validation, checkpoints, logs. What is optimised is the recipe's business."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from . import TrainerError, volumes
from .config import FitConfig
from .distributed import Processes, seed_everything, start
from .hierarchy_file import FloatNetwork, hash_files, load_float, save_float
from .model import Generator, memory_format, start_from
from .pyramid import decompose, normalise
from .recipes import Recipe
from .recipes.default import DefaultRecipe
from .sampling import DECODED_LEVELS, CropSampler, SamplerOptions
from .shortcut import fit_shortcut
from .validate import validate

CHECKPOINT, NETWORK, LOG = "checkpoint.pt", "network.safetensors", "log.jsonl"


def fit(config: FitConfig) -> dict[str, Any]:
    """Trains one network and writes `network.safetensors` into `config.out`; returns the best validation."""
    config.check()
    if config.threads:
        torch.set_num_threads(config.threads)
    processes = start(config.device)
    try:
        return _Run(config, processes).run()
    finally:
        processes.close()


def learning_rate(config: FitConfig, step: int) -> float:
    """Linear warm-up, then half a cosine to zero."""
    warm = min(1.0, (step + 1) / max(config.warmup, 1))
    return config.lr * warm * 0.5 * (1 + math.cos(math.pi * step / config.steps))


class _Run:
    def __init__(self, config: FitConfig, processes: Processes) -> None:
        self.config, self.processes = config, processes
        self.out = Path(config.out)
        self.out.mkdir(parents=True, exist_ok=True)
        files = volumes.expand(config.data)
        held_out = volumes.expand(config.validation) if config.validation else files[-1:] if len(files) > 1 else []
        # A file given in both lists is a mistake we can mend; silently validating on training data is not.
        files = [f for f in files if f not in held_out]
        if not files:
            raise TrainerError("no training file is left beside the validation files")
        self.hash = hash_files(files)
        training = [self._read(f) for f in files]
        rank = training[0].ndim
        seed_everything(config.seed)
        self.arch = config.architecture(rank)
        # Conditioned networks meet inputs at every quantisation step, which come from levels coarser than their own.
        depth = max(config.levels) + 1
        depth = max(depth, DECODED_LEVELS) if config.condition else depth
        self.pyramids = [decompose(self._read(f), depth, self.arch.transform) for f in held_out]
        options = SamplerOptions(tuple(config.levels), tuple(config.level_weights or [1.0] * len(config.levels)),
                                 config.crop, config.batch, config.periodic, config.permute_axes, config.trim,
                                 config.refresh, config.decoded_inputs)
        self.sampler = CropSampler(training, self.arch, options, config.seed, processes.rank)
        self.recipe = self._recipe()
        self.best, self.since_best, self.step, self.seconds = math.inf, 0, 0, 0.0

    def _read(self, path: Path) -> np.ndarray:
        c = self.config
        try:
            return normalise(volumes.read(path, c.variable, c.shape, c.dtype))
        except ValueError as error:
            raise TrainerError(f"{path}: {error}") from error

    def _recipe(self) -> Recipe:
        c, device = self.config, self.processes.device
        model = Generator(self.arch)
        if c.init:
            try:
                start_from(model, load_float(c.init).model, trunk_only=c.init_trunk)
            except ValueError as error:
                raise TrainerError(f"{c.init}: {error}") from error
        if not c.init or c.init_trunk:
            fit_shortcut(model, self.sampler)
        model = model.to(device, memory_format=memory_format(self.arch.rank))
        if c.recipe == "paper":
            from .recipes.paper import PaperRecipe

            return PaperRecipe(model, c, device, self.processes.wrap)
        return DefaultRecipe(model, c, device, self.processes.wrap)

    def run(self) -> dict[str, Any]:
        self._resume()
        board = _board(self.out) if self.config.tensorboard and self.processes.first else None
        last: dict[str, float] = {}
        started = time.time() - self.seconds
        bar = tqdm(total=self.config.steps, initial=self.step, disable=not self.processes.first, unit="step")
        while self.step < self.config.steps:
            batch = self.sampler.batch(self.step).to(self.processes.device)
            lr = learning_rate(self.config, self.step)
            metrics = self.recipe.step(batch, lr)
            self.step += 1
            bar.update()
            bar.set_postfix({k: f"{v:.4f}" for k, v in metrics.items()}, refresh=False)
            if board:
                for k, v in {**metrics, "lr": lr}.items():
                    board.add_scalar(f"train/{k}", v, self.step)
            self.seconds = time.time() - started
            ends = self.step == self.config.steps
            stop = False
            if (self.step % self.config.validate_every == 0 or ends) and self.processes.first:
                last = self._validate(metrics, board)
                stop = 0 < self.config.patience <= self.since_best
            if (self.step % self.config.checkpoint_every == 0 or ends) and self.processes.first:
                self._checkpoint()
            if self.processes.agree(stop):
                break
        bar.close()
        return last

    def _validate(self, metrics: dict[str, float], board: Any) -> dict[str, float]:
        model = self.recipe.exported()
        scores = validate(model, self.pyramids, self.config.levels, self.processes.device) if self.pyramids else {}
        score = scores.get("score", metrics["loss"])
        improved = score < self.best
        self.since_best = 0 if improved else self.since_best + 1
        if improved or not self.config.patience:
            # Without early stop the last weights are the result: the schedule has annealed them.
            self.best = min(score, self.best)
            self._save(model, scores)
        record = {"step": self.step, "seconds": round(self.seconds, 1), **metrics, **scores}
        with open(self.out / LOG, "a") as f:
            f.write(json.dumps(record) + "\n")
        tqdm.write(" ".join(f"{k} {v:.5g}" if isinstance(v, float) else f"{k} {v}" for k, v in record.items()))
        if board:
            for k, v in scores.items():
                board.add_scalar(f"validation/{k}", v, self.step)
        return record

    def _save(self, model: Generator, scores: dict[str, float]) -> None:
        recorded = {k: v for k, v in asdict(self.config).items() if k not in ("data", "validation", "out", "init")}
        # No times and no paths: the same run gives the same bytes anywhere.
        training = {"config": recorded, "steps": self.step, "validation": scores}
        low, high = self.config.served_levels
        save_float(self.out / NETWORK, FloatNetwork(model, low, high, self.hash, training))

    def _checkpoint(self) -> None:
        state = {"recipe": self.recipe.state_dict(), "step": self.step, "best": self.best,
                 "since_best": self.since_best, "seconds": self.seconds, "config": asdict(self.config)}
        temporary = self.out / (CHECKPOINT + ".tmp")
        torch.save(state, temporary)
        temporary.replace(self.out / CHECKPOINT)

    def _resume(self) -> None:
        path = self.out / CHECKPOINT
        if not path.exists():
            return
        state = torch.load(path, map_location=self.processes.device, weights_only=True)
        changed = {k for k, v in asdict(self.config).items()
                   if state["config"].get(k) != v and k not in ("out", "device", "threads", "tensorboard")}
        if changed:
            raise TrainerError(f"{path} belongs to a run with other options ({', '.join(sorted(changed))}); "
                               "choose another --out or delete it")
        self.recipe.load_state_dict(state["recipe"])
        self.step, self.best, self.since_best, self.seconds = (
            state["step"], state["best"], state["since_best"], state["seconds"])


def _board(out: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise TrainerError("the TensorBoard log needs: pip install 'srt-trainer[log]'") from error
    return SummaryWriter(str(out))
