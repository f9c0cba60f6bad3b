"""Metrics, baselines, wavelets, ESRGAN import, golden vectors."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ARCHITECTURES, random_model, smooth_field
from torch.nn import functional as F

from srt_trainer import TrainerError
from srt_trainer.arch import Architecture, Rrdb
from srt_trainer.baselines import interpolate, low_pass, mean_pool
from srt_trainer.esrgan import import_esrgan
from srt_trainer.evaluate import best_linear, evaluate, hierarchy_methods, markdown
from srt_trainer.export import export
from srt_trainer.hierarchy_file import FloatNetwork
from srt_trainer.metrics import psnr, ssim
from srt_trainer.sampling import _band_order
from srt_trainer.wavelet import analyse, stack_bands, subband_names, synthesise, unstack_bands


@pytest.mark.parametrize("transform", ["cdf97", "haar"])
@pytest.mark.parametrize("shape", [(8, 9), (5, 2), (7, 8, 11), (1, 4), (3, 1, 2)])
def test_wavelet_inverts(shape, transform):
    x = np.random.default_rng(0).standard_normal(shape)
    low, bands = analyse(x, transform)
    assert low.shape == tuple((n + 1) // 2 for n in shape)
    stack = stack_bands(bands, low.shape)
    assert np.allclose(synthesise(low, unstack_bands(stack, shape), transform), x, atol=1e-12)


@pytest.mark.parametrize("shape", [(16, 24), (13, 18, 11)])
@pytest.mark.parametrize("transform", ["cdf97", "haar"])
def test_details_are_those_of_the_format(shape, transform):
    """Signs and scales of the specification's own reader: a network trained on others predicts the wrong details."""
    spec = Path(__file__).parents[3] / "spec/examples"
    if not spec.is_dir():
        pytest.skip("the specification is not beside the package")
    sys.path.insert(0, str(spec))
    try:
        from reader import layout
        from reader import transform as reference
    finally:
        sys.path.pop(0)
    field = smooth_field(shape).astype(np.float64)
    level = layout.levels([1] * (3 - len(shape)) + list(shape), 1)[0]
    number = ["cdf97", "haar"].index(transform)
    grid = field.reshape([1] * (3 - len(shape)) + list(shape))
    expected = reference.forward_details(number, level, [False] * 3, grid)
    _, found = analyse(field, transform)
    for high, band in expected.items():
        name = "".join("LH"[h] for h in high[3 - len(shape):])
        np.testing.assert_allclose(found[name], band.reshape(found[name].shape), atol=1e-12)


def test_periodic_wavelet_commutes_with_rolls():
    x = np.random.default_rng(0).standard_normal((12, 8))
    low, bands = analyse(x, periodic=(True, True))
    rolled, _ = analyse(np.roll(x, (2, 4), (0, 1)), periodic=(True, True))
    assert np.allclose(rolled, np.roll(low, (1, 2), (0, 1)))
    assert np.allclose(synthesise(low, bands, periodic=(True, True)), x)


def test_haar_low_pass_is_mean_pooling():
    x = np.random.default_rng(0).standard_normal((8, 6))
    assert np.allclose(analyse(x, "haar")[0] / 2, mean_pool(x, 2))


def test_subbands_are_in_the_specs_order():
    assert subband_names(3) == "LLH LHL HLL LHH HLH HHL HHH".split()
    assert subband_names(2) == "LH HL HH".split()


def test_axis_permutation_permutes_subbands():
    x = np.random.default_rng(0).standard_normal((8, 8, 8))
    low, bands = analyse(x)
    stack = stack_bands(bands, low.shape)
    turned_low, turned = analyse(x.transpose(2, 0, 1))
    expected = stack.transpose(0, 3, 1, 2)[_band_order(subband_names(3), (2, 0, 1))]
    assert np.allclose(stack_bands(turned, turned_low.shape), expected)


def test_interpolation_reproduces_polynomials():
    fine = np.arange(64, dtype=float)
    for order, power in ((1, 1), (3, 1), (3, 2)):
        x = (mean_pool(fine, 2)) ** power
        y = interpolate(x, 2, order)
        assert np.allclose(y[8:-8], fine[8:-8] ** power)
    assert np.array_equal(interpolate(np.array([1.0, 2.0]), 2, 0), [1, 1, 2, 2])


def test_psnr_and_ssim_of_known_errors():
    x = smooth_field((32, 32))
    assert psnr(x, x) == np.inf and ssim(x, x) == pytest.approx(1.0)
    assert psnr(x, x + 0.01 * (x.max() - x.min())) == pytest.approx(40.0, abs=1e-3)
    assert ssim(x, x[::-1]) < 0.9


def test_ssim_agrees_with_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    x = smooth_field((24, 20, 22))
    y = x + 0.2 * smooth_field((24, 20, 22), 1)
    expected = metrics.structural_similarity(x, y, data_range=x.max() - x.min(), gaussian_weights=True, sigma=1.5,
                                             use_sample_covariance=False)
    assert ssim(x, y) == pytest.approx(expected, abs=1e-3)


def test_evaluation_table():
    field = smooth_field((64, 64))
    networks = [FloatNetwork(random_model(ARCHITECTURES["residual2d"]), 0, 15)]
    hierarchy = export(networks, [field], "tiny")
    methods = {"best linear": (best_linear([smooth_field((64, 64), 1)], 2, 5), "cdf97"),
               **hierarchy_methods("tiny", hierarchy, networks)}
    rows = evaluate("field", field, 2, methods)
    value = {(r.method, r.factor): r.psnr_db for r in rows}
    assert value["nearest", 2] < value["linear", 2] < value["best linear", 2]
    assert value["9/7 low-pass", 2] <= value["best linear", 2]
    assert abs(value["tiny", 2] - value["tiny float", 2]) < 0.2
    assert psnr(field, low_pass(field, 1)) == pytest.approx(value["9/7 low-pass", 2])
    assert "| best linear |" in markdown(rows)


class Authors(torch.nn.Module):
    """A generator in the published layout, written from its description for this test."""

    def __init__(self, rank, features=4, growth=3, blocks=2, dense=2, convolutions=3):
        super().__init__()
        conv = torch.nn.Conv2d if rank == 2 else torch.nn.Conv3d
        self.rank = rank
        self.c1 = conv(1, features, 3, padding=1)
        self.blocks = torch.nn.ModuleList()
        for _ in range(blocks):
            block = torch.nn.Module()
            for d in range(1, dense + 1):
                db = torch.nn.Module()
                for k in range(1, convolutions + 1):
                    last = k == convolutions
                    setattr(db, f"c{k}", conv(features + (k - 1) * growth, features if last else growth, 3, padding=1))
                setattr(block, f"db{d}", db)
            self.blocks.append(block)
        self.c2 = conv(features, features, 3, padding=1)
        self.c2_vs = conv(features, features * 2**rank, 3, padding=1)
        self.c3 = conv(features, features, 3, padding=1)
        self.final_conv = conv(features, 1, 5, padding=2)

    def shuffle(self, x):
        if self.rank == 2:
            return F.pixel_shuffle(x, 2)
        n, c, z, y, w = x.shape
        out = torch.empty(n, c // 8, 2 * z, 2 * y, 2 * w)
        for o in range(8):
            dz, dy, dx = o // 4, o // 2 % 2, o % 2
            out[:, :, dz::2, dy::2, dx::2] = x[:, o * (c // 8) : (o + 1) * (c // 8)]
        return out

    def forward(self, x):
        act = lambda t: F.leaky_relu(t, 0.2)
        first = y = self.c1(x)
        for block in self.blocks:
            r = y
            for db in block.children():
                parts, cs = [r], list(db.children())
                for c in cs[:-1]:
                    parts.append(act(c(torch.cat(parts, 1))))
                r = r + 0.2 * cs[-1](torch.cat(parts, 1))
            y = y + 0.2 * r
        y = first + self.c2(y)
        y = act(self.shuffle(self.c2_vs(y)))
        return self.final_conv(act(self.c3(y)))


@pytest.mark.parametrize("rank", [2, 3])
def test_esrgan_import_computes_the_same(tmp_path, rank):
    torch.manual_seed(rank)
    theirs = Authors(rank).eval()
    torch.save({f"module.{k}": v for k, v in theirs.state_dict().items()}, tmp_path / "g.pt")
    ours = import_esrgan(tmp_path / "g.pt", 0, 0)
    assert ours.model.arch.trunk == Rrdb(2, 2, 3, 3, 0.2)
    x = torch.randn((1, 1) + (6,) * rank)
    with torch.no_grad():
        assert torch.allclose(ours.model(x), theirs(x), atol=1e-6)


def test_esrgan_import_explains_what_is_wrong(tmp_path):
    state = Authors(2).state_dict()
    del state["c3.bias"]
    torch.save(state, tmp_path / "g.pt")
    with pytest.raises(TrainerError, match="c3.bias is missing"):
        import_esrgan(tmp_path / "g.pt", 0, 0)
    torch.save({"w": torch.zeros(3)}, tmp_path / "h.pt")
    with pytest.raises(TrainerError, match="c1 and blocks"):
        import_esrgan(tmp_path / "h.pt", 0, 0)


def test_voxel_shuffle_of_the_paper_quantises():
    arch = Architecture(rank=2, transform="haar", padding="zero", input_channels=("field",), features=4, slope=0.2,
                        trunk=Rrdb(1, 2, 3, 3), head="voxel_shuffle", shortcut_kernel=None)
    networks = [FloatNetwork(random_model(arch), 0, 15)]
    field = smooth_field((32, 32))
    hierarchy = export(networks, [field], "paper")
    rows = evaluate("f", field, 2, hierarchy_methods("p", hierarchy, networks))
    value = {(r.method, r.factor): r.psnr_db for r in rows}
    assert abs(value["p", 4] - value["p float", 4]) < 0.2
