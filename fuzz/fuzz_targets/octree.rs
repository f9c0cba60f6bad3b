//! Octree payloads: a tree that covers the domain once, or an error; one tree, one encoding.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use srt::transform::Plan;
use srt::{Axes, Shape, octree};

#[derive(Arbitrary, Debug)]
struct Input {
    extents: [u8; 3],
    planar: bool,
    periodic: u8,
    levels: u8,
    bytes: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let extents = input.extents.map(|n| usize::from(n) + 1);
    let extents = &extents[usize::from(input.planar)..];
    let shape = Shape::new(extents).expect("small extents");
    let periodic = Axes::from_bits(input.periodic & 7).expect("three bits");
    let plan = Plan::new(shape, periodic, usize::from(input.levels % 16));
    let Ok(tree) = octree::decode(&plan, &input.bytes) else {
        return;
    };
    assert_eq!(octree::encode(&tree), input.bytes);
    if !plan.levels().is_empty() {
        let leaves = tree.leaves(&plan);
        assert_eq!(
            leaves.iter().map(|l| l.region.len()).sum::<usize>(),
            shape.len()
        );
    }
});
