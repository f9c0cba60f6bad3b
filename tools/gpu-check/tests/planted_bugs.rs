//! The emulator must notice what goes wrong in kernels: each of these faults, planted in the text, must show.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use gpu_check::cases::{Case, default_architecture, paper_architecture};
use gpu_check::emulator::{Emulator, Order, compiler};
use srt::backend::cuda::{Cuda, source};
use srt::network::{Architecture, InputChannels, Padding, Trunk};

/// What is wrong, the text it replaces, the text in its place.
const FAULTS: &[(&str, &str, &str)] = &[
    (
        "no barrier between the copies of a chunk and its use",
        "__syncthreads();\n        if (chunk + 1 < chunks) load(chunk + 1);",
        "if (chunk + 1 < chunks) load(chunk + 1);",
    ),
    (
        "a barrier that some threads pass by",
        "__syncthreads();\n        if (chunk + 1 < chunks) load(chunk + 1);",
        "if (thread < 64) __syncthreads();\n        if (chunk + 1 < chunks) load(chunk + 1);",
    ),
    ("no wait for the copies", "copy_async_wait<0>();", ""),
    (
        "a wait for all copies but the last",
        "copy_async_wait<0>();",
        "copy_async_wait<1>();",
    ),
    (
        "copies that are never committed",
        "copy_async_commit();\n    };",
        "};",
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
        "one channel of the shortcut for both",
        "channel == 0 ? activation_low(pair) : activation_high(pair)",
        "activation_low(pair)",
    ),
];

/// Few and small, but with several chunks, groups, tiles and every epilogue.
fn cases() -> Vec<Case> {
    let every_channel = Architecture {
        channels: InputChannels::from_bits(15).unwrap(),
        features: 41,
        trunk: Trunk::Residual { blocks: 2 },
        ..default_architecture(3)
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
        ..default_architecture(2)
    };
    out.push(Case::new("flat", flat, [1, 13, 12], 80).unwrap());
    out
}

#[test]
fn every_planted_fault_shows() {
    let compiler = match compiler() {
        Ok(compiler) => compiler,
        Err(reason) => return println!("left out: {reason}"),
    };
    let text = source::text();
    let cases = cases();
    let shows = |text: &str| {
        let machine = Emulator::new(&compiler, text).unwrap();
        [Order::Forward, Order::Random(5), Order::Reverse]
            .into_iter()
            .any(|order| {
                let cuda = Cuda::new(Arc::new(machine.with_order(order)));
                cases.iter().any(|case| case.check(&cuda).is_err())
            })
    };
    assert!(!shows(&text), "the kernels as they are");
    let unnoticed: Vec<&str> = FAULTS
        .iter()
        .filter(|(what, from, to)| {
            assert!(text.contains(from), "no text for: {what}");
            !shows(&text.replacen(from, to, 1))
        })
        .map(|(what, ..)| *what)
        .collect();
    assert!(unnoticed.is_empty(), "not noticed: {unnoticed:#?}");
}
