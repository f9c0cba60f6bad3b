"""Several processes under `torchrun`, or one without it."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import distributed as dist
from torch import nn

from . import TrainerError


@dataclass(frozen=True)
class Processes:
    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """DistributedDataParallel where there is more than one process."""
        if self.count == 1:
            return model
        ids = [self.device.index] if self.device.type == "cuda" else None
        # The critic runs twice before one backward pass: buffers must not be overwritten in between.
        return nn.parallel.DistributedDataParallel(model, device_ids=ids, broadcast_buffers=False)

    def agree(self, flag: bool) -> bool:
        """The first process's decision, so that all leave the loop at the same step."""
        if self.count == 1:
            return flag
        t = torch.tensor([int(flag)], device=self.device)
        dist.broadcast(t, 0)
        return bool(t.item())

    def close(self) -> None:
        if self.count > 1:
            dist.destroy_process_group()


def start(device: str) -> Processes:
    """Reads torchrun's environment and joins its group; `device` is auto, cpu or cuda."""
    count, rank, local = (int(os.environ.get(k, d)) for k, d in (("WORLD_SIZE", 1), ("RANK", 0), ("LOCAL_RANK", 0)))
    cuda = torch.cuda.is_available() if device == "auto" else device == "cuda"
    if cuda and not torch.cuda.is_available():
        raise TrainerError("device cuda asked for, but PyTorch finds none")
    where = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(where)
    if count > 1:
        dist.init_process_group("nccl" if cuda else "gloo")
    return Processes(rank, count, where)


def seed_everything(seed: int) -> None:
    torch.manual_seed(seed)
    torch.backends.cudnn.benchmark = False


