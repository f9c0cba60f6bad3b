#!/usr/bin/env python3
"""The networks of gpu-check's benchmark in PyTorch (cuDNN), to set beside its table.

Channels last, bfloat16 by autocast, the same multiply-accumulates; CUDA events, median of the calls. Needs PyTorch with CUDA:

    PYTHONPATH=tools/trainer/src python3 tools/gpu-check/pytorch_speed.py [--device cuda] [--edge 128]
"""

import argparse
import statistics
import sys
import time

try:
    import torch
    from srt_trainer.arch import Architecture, Rrdb
    from srt_trainer.model import Generator, memory_format
except ImportError as error:
    sys.exit(f"left out: {error}")

CALLS = 7
NETWORKS = {
    "default 3-D": Architecture(),
    "paper 3-D": Architecture(
        transform="haar", padding="zero", input_channels=("field",), features=96, slope=0.2, trunk=Rrdb(),
        head="voxel_shuffle", shortcut_kernel=None,
    ),
}


def macs(arch: Architecture) -> int:
    """Multiply-accumulates per input voxel."""

    def fine(name: str) -> int:
        return 2**arch.rank if arch.head == "voxel_shuffle" and name in ("refine", "head") else 1

    return sum(fine(la.name) * la.inputs * la.outputs * la.kernel**arch.rank for la in arch.layers())


def seconds(call, device: torch.device) -> float:
    if device.type != "cuda":
        start = time.perf_counter()
        call()
        return time.perf_counter() - start
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    call()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1e3


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--edge", type=int, default=128, help="edge of the coarse grid")
    args = parser.parse_args()
    device = torch.device(args.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        sys.exit("left out: PyTorch finds no GPU")
    torch.backends.cudnn.benchmark = True
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"PyTorch {torch.__version__}, {name}, bfloat16, channels last")
    for title, arch in NETWORKS.items():
        model = Generator(arch).to(device, memory_format=memory_format(arch.rank))
        # Extended inputs lose a margin: made wider, so that the output has the edge asked for.
        edge = args.edge + (2 * arch.radius if arch.padding == "extend" else 0)
        x = torch.randn(1, len(arch.input_channels), *[edge] * arch.rank, device=device)
        x = x.contiguous(memory_format=memory_format(arch.rank))
        with torch.autocast(device.type, torch.bfloat16):
            seconds(lambda: model(x), device)  # cuDNN chooses its kernels, weights are converted
            median = statistics.median(seconds(lambda: model(x), device) for _ in range(CALLS))
        voxels = args.edge**arch.rank
        print(
            f"{title}, {args.edge}^3 to {2 * args.edge}^3: {median:.4f} s, "
            f"{voxels * 2**arch.rank * 4 / median / 1e9:.2f} GB/s of f32, "
            f"{2 * macs(arch) * voxels / median / 1e12:.1f} TFLOPS"
        )


if __name__ == "__main__":
    main()
