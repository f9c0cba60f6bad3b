use proptest::prelude::*;

use super::*;
use crate::base::grid::{Axes, Shape};
use crate::codec::ctx::BlockCost;

fn plan() -> impl Strategy<Value = Plan> {
    (1usize..=150, 1usize..=60, 1usize..=60)
        .prop_map(|(z, y, x)| Plan::new(Shape::new(&[z, y, x]).unwrap(), Axes::NONE, 15))
}

fn random_costs(plan: &Plan, seed: u64) -> (Vec<Vec<BlockCost>>, Vec<Vec<bool>>) {
    let mut state = seed | 1;
    let mut draw = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let tree = Octree::uniform(plan, true);
    let costs: Vec<Vec<BlockCost>> = tree
        .grids()
        .iter()
        .map(|grid| {
            grid.stored
                .iter()
                .map(|_| BlockCost {
                    bits: 20.0 * draw(),
                    stored: draw(),
                    left_out: 3.0 * draw(),
                })
                .collect()
        })
        .collect();
    let wanted = costs
        .iter()
        .map(|level| level.iter().map(|c| c.bits > 5.0).collect())
        .collect();
    (costs, wanted)
}

proptest! {
    #[test]
    fn leaves_cover_the_domain_once(plan in plan(), seed: u64) {
        let (costs, wanted) = random_costs(&plan, seed);
        let tree = prune(&plan, &costs, &wanted, 0.1);
        let dims = plan.shape().dims();
        let mut hits = vec![0u8; plan.shape().len()];
        for leaf in tree.leaves(&plan) {
            let r = leaf.region;
            for z in r.start[0]..r.end(0) {
                for y in r.start[1]..r.end(1) {
                    for x in r.start[2]..r.end(2) {
                        hits[(z * dims[1] + y) * dims[2] + x] += 1;
                    }
                }
            }
        }
        prop_assert!(plan.levels().is_empty() || hits.iter().all(|&h| h == 1));
    }

    #[test]
    fn reading_gives_back_the_tree(plan in plan(), seed: u64) {
        let (costs, wanted) = random_costs(&plan, seed);
        let tree = prune(&plan, &costs, &wanted, 0.1);
        prop_assert_eq!(decode(&plan, &encode(&tree)).unwrap(), tree);
    }

    #[test]
    fn arbitrary_bytes_never_panic(plan in plan(), bytes: Vec<u8>) {
        if let Ok(tree) = decode(&plan, &bytes) {
            prop_assert_eq!(encode(&tree), bytes);
        }
    }

    #[test]
    fn pruning_beats_storing_all_and_nothing(plan in plan(), seed: u64) {
        let (costs, mut wanted) = random_costs(&plan, seed);
        wanted.iter_mut().flatten().for_each(|w| *w = true);
        let lambda = 0.1;
        let price = |tree: &Octree| -> f64 {
            tree.grids().iter().zip(&costs).flat_map(|(g, c)| g.stored.iter().zip(c)).map(|(&s, c)| {
                f64::from(if s { c.stored + lambda * c.bits } else { c.left_out })
            }).sum()
        };
        let pruned = price(&prune(&plan, &costs, &wanted, lambda));
        prop_assert!(pruned <= price(&Octree::uniform(&plan, true)) + 1e-3);
        prop_assert!(pruned <= price(&Octree::uniform(&plan, false)) + 1e-3);
    }
}

#[test]
fn a_full_tree_of_a_cube_costs_few_bytes() {
    let plan = Plan::new(Shape::new(&[128; 3]).unwrap(), Axes::NONE, 15);
    assert!(encode(&Octree::uniform(&plan, true)).len() <= 8);
    assert!(encode(&Octree::uniform(&plan, false)).len() <= 1);
}
