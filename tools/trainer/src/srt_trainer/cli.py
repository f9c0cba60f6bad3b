"""`srt-train`: one function per command; each imports what it needs, so that `--help` is quick."""

from __future__ import annotations

import argparse
import json
import sys

from . import TrainerError, __version__


def _fit(args: argparse.Namespace) -> None:
    from . import config, fit

    flags = {k: v for k, v in vars(args).items() if k not in ("command", "run", "config")}
    fit.fit(config.load(args.config, flags))


def _export(args: argparse.Namespace) -> None:
    from . import volumes
    from .export import compare, export
    from .hierarchy_file import load_float, save_hierarchy

    networks = [load_float(p) for p in args.networks]
    calibration = [volumes.read(p, args.variable) for p in volumes.expand(args.calibration)]
    hierarchy = export(networks, calibration, args.name)
    digest = save_hierarchy(args.out, hierarchy)
    print(f"{args.out} sha256 {digest}")
    for path in volumes.expand(args.check) if args.check else []:
        for loss in compare(networks, hierarchy, volumes.read(path, args.variable)):
            print(f"{path.name} level {loss.level}: residual energy float {loss.float_fraction:.4f} "
                  f"quantised {loss.quantised_fraction:.4f}, loss {loss.loss_db:+.4f} dB")


def _evaluate(args: argparse.Namespace) -> None:
    from pathlib import Path

    from . import volumes
    from .evaluate import best_linear, evaluate, hierarchy_methods, markdown, plot
    from .hierarchy_file import load_float, load_hierarchy

    methods = {}
    if args.train:
        training = [volumes.read(p, args.variable) for p in volumes.expand(args.train)]
        methods["best linear"] = (best_linear(training, args.levels), "cdf97")
    for path in args.model:
        hierarchy = load_hierarchy(path)
        methods.update(hierarchy_methods(hierarchy.name, hierarchy, []))
    if args.networks:
        methods.update(hierarchy_methods("trained", None, [load_float(p) for p in args.networks]))
    rows = []
    for path in volumes.expand(args.volumes):
        rows += evaluate(path.stem, volumes.read(path, args.variable), args.levels, methods)
        print(markdown([r for r in rows if r.volume == path.stem]), flush=True)
    if args.table:
        Path(args.table).write_text(markdown(rows))
    if args.plot:
        plot(rows, Path(args.plot))


def _import_esrgan(args: argparse.Namespace) -> None:
    from .esrgan import import_esrgan
    from .hierarchy_file import save_float

    network = import_esrgan(args.checkpoint, *args.levels)
    digest = save_float(args.out, network)
    print(f"{args.out} {network.model.arch.parameters()} parameters, sha256 {digest}")


def _golden(args: argparse.Namespace) -> None:
    from pathlib import Path

    from .golden import write_golden

    for path in write_golden(Path(args.out)):
        print(path)


def _turbulence(args: argparse.Namespace) -> None:
    from pathlib import Path

    from .turbulence.cases import case, generate

    names = ("n", "seed", "viscosity", "k_max_eta", "backend", "threads", "precision", "cfl")
    changes = {k: getattr(args, k) for k in names}
    for key in ("times", "test_times"):
        changes[key] = None if getattr(args, key) is None else tuple(getattr(args, key))
    generate(case(args.case, **changes), Path(args.out), args.prefix)


def _info(args: argparse.Namespace) -> None:
    from .hierarchy_file import load_hierarchy

    h = load_hierarchy(args.file)
    print(json.dumps({"name": h.name, "licence": h.licence, "training_data_sha256": h.training_data_sha256,
                      "networks": [{"levels": [n.min_level, n.max_level], "parameters": n.arch.parameters(),
                                    "radius": n.arch.radius, **n.arch.to_json()} for n in h.networks]}, indent=1))


def build_parser() -> argparse.ArgumentParser:
    from .config import add_flags

    parser = argparse.ArgumentParser(prog="srt-train", description=__doc__.split("\n")[0])
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)

    p = commands.add_parser("fit", help="train one network")
    p.add_argument("--config", help="TOML file with the options below; flags override it")
    add_flags(p)
    p.set_defaults(run=_fit)

    p = commands.add_parser("export", help="quantise trained networks into one hierarchy file")
    p.add_argument("networks", nargs="+", help="network.safetensors of `fit`, finest level first")
    p.add_argument("--out", required=True)
    p.add_argument("--name", required=True, help="name of the hierarchy, as srt shows it")
    p.add_argument("--calibration", nargs="+", required=True, help="volumes for the activation ranges (training data)")
    p.add_argument("--check", nargs="*", default=[], help="volumes to report the loss of quantisation on")
    p.add_argument("--variable", default="")
    p.set_defaults(run=_export)

    p = commands.add_parser("evaluate", help="PSNR and SSIM at 2x, 4x, 8x against interpolation")
    p.add_argument("volumes", nargs="+")
    p.add_argument("--model", nargs="*", default=[], help="quantised hierarchies")
    p.add_argument("--networks", nargs="*", default=[], help="trained networks in floating point")
    p.add_argument("--train", nargs="*", default=[], help="volumes the best linear filter is fitted to")
    p.add_argument("--levels", type=int, default=3, help="number of halvings")
    p.add_argument("--table", help="write the tables to this Markdown file")
    p.add_argument("--plot", help="write the curves to this image")
    p.add_argument("--variable", default="")
    p.set_defaults(run=_evaluate)

    p = commands.add_parser("import-esrgan", help="read a generator in the published ESRGAN layout")
    p.add_argument("checkpoint")
    p.add_argument("--levels", type=int, nargs=2, default=[0, 0], metavar=("FIRST", "LAST"))
    p.add_argument("--out", required=True)
    p.set_defaults(run=_import_esrgan)

    p = commands.add_parser("golden", help="write test vectors of the exact arithmetic for other decoders")
    p.add_argument("--out", required=True)
    p.set_defaults(run=_golden)

    p = commands.add_parser("turbulence", help="simulate training and test volumes")
    p.add_argument("case", choices=("iso3d", "mixing3d", "iso2d"))
    p.add_argument("--out", required=True, help="folder for .npy files and manifest.jsonl")
    p.add_argument("--prefix", default="", help="start of the file names; default: case and n")
    p.add_argument("--n", type=int, help="grid points per axis")
    p.add_argument("--seed", type=int)
    p.add_argument("--times", type=float, nargs="*", help="when to save training snapshots")
    p.add_argument("--test-times", type=float, nargs="*", help="when to save test snapshots")
    p.add_argument("--viscosity", type=float, help="mixing3d and iso2d")
    p.add_argument("--k-max-eta", type=float, help="iso3d: wanted resolution, sets the viscosity")
    p.add_argument("--cfl", type=float)
    p.add_argument("--backend", choices=("scipy", "torch", "cuda"), help="array library; cuda runs on the GPU")
    p.add_argument("--threads", type=int)
    p.add_argument("--precision", choices=("single", "double"))
    p.set_defaults(run=_turbulence)

    p = commands.add_parser("info", help="describe a quantised hierarchy")
    p.add_argument("file")
    p.set_defaults(run=_info)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    try:
        args.run(args)
    except TrainerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
