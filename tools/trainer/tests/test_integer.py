"""The exact integer forward pass against loops written from the spec's text, and against the float network."""

import itertools

import numpy as np
import pytest
import torch
from conftest import ARCHITECTURES, random_model, smooth_field

from srt_trainer.arch import unit
from srt_trainer.extension import extension_index, input_channels
from srt_trainer.integer import LIMIT, predict, predict_channels, quantise_input, unit_f32
from srt_trainer.quantise import calibrate, quantise

F32 = np.float32


def quantised(arch, seed=0):
    model = random_model(arch, seed)
    field = smooth_field((8,) * arch.rank, seed)
    x = torch.from_numpy(input_channels(field, arch, (16,) * arch.rank))[None]
    return model, quantise(model, calibrate(model, [x]), 0, 15)


def loop_convolution(x, w, b, pad):
    """Correlation in Python integers, as spec section 5 words it."""
    if pad:
        x = np.pad(x, [(0, 0)] + [(w.shape[-1] // 2,) * 2] * (x.ndim - 1))
    k = w.shape[-1]
    size = [n - k + 1 for n in x.shape[1:]]
    out = np.empty((w.shape[0], *size), np.int64)
    for o in range(w.shape[0]):
        for p in itertools.product(*map(range, size)):
            window = x[(slice(None),) + tuple(slice(i, i + k) for i in p)]
            out[(o, *p)] = int(b[o]) + int((w[o].astype(np.int64) * window).sum())
    return out


def loop_requantise(acc, positive, negative):
    out = np.empty(acc.shape, np.int64)
    for o in range(acc.shape[0]):
        for p in np.ndindex(acc.shape[1:]):
            a = acc[(o, *p)]
            y = F32(F32(a) * (negative[o] if a < 0 else positive[o]))
            out[(o, *p)] = int(np.rint(np.clip(y, F32(-LIMIT), F32(LIMIT))))
    return out


def loop_forward(network, x, level, gain):
    """Residual trunk, subbands head, shortcut: the loops of the spec, nothing shared with the package."""
    t, arch = network.tensors, network.arch
    pad = arch.padding == "zero"
    margin = 0 if pad else 1

    def layer(name, x):
        acc = loop_convolution(x, t[f"{name}.weight"], t[f"{name}.bias"], pad)
        return loop_requantise(acc, t[f"{name}.positive"], t[f"{name}.negative"])

    y = layer("input", x)
    for b in range(arch.trunk.blocks):
        inner = y[(slice(None),) + (slice(margin, -margin or None),) * arch.rank]
        y = np.clip(inner + layer(f"block{b}", y), -LIMIT, LIMIT)
    acc = loop_convolution(y, t["head.weight"], t["head.bias"], pad)
    column = (-1,) + (1,) * arch.rank
    p = acc.astype(F32) * (t["head.scale"] * F32(gain)).reshape(column)
    cut = 0 if pad else arch.radius - arch.shortcut_kernel // 2
    inner = x[(slice(0, arch.shortcut_inputs),) + (slice(cut, -cut or None),) * arch.rank]
    s = loop_convolution(inner, t["shortcut.weight"], t["shortcut.bias"], pad)
    return p + s.astype(F32) * (t["shortcut.scale"] * unit_f32(arch.rank, level)).reshape(column)


@pytest.mark.parametrize("name", ["residual2d", "residual2d_haar_zero"])
def test_forward_equals_the_loops_of_the_spec(name):
    arch = ARCHITECTURES[name]
    _, network = quantised(arch)
    level, gain = 1, F32(0.37)
    c = smooth_field((5, 4), 3) * F32(unit(arch.rank, level))
    fine = (9, 8)  # odd along the first axis
    q = quantise_input(c, arch, level)
    x = input_channels(q, arch, fine, one=round(arch.input_scale))
    expected = loop_forward(network, x.astype(np.int64), level, gain)
    found = predict(network, c, level, gain, fine)
    assert found.dtype == F32 and np.array_equal(found, expected)


def test_quantised_follows_the_float_network(arch):
    model, network = quantised(arch)
    field = smooth_field((8,) * arch.rank, 7)
    fine = (16,) * arch.rank
    x = torch.from_numpy(input_channels(field, arch, fine))[None]
    with torch.no_grad():
        expected = model(x, 1.0)[0].numpy()
    c = field * F32(unit(arch.rank, 0))
    found = predict(network, c, 0, F32(1.0), fine) / (F32(unit(arch.rank, 0)) if arch.shortcut_kernel else F32(1))
    if arch.shortcut_kernel:  # the gain in a file contains the unit, the shortcut gets it by itself
        found = predict(network, c, 0, F32(unit(arch.rank, 0)), fine) / F32(unit(arch.rank, 0))
    error = np.sqrt(np.mean((found - expected) ** 2) / np.mean(expected**2))
    assert error < 0.02


def test_order_of_summation_and_tiling_do_not_matter():
    arch = ARCHITECTURES["residual3d"]
    _, network = quantised(arch)
    q = quantise_input(smooth_field((12, 6, 6)) * F32(unit(3, 0)), arch, 0)
    x = torch.from_numpy(input_channels(q, arch, (24, 12, 12), one=2048))[None]
    whole = predict_channels(network, x, 0, 0.5)
    halves = [predict_channels(network, x[:, :, a : a + 6 + 2 * arch.radius], 0, 0.5) for a in (0, 6)]
    assert torch.equal(whole, torch.cat(halves, 2))
    assert torch.equal(whole, predict_channels(network, x.repeat(3, 1, 1, 1, 1), 0, 0.5)[1:2])


@pytest.mark.parametrize("name", ["residual2d_haar_zero", "rrdb2d_shuffle", "residual2d"])
def test_periodic_axes_commute_with_rolls(name):
    arch = ARCHITECTURES[name]
    _, network = quantised(arch)
    c = smooth_field((6, 5)) * F32(2)
    wraps = (True, False)
    one = predict(network, c, 0, 1.0, (12, 10), wraps)
    two = predict(network, np.roll(c, 2, 0), 0, 1.0, (12, 10), wraps)
    assert np.array_equal(two, np.roll(one, 2 * one.shape[1] // 6, 1))


def test_accumulator_bound_holds_for_hostile_weights():
    arch = ARCHITECTURES["residual3d"]
    model = random_model(arch)
    with torch.no_grad():
        for layer in arch.layers():
            conv = model.convolution(layer.name)
            conv.weight.fill_(1.0)  # no dominating tap: 8-bit weights alone would overflow
            conv.bias.fill_(50.0)
        model.convolution("block0").weight[0].zero_()
    x = torch.ones((1, 3) + (9,) * 3)
    network = quantise(model, calibrate(model, [x]), 0, 0)
    network.check()
    assert np.abs(network.tensors["shortcut.weight"][0].astype(int)).sum() * LIMIT < 2**31


def test_check_refuses_an_overflowing_channel():
    _, network = quantised(ARCHITECTURES["residual2d"])
    network.tensors["shortcut.weight"] = np.full_like(network.tensors["shortcut.weight"], 32767)
    with pytest.raises(ValueError, match="accumulator may reach"):
        network.check()


def test_saturation_is_symmetric():
    arch = ARCHITECTURES["residual2d"]
    assert quantise_input(np.array([[1e9, -1e9]], F32), arch, 0).tolist() == [[LIMIT, -LIMIT]]
    assert quantise_input(np.array([[0.5, 1.5, -2.5]], F32) * F32(2.0 / 2048), arch, 0).tolist() == [[0, 2, -2]]


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("kind", ["even", "odd", "periodic", "half"])
def test_extension_stays_inside_and_agrees_in_the_middle(n, kind):
    index = extension_index(n, 7, kind)
    assert index.min() >= 0 and index.max() < n
    assert index[7 : 7 + n].tolist() == list(range(n))


def test_extension_continues_the_low_pass_of_the_extended_signal():
    """The rule of spec section 4 is the wavelet's own symmetry: extending first and transforming then agrees."""
    from srt_trainer.wavelet import analyse

    for n, kind in ((16, "even"), (17, "odd")):
        x = np.random.default_rng(0).standard_normal(n)
        low, _ = analyse(x)
        longer = np.pad(x, 8, mode="reflect")  # whole-sample symmetry at both ends
        wide, _ = analyse(longer)
        expected = wide[2 : 2 + low.size + 4]
        assert np.allclose(low[extension_index(low.size, 2, kind)], expected, atol=1e-12)


def test_unit_is_the_binary32_of_the_formula():
    for rank in (2, 3):
        for level in range(16):
            assert unit_f32(rank, level) == F32(unit(rank, level))


def test_golden_vectors_are_reproduced(tmp_path):
    """What `golden` writes is what the integers give after a round trip through the file."""
    import json

    from safetensors import safe_open

    from srt_trainer.golden import write_golden
    from srt_trainer.hierarchy_file import load_hierarchy

    paths = write_golden(tmp_path)
    assert [p.read_bytes() for p in write_golden(tmp_path)] == [p.read_bytes() for p in paths]
    for model, vectors in zip(paths[::2], paths[1::2]):
        network = load_hierarchy(model).networks[0]
        with safe_open(str(vectors), "numpy") as f:
            for n, case in enumerate(json.loads(f.metadata()["cases"])):
                gain = np.uint32(case["gain"]).view(F32)
                found = predict(network, f.get_tensor(f"{n}.low"), case["level"], gain, tuple(case["fine_shape"]),
                                tuple(case["periodic"]), case["condition"])
                assert np.array_equal(found, f.get_tensor(f"{n}.prediction"))
