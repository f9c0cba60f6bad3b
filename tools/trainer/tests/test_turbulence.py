"""The solvers against exact results."""

import numpy as np
import pytest

from srt_trainer import TrainerError
from srt_trainer.turbulence.backend import make_backend
from srt_trainer.turbulence.box import Box
from srt_trainer.turbulence.cases import case, generate
from srt_trainer.turbulence.flow2d import Flow2D, random_vorticity
from srt_trainer.turbulence.flow3d import Flow3D, random_blobs
from srt_trainer.turbulence.march import advance


@pytest.fixture(params=["scipy", "torch"])
def backend(request):
    return make_backend(request.param, "double")


def grid(n):
    x = np.arange(n) * 2 * np.pi / n
    return np.meshgrid(x, x, x, indexing="ij")


def taylor_green(box):
    z, y, x = grid(box.n)
    u = np.stack([0 * x, -np.sin(x) * np.cos(y), np.cos(x) * np.sin(y)])  # components (z, y, x)
    return box.to_spectrum(box.backend.asarray(u)), u


def test_taylor_green_decays_exactly(backend):
    box, nu = Box(16, 3, backend), 0.05
    q, u = taylor_green(box)
    q = advance(Flow3D(box, nu), q, 0.0, 1.0, dt_max=0.05)
    assert np.abs(backend.numpy(box.to_grid(q)) - u * np.exp(-2 * nu)).max() < 1e-10


def test_taylor_green_pressure(backend):
    box = Box(16, 3, backend)
    q, _ = taylor_green(box)
    _, y, x = grid(16)
    expected = -(np.cos(2 * x) + np.cos(2 * y)) / 4
    assert np.abs(Flow3D(box, 0.1).pressure(q) - expected).max() < 1e-12


def test_inviscid_energy_is_conserved(backend):
    box = Box(16, 3, backend)
    q = box.random_solenoidal(1, 3.0, 1.0)
    before = box.shells(q).sum()
    q = advance(Flow3D(box, 0.0), q, 0.0, 0.5, cfl=0.3)
    assert abs(box.shells(q).sum() / before - 1) < 1e-4
    divergence = sum(backend.numpy(box.k[a] * q[a]) for a in range(3))
    assert np.abs(divergence).max() < 1e-12


def test_forcing_gives_its_power(backend):
    box = Box(16, 3, backend)
    q = box.random_solenoidal(2, 3.0, 1.0)
    flow = Flow3D(box, 0.0, power=0.5)
    before = box.shells(q).sum()
    q = advance(flow, q, 0.0, 0.1, cfl=0.1)
    assert abs((box.shells(q).sum() - before) / 0.1 - 0.5) < 1e-3


def test_buoyancy_lifts_and_scalar_diffuses(backend):
    box, nu = Box(16, 3, backend), 0.05
    _, _, x = grid(16)
    theta = box.to_spectrum(backend.asarray(np.cos(x)))
    q = backend.stack([0 * theta, 0 * theta, 0 * theta, theta])
    q = advance(Flow3D(box, nu, gravity=1.0), q, 0.0, 1.0, dt_max=0.02)
    flow = Flow3D(box, nu, gravity=1.0)
    assert np.abs(flow.scalar(q) - np.cos(x) * np.exp(-nu)).max() < 1e-9
    lifted = backend.numpy(box.to_grid(q[:3]))[0]
    assert np.abs(lifted - np.cos(x) * np.exp(-nu)).max() < 1e-6


def test_scalar_variance_is_conserved_without_diffusion(backend):
    box = Box(16, 3, backend)
    u = box.random_solenoidal(3, 2.0, 1.0)
    theta = random_blobs(box, 4, 1.5, 3.0)
    q = backend.stack([u[0], u[1], u[2], theta])
    before = box.shells(q[3:]).sum()
    # Gravity must not be zero for the scalar to move; this small, it does no work that counts.
    q = advance(Flow3D(box, 0.0, gravity=1e-9), q, 0.0, 0.3, cfl=0.3)
    assert abs(box.shells(q[3:]).sum() / before - 1) < 1e-4


def test_two_dimensional_energy_and_enstrophy_are_conserved(backend):
    box = Box(32, 2, backend)
    flow, q = Flow2D(box, 0.0), random_vorticity(Box(32, 2, backend), 1, 4.0)
    before = flow.statistics(q)
    after = flow.statistics(advance(flow, q, 0.0, 0.5, cfl=0.3))
    assert abs(before["energy"] - 0.5) < 1e-9
    assert abs(after["energy"] / before["energy"] - 1) < 1e-6
    assert abs(after["enstrophy"] / before["enstrophy"] - 1) < 1e-5


def test_backends_agree():
    results = []
    for name in ("scipy", "torch"):
        box = Box(16, 3, make_backend(name, "double"))
        q = advance(Flow3D(box, 0.02, power=0.5), box.random_solenoidal(5, 3.0, 1.0), 0.0, 0.2)
        results.append(box.backend.numpy(q))
    assert np.abs(results[0] - results[1]).max() < 1e-12


@pytest.mark.parametrize("name", ["iso3d", "mixing3d", "iso2d"])
def test_cases_write_files_with_a_manifest(tmp_path, name):
    saved = generate(case(name, n=16, times=(0.1,), test_times=(0.2,)), tmp_path, report=lambda _: None)
    assert [p.name for p in saved] == [f"{name}_16_train_01.npy", f"{name}_16_test_01.npy"]
    assert np.isfinite(np.load(saved[1])).all()
    assert len((tmp_path / "manifest.jsonl").read_text().splitlines()) == 2


def test_bad_cases_are_refused():
    with pytest.raises(TrainerError, match="case: one of"):
        case("smoke")
    with pytest.raises(TrainerError, match="even number"):
        case("iso3d", n=7)
