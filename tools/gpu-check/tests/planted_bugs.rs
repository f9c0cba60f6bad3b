//! The emulator must notice what goes wrong in kernels: each of these faults, planted in the text, must show.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use gpu_check::cases::{Case, paper_architecture};
use gpu_check::emulator::{Emulator, Order, compiler};
use gpu_check::levels;
use srt::backend::cuda::{Cuda, source};
use srt::network::{Architecture, InputChannels, Padding, Trunk};

/// What is wrong, the text it replaces, the text in its place.
type Fault = (&'static str, &'static str, &'static str);

const FAULTS: &[Fault] = &[
    (
        "no barrier between the copies of a chunk and its use",
        "__syncthreads();\n        if (chunk + 1 < chunks) halo.load(chunk + 1);",
        "if (chunk + 1 < chunks) halo.load(chunk + 1);",
    ),
    (
        "a barrier that some threads pass by",
        "__syncthreads();\n        if (chunk + 1 < chunks) halo.load(chunk + 1);",
        "if (thread < 64) __syncthreads();\n        if (chunk + 1 < chunks) halo.load(chunk + 1);",
    ),
    ("no wait for the copies", "copy_async_wait<0>();", ""),
    (
        "a wait for all copies but the last",
        "copy_async_wait<0>();",
        "copy_async_wait<1>();",
    ),
    (
        "copies that are never committed",
        "copy_async_commit();\n    }\n\n    // The row",
        "}\n\n    // The row",
    ),
    (
        "one stage for all chunks",
        "u8* const stage = stages + (chunk & 1) * stage_bytes;",
        "u8* const stage = stages;",
    ),
    (
        "no zero fill beyond the box",
        "voxels[v] = inside ?",
        "voxels[v] = true ?",
    ),
    (
        "a halo one voxel too narrow",
        "x < p.size.x + p.kernel.x - 1 &&",
        "x < p.size.x + p.kernel.x - 2 &&",
    ),
    (
        "halo rows of the wrong length",
        "TILE_X + p.kernel.x - 1;",
        "TILE_X + p.kernel.y;",
    ),
    (
        "shared memory addresses off by half a row",
        "(lane & 7)) * 16;",
        "(lane & 7)) * 16 + 8;",
    ),
    (
        "rows of the halves of a tile exchanged",
        "* 2 + (lane >> 3 & 1);",
        "* 2 + (lane >> 4 & 1);",
    ),
    (
        "units of a pair exchanged",
        "units[2 * step + (lane >> 4)]",
        "units[2 * step + 1 - (lane >> 4)]",
    ),
    (
        "units of the step before",
        "units[2 * step + (lane >> 4)]",
        "units[2 * (step / 2) + (lane >> 4)]",
    ),
    ("low bytes taken for high ones", "0x7531", "0x6420"),
    (
        "low bytes taken as signed",
        "mma_u8(sums.lo, lo, b);",
        "mma_s8(sums.lo, lo, b);",
    ),
    (
        "high bytes taken as unsigned",
        "mma_s8(sums.hi, hi, b);",
        "mma_u8(sums.hi, hi, b);",
    ),
    (
        "high part with the wrong weight",
        "(u32)hi[tile][n][v] << 8",
        "(u32)hi[tile][n][v] << 7",
    ),
    (
        "weights not renewed at a new chunk",
        "if (step + 1 < p.steps || chunk + 1 < chunks)",
        "if (step + 1 < p.steps)",
    ),
    (
        "weights of the first group for all",
        "(size_t)blockIdx.y * chunks",
        "(size_t)0 * chunks",
    ),
    (
        "the bias of the neighbour",
        "2 * half + 1, bias.y)",
        "2 * half + 1, bias.x)",
    ),
    (
        "the scale of the neighbour",
        "b < 0 ? negative.y : positive.y",
        "b < 0 ? negative.x : positive.y",
    ),
    (
        "no activation function",
        "a < 0 ? negative.x : positive.x",
        "positive.x",
    ),
    (
        "truncation for rounding",
        "__float2int_rn(fminf",
        "(int)(fminf",
    ),
    (
        "ties away from zero",
        "__float2int_rn(fminf(fmaxf(value, -most), most))",
        "(int)lroundf(fminf(fmaxf(value, -most), most))",
    ),
    (
        "activations down to -32768",
        "fmaxf(value, -most)",
        "fmaxf(value, -most - 1)",
    ),
    (
        "a skip that does not saturate",
        "u = clamp_activation(u + activation_low(other));",
        "u = u + activation_low(other);",
    ),
    (
        "a blend that is not rounded",
        "round_activation(__fmul_rn(__int2float_rn(u), p.beta))",
        "(int)(__fmul_rn(__int2float_rn(u), p.beta))",
    ),
    (
        "the skip's high half taken for its low one",
        "u + activation_low(other)",
        "u + activation_high(other)",
    ),
    (
        "results beyond the box",
        "if (y >= p.size.y || z >= p.size.z) continue;",
        "if (z >= p.size.z) continue;",
    ),
    ("results beyond the row", "if (x >= p.size.x) return;", ""),
    (
        "more outputs than there are",
        "if (o + 1 < p.outputs) to[",
        "to[",
    ),
    (
        "blocks of outputs beyond the last",
        "if (block >= p.out_blocks) continue;",
        "",
    ),
    (
        "extension about the wrong voxel",
        "mirror = 2 * n - 2;",
        "mirror = 2 * n - 1;",
    ),
    (
        "an extension of the wrong period",
        "max(2 * n - 2, 1)",
        "max(2 * n - 1, 1)",
    ),
    (
        "negative positions not folded",
        "if (m < 0) m += period;",
        "",
    ),
    (
        "zero padding ignored",
        "zero = clipped && !inside;",
        "zero = false;",
    ),
    (
        "the inside channel everywhere",
        "put(inside ? p.inside_value : 0)",
        "put(p.inside_value)",
    ),
    (
        "a fused multiplication and addition",
        "__fadd_rn(*to, __fmul_rn(__int2float_rn(acc[o]), p.scale[o]))",
        "fmaf(__int2float_rn(acc[o]), p.scale[o], *to)",
    ),
    (
        "a lifting step forgotten",
        "X::mul((T)k, X::add(a, b))",
        "X::mul((T)k, a)",
    ),
    (
        "lifting contracted to fused operations",
        "return X::sub(x, X::mul((T)k, X::add(a, b)));",
        "return std::fma(-(T)k, X::add(a, b), x);",
    ),
    (
        "no symmetry at the end of an axis",
        "return min(i, p.highs - 1);",
        "return i;",
    ),
    (
        "an axis that does not wrap",
        "(p.periodic ? p.highs - 1 : 0)",
        "0",
    ),
    (
        "rows of an unsplit axis lost",
        "} else if (p.highs == 0) {",
        "} else if (p.highs < 0) {",
    ),
    (
        "details split with the wrong sign",
        "X::add(x, X::mul((T)k, X::add(a, b)))",
        "X::sub(x, X::mul((T)k, X::add(a, b)))",
    ),
    (
        "a Haar sum for a mean",
        "X::add(low, X::mul((T)0.5, high))",
        "X::add(low, high)",
    ),
    (
        "split subbands not scaled",
        "X::mul(low, (T)p.low_scale);\n}",
        "low;\n}",
    ),
    (
        "predictions read with the strides of their target",
        "p.from[voxel.in(p.from_strides)]",
        "p.from[voxel.in(p.to_strides)]",
    ),
    (
        "network input quantised from the neighbour",
        "((const T*)p.from)[i])",
        "((const T*)p.from)[i > 0 ? i - 1 : i])",
    ),
    (
        "residuals of the wrong sign",
        "*v = q < 0 ? X::sub(*v, value) : X::add(*v, value);",
        "*v = X::add(*v, value);",
    ),
    (
        "residuals that do not shrink",
        "X::sub(X::from_int(magnitude), (T)p.shrink)",
        "X::from_int(magnitude)",
    ),
    (
        "one channel of the shortcut for both",
        "channel == 0 ? activation_low(pair) : activation_high(pair)",
        "activation_low(pair)",
    ),
];

/// The same for the kernel of Hopper's warpgroups.
const WARPGROUP_FAULTS: &[Fault] = &[
    (
        "weights of warpgroups not waited for",
        "        copy_async_wait<0>();\n        async_proxy_fence();",
        "        copy_async_wait<1>();\n        async_proxy_fence();",
    ),
    (
        "no fence of the proxy in front of the tensor cores",
        "async_proxy_fence(); // the tensor",
        "// the tensor",
    ),
    (
        "no fence of the registers",
        "wgmma_fence();\n            wgmma_s8(sums",
        "wgmma_s8(sums",
    ),
    (
        "sums read before the multiplications end",
        "wgmma_wait<0>();\n    }\n    halo",
        "}\n    halo",
    ),
    (
        "fragments overwritten while they are multiplied",
        "wgmma_wait<1>();",
        "wgmma_wait<2>();",
    ),
    (
        "halves of the depth exchanged with groups of outputs",
        "WG_OUTPUTS * 16, 128);",
        "128, WG_OUTPUTS * 16);",
    ),
    (
        "a descriptor in bytes",
        "(u64)(depth_bytes >> 4) << 16",
        "(u64)depth_bytes << 16",
    ),
    (
        "weights of the step before",
        "matrices + step * WG_STEP_BYTES",
        "matrices + step / 2 * WG_STEP_BYTES",
    ),
    (
        "one group of weights for all",
        "u8* const to = shared + (group & 1) * WG_GROUP_BYTES;",
        "u8* const to = shared;",
    ),
    (
        "a chunk loaded over the one that is read",
        "if (first == 0 && chunk + 1 < chunks)",
        "if (first + WGMMA_STEPS == p.steps && chunk + 2 < chunks) halo.load(chunk + 2);\n        if (group == 0 && chunk + 1 < chunks)",
    ),
];

/// Few and small, but with several chunks, groups, tiles and every epilogue.
fn cases() -> Vec<Case> {
    let every_channel = Architecture {
        channels: InputChannels::from_bits(15).unwrap(),
        features: 41,
        trunk: Trunk::Residual { blocks: 2 },
        ..Architecture::residual(3)
    };
    let zero = Architecture {
        padding: Padding::Zero,
        input_kernel: 5,
        ..every_channel
    };
    let mut out = Vec::new();
    for (seed, domain) in [[3, 4, 5], [1, 2, 10]].into_iter().enumerate() {
        let seed = 70 + seed as u64;
        out.push(Case::new("every channel", every_channel, domain, seed).unwrap());
        out.push(Case::new("zero padding", zero, domain, seed + 1).unwrap());
        let paper = paper_architecture(3, 9, 3, [1, 2, 2]);
        out.push(Case::new("paper", paper, domain, seed + 2).unwrap());
    }
    let flat = Architecture {
        features: 40, // two groups
        ..Architecture::residual(2)
    };
    out.push(Case::new("flat", flat, [1, 13, 12], 80).unwrap());
    out
}

/// The C++ compiler, or `None` with the reason printed.
fn ready() -> Option<String> {
    match compiler() {
        Ok(compiler) => Some(compiler),
        Err(reason) => {
            println!("left out: {reason}");
            None
        }
    }
}

/// Plants each of `faults`; `differs` says whether a backend on a machine with such kernels differs from the CPU.
fn plant(faults: &'static [Fault], differs: impl Fn(&Emulator, Order) -> bool + Sync) {
    let Some(compiler) = ready() else { return };
    let text = source::text();
    let shows = |text: &str| {
        let machine = Emulator::new(&compiler, text).unwrap();
        [Order::Forward, Order::Random(5), Order::Reverse]
            .into_iter()
            .any(|order| differs(&machine, order))
    };
    assert!(!shows(&text), "the kernels as they are");
    for (what, from, _) in faults {
        assert!(text.contains(from), "no text for: {what}");
    }
    let shows = &shows;
    let text = &text;
    let unnoticed_among = |faults: &'static [Fault]| -> Vec<&str> {
        let unnoticed = faults
            .iter()
            .filter(|(_, from, to)| !shows(&text.replacen(from, to, 1)));
        unnoticed.map(|(what, ..)| *what).collect()
    };
    // Compilers take most of the time: two at once.
    let (first, second) = faults.split_at(faults.len() / 2);
    let unnoticed = std::thread::scope(|scope| {
        let first = scope.spawn(|| unnoticed_among(first));
        let second = unnoticed_among(second);
        [first.join().unwrap(), second].concat()
    });
    assert!(unnoticed.is_empty(), "not noticed: {unnoticed:#?}");
}

#[test]
fn every_planted_fault_shows() {
    let cases = cases();
    plant(FAULTS, |machine, order| {
        let cuda = Cuda::new(Arc::new(machine.with_order(order)));
        cases.iter().any(|case| case.check(&cuda).is_err()) || levels::check(&cuda).is_err()
    });
}

#[test]
fn every_fault_planted_for_warpgroups_shows() {
    let wide = Architecture {
        features: 96,
        trunk: Trunk::Residual { blocks: 1 },
        ..Architecture::residual(2)
    };
    let case = Case::new("96 features", wide, [1, 4, 10], 90).unwrap();
    plant(WARPGROUP_FAULTS, |machine, order| {
        let machine = machine.with_order(order).with_warpgroups();
        case.check(&Cuda::new(Arc::new(machine))).is_err()
    });
}
