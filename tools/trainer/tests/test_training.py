"""Recipes on tiny networks: a few steps, reproducible, resumable."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import smooth_field

from srt_trainer import TrainerError, config, fit
from srt_trainer.arch import Architecture, Residual
from srt_trainer.discriminator import Discriminator, gradient_penalty
from srt_trainer.hierarchy_file import load_float
from srt_trainer.losses import energy_fraction, rate_distortion
from srt_trainer.model import Generator
from srt_trainer.optimiser import orthogonalise
from srt_trainer.pyramid import as_decoded, decompose, normalise
from srt_trainer.sampling import CropSampler, SamplerOptions
from srt_trainer.shortcut import fit_shortcut


@pytest.fixture
def data(tmp_path):
    for i in range(2):
        # Fronts: what a linear filter cannot sharpen and a network can.
        np.save(tmp_path / f"train_{i}.npy", np.tanh(3 * smooth_field((64, 64), i)))
    return str(tmp_path / "train_*.npy")


def options(data, out, **changes):
    base = dict(data=[data], out=str(out), features=6, blocks=1, steps=12, crop=8, batch=4, validate_every=6,
                checkpoint_every=6, threads=1, lr=1e-2, warmup=2, refresh=4)
    return config.load(None, {**base, **changes})


def log(out):
    return [json.loads(line) for line in (out / fit.LOG).read_text().splitlines()]


def test_loss_falls(data, tmp_path):
    fit.fit(options(data, tmp_path / "run", steps=80, validate_every=20))
    scores = [r["score"] for r in log(tmp_path / "run")]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.995 * scores[0] < 1.0
    network = load_float(tmp_path / "run" / fit.NETWORK)
    assert network.training["steps"] == 80 and len(network.training_data_sha256) == 64


def test_same_seed_same_bytes_and_resume_changes_nothing(data, tmp_path, monkeypatch):
    fit.fit(options(data, tmp_path / "a"))
    whole = (tmp_path / "a" / fit.NETWORK).read_bytes()
    fit.fit(options(data, tmp_path / "b"))
    assert (tmp_path / "b" / fit.NETWORK).read_bytes() == whole

    step = fit.DefaultRecipe.step
    calls = []

    def interrupted(self, batch, lr):
        calls.append(lr)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return step(self, batch, lr)

    monkeypatch.setattr(fit.DefaultRecipe, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit.fit(options(data, tmp_path / "c"))
    fit.fit(options(data, tmp_path / "c"))
    assert (tmp_path / "c" / fit.NETWORK).read_bytes() == whole


def test_resume_refuses_other_options(data, tmp_path):
    fit.fit(options(data, tmp_path / "run"))
    with pytest.raises(TrainerError, match="other options .lr"):
        fit.fit(options(data, tmp_path / "run", lr=1e-3))


def test_early_stop(data, tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "validate", lambda *_: {"score": 1.0})
    fit.fit(options(data, tmp_path / "run", steps=60, validate_every=2, patience=3))
    assert log(tmp_path / "run")[-1]["step"] == 8  # the first one improves on nothing


def test_three_dimensions_and_several_levels(tmp_path):
    np.save(tmp_path / "v.npy", smooth_field((32, 32, 32)))
    np.save(tmp_path / "w.npy", smooth_field((32, 32, 32), 1))
    fit.fit(options(str(tmp_path / "*.npy"), tmp_path / "run", levels=[0, 1], export_levels=[0, 15], periodic=True,
                    decoded_inputs=0.5, trim=1.0, crop=6))
    assert load_float(tmp_path / "run" / fit.NETWORK).max_level == 15
    assert {"residual_energy_level0", "residual_energy_level1"} <= set(log(tmp_path / "run")[-1])


def test_warm_start(data, tmp_path):
    fit.fit(options(data, tmp_path / "a"))
    start = str(tmp_path / "a" / fit.NETWORK)
    fit.fit(options(data, tmp_path / "b", init=start, lr=1e-9, warmup=1))
    assert log(tmp_path / "b")[-1]["score"] == pytest.approx(log(tmp_path / "a")[-1]["score"], abs=1e-3)
    fit.fit(options(data, tmp_path / "t", init=start, init_trunk=True, steps=1, lr=1e-9, validate_every=1))
    a, t = (load_float(tmp_path / run / fit.NETWORK).model for run in ("a", "t"))
    assert torch.allclose(a.convolution("block0").weight, t.convolution("block0").weight, atol=1e-6)
    assert not torch.allclose(a.convolution("head").weight, t.convolution("head").weight, atol=1e-6)
    with pytest.raises(TrainerError, match="architecture differs"):
        fit.fit(options(data, tmp_path / "c", init=start, features=8))


def test_conditioned_network_starts_from_a_plain_one(data, tmp_path):
    fit.fit(options(data, tmp_path / "a"))
    start = str(tmp_path / "a" / fit.NETWORK)
    fit.fit(options(data, tmp_path / "b", init=start, condition=True, decoded_inputs=0.9))
    network = load_float(tmp_path / "b" / fit.NETWORK)
    assert network.model.arch.input_channels[-1] == "condition"
    assert "residual_energy_level0_step0.028" in log(tmp_path / "b")[-1]
    with pytest.raises(TrainerError, match="must meet it"):
        options(data, tmp_path / "c", condition=True)


def test_decoded_inputs_are_quantised_and_told():
    arch = Architecture(rank=2, features=2, input_channels=("field", "inside_field", "inside", "condition"))
    pyramid = decompose(normalise(smooth_field((65, 64))), 4)
    step = 0.5
    decoded = as_decoded(pyramid, step)
    for pair, was in zip(decoded, pyramid, strict=True):
        assert (pair.details == was.details).all() and pair.gain == was.gain
        assert 0 < np.abs(pair.low - was.low).max()
        told = pair.channels(arch)[3]
        assert np.allclose(told, min(np.rint(256 * step / (pair.gain * 2.0 ** (pair.level + 1))), 32767) / arch.input_scale)
    coarsest = decoded[-1].low * 2.0**4 / step  # unit(3) in 2-D
    assert np.allclose(coarsest, np.rint(coarsest), atol=1e-3)
    # With steps that change nothing, synthesis gives back what analysis took apart.
    for pair, was in zip(as_decoded(pyramid, 1e-5), pyramid, strict=True):
        assert np.allclose(pair.low, was.low, atol=2e-5)


def test_paper_recipe_takes_true_inputs_only(data, tmp_path):
    with pytest.raises(TrainerError, match="true inputs"):
        options(data, tmp_path / "c", recipe="paper", decoded_inputs=0.5)


@pytest.mark.parametrize("rank", [2, 3])
def test_paper_recipe_runs(tmp_path, rank):
    for i in range(2):
        np.save(tmp_path / f"v{i}.npy", smooth_field((33,) + (32,) * (rank - 1), i))  # odd lengths lose a plane
    fit.fit(options(str(tmp_path / "v*.npy"), tmp_path / "run", recipe="paper", features=4, growth=3, crop=10, batch=2,
                    steps=4, lr=1e-3, permute_axes=False))
    network = load_float(tmp_path / "run" / fit.NETWORK)
    assert network.model.arch.head == "voxel_shuffle" and network.model.arch.transform == "haar"
    record = log(tmp_path / "run")[-1]
    assert all(np.isfinite(record[k]) for k in ("l1", "wasserstein", "penalty", "score"))


@pytest.mark.parametrize("rank", [2, 3])
def test_discriminator_shapes_and_receptive_field(rank):
    critic = Discriminator(rank, features=4, normalise=False)
    x = torch.randn((2, 1) + (13,) * rank, requires_grad=True)
    y = critic(x)
    assert y.shape == (2, 1) + (3,) * rank
    y[(0, 0) + (0,) * rank].backward()
    touched = x.grad[0, 0].nonzero()
    assert touched.min() == 0 and touched.max() == 10  # 11 voxels, paper section 4.1.2
    assert sum(isinstance(m, torch.nn.LeakyReLU) for m in critic.steps) == 4


def test_gradient_penalty_against_finite_differences():
    torch.manual_seed(0)
    critic = Discriminator(2, features=3, normalise=False).double()
    real, fake = torch.randn(2, 1, 12, 12).double(), torch.randn(2, 1, 12, 12).double()
    mix = torch.rand(2, 1, 1, 1).double()
    x = mix * real + (1 - mix) * fake
    norms = torch.zeros_like(x)
    with torch.no_grad():
        for index in np.ndindex(*x.shape):
            h = torch.zeros_like(x)
            h[index] = 1e-6
            norms[index] = (critic(x + h).sum() - critic(x - h).sum()).abs() / 2e-6
    expected = ((norms - 1) ** 2).mean()
    found = gradient_penalty(critic, real, fake, mix)
    assert found.item() == pytest.approx(float(expected), rel=1e-6)
    found.backward()  # differentiable a second time
    assert all(p.grad is not None for p in critic.parameters() if p.ndim > 1)


def test_shortcut_finds_a_linear_rule():
    """Details that are a filter of the low-pass are predicted without any training."""
    arch = Architecture(rank=2, features=2, trunk=Residual(0), shortcut_kernel=3)
    options_ = SamplerOptions((0,), (1.0,), crop=12, batch=4, trim=0.0, permute_axes=False)
    sampler = CropSampler([smooth_field((64, 64))], arch, options_, seed=0)
    draw = sampler.batch

    def linear(step):
        b = draw(step)
        inner = b.channels[:, :1, 1:-1, 1:-1]
        left = b.channels[:, :1, 1:-1, :-2]
        b.target = torch.cat([inner - left, 0.5 * inner, 0.1 + 0 * inner], 1)[:, :, : b.target.shape[2]]
        return b

    sampler.batch = linear
    model = Generator(arch)
    model.convolution("head").weight.data.zero_()
    fit_shortcut(model, sampler, batches=4, ridge=1e-12)
    b = linear(9)
    assert energy_fraction(model(b.channels, b.gain), b.target).item() < 1e-6


def test_batches_depend_on_seed_and_step_alone():
    arch = Architecture(rank=2, features=2)
    make = lambda: CropSampler([smooth_field((64, 64), i) for i in range(3)], arch,
                               SamplerOptions((0, 1), (1.0, 1.0), 8, 3, periodic=True, refresh=2), seed=5)
    a, b = make(), make()
    for step in range(11):
        last = a.batch(step)
    resumed = b.batch(10)
    assert torch.equal(last.channels, resumed.channels) and torch.equal(last.target, resumed.target)


def test_rate_distortion_is_one_without_prediction_and_falls_with_it():
    t = torch.randn(1, 3, 8, 8)
    assert float(rate_distortion(torch.zeros_like(t), t, 0, 2)) == pytest.approx(1.0)
    assert float(rate_distortion(t, t, 0, 2)) == 0.0
    assert float(rate_distortion(0.5 * t, t, 0, 2)) < 1.0


def test_orthogonalise_flattens_singular_values():
    s = torch.linalg.svdvals(orthogonalise(torch.randn(8, 40)))
    assert 0.6 < float(s.min()) and float(s.max()) < 1.3


def test_configuration_file_and_flags(tmp_path):
    (tmp_path / "c.toml").write_text('data = ["x.npy"]\nsteps = 7\nlr = 1\n')
    c = config.load(str(tmp_path / "c.toml"), {"steps": 9})
    assert (c.steps, c.data, c.lr) == (9, ["x.npy"], 1)
    for text, message in (("colour = 1", "unknown option 'colour'"), ("steps = 'x'", "must be of type int"),
                          ("steps = ", "Invalid value")):
        (tmp_path / "c.toml").write_text(text)
        with pytest.raises(TrainerError, match=message):
            config.load(str(tmp_path / "c.toml"), {"data": ["x"]})
    with pytest.raises(TrainerError, match="at least one training file"):
        config.load(None, {})


@pytest.mark.parametrize("recipe", ["default", "paper"])
def test_two_processes_train_one_network(data, tmp_path, recipe):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m",
               "srt_trainer.cli", "fit", "--recipe", recipe, "--data", data, "--out", str(tmp_path / "run"), "--steps", "3",
               "--features", "4", "--blocks", "1", "--growth", "3", "--crop", "8", "--batch", "2", "--threads", "1",
               "--validate-every", "3", "--lr", "1e-3", "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(log(tmp_path / "run")) == 1  # the first process alone writes
    load_float(tmp_path / "run" / fit.NETWORK)


def test_constant_and_nan_volumes_are_refused(tmp_path):
    for value in (1.0, np.nan):
        np.save(tmp_path / "v.npy", np.full((16, 16), value))
        with pytest.raises(TrainerError, match="constant|NaN"):
            fit.fit(options(str(tmp_path / "v.npy"), tmp_path / "run"))
