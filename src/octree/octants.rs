//! The SR-octree of the pooled form: octants of a cube, each with a downscaling level of its own (paper
//! section 4.2.2; spec section 4.10).
//!
//! Unlike [`crate::octree::Octree`], whose leaves of one level have one size, a leaf here has any depth and any
//! level: a large box may be kept whole at full resolution, a small one downscaled far.

use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::codec::ctx::{Bit, RangeDecoder, RangeEncoder};
use crate::octree::Leaf;

/// Contexts of split flags by depth, deeper nodes share the last.
const DEPTHS: usize = 16;

/// A node: its level, or its octants inside the domain in `z, y, x` order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Octant {
    /// Stored at this downscaling level.
    Leaf(usize),
    /// The octants that hold any voxel of the domain.
    Split(Vec<Octant>),
}

/// Place of a node: first voxel, edge as a power of two, distance from the root.
#[derive(Clone, Copy, Debug)]
pub struct Cube {
    /// First voxel.
    pub start: [usize; 3],
    /// Logarithm of the edge to base 2.
    pub log_edge: u32,
    /// Distance from the root.
    pub depth: usize,
}

impl Cube {
    /// The smallest cube (in 2-D: square) from the first voxel on that holds the domain.
    #[must_use]
    pub fn root(shape: Shape) -> Self {
        let longest = shape.dims().into_iter().max().unwrap_or(1);
        Self {
            start: [0; 3],
            log_edge: longest.next_power_of_two().ilog2(),
            depth: 0,
        }
    }

    /// The box of the domain inside the cube.
    #[must_use]
    pub fn region(&self, shape: Shape) -> Region {
        Region {
            start: self.start,
            size: [1 << self.log_edge; 3],
        }
        .clipped(shape.dims())
    }

    /// Its octants that hold any voxel, in `z, y, x` order.
    pub fn octants(self, shape: Shape) -> impl Iterator<Item = Self> {
        let log_edge = self.log_edge.saturating_sub(1);
        (0..8usize)
            .map(move |code| Self {
                start: std::array::from_fn(|axis| {
                    self.start[axis] + ((code >> (2 - axis) & 1) << log_edge)
                }),
                log_edge,
                depth: self.depth + 1,
            })
            .filter(move |octant| !octant.region(shape).is_empty())
    }

    /// Coarsest level, up to `most`, at which one voxel of it is left.
    #[must_use]
    pub fn deepest(&self, most: usize) -> usize {
        most.min(self.log_edge as usize)
    }

    /// Whether octants of it may be stored at `finest` and coarser levels: their edge is at least 1 voxel
    /// there, and 2 voxels at level 0 are not split.
    #[must_use]
    pub fn is_splittable(&self, finest: usize) -> bool {
        self.log_edge as usize > finest.max(1)
    }
}

/// Levels that leaves may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelRange {
    /// Finest.
    pub finest: usize,
    /// Coarsest.
    pub coarsest: usize,
}

impl Octant {
    /// Calls `f` with every leaf, depth first.
    pub fn for_each_leaf(&self, shape: Shape, f: &mut impl FnMut(Cube, usize)) {
        self.visit(Cube::root(shape), shape, f);
    }

    fn visit(&self, cube: Cube, shape: Shape, f: &mut impl FnMut(Cube, usize)) {
        match self {
            Self::Leaf(level) => f(cube, *level),
            Self::Split(octants) => {
                for (octant, cube) in octants.iter().zip(cube.octants(shape)) {
                    octant.visit(cube, shape, f);
                }
            }
        }
    }

    /// Leaves with their boxes, depth first.
    #[must_use]
    pub fn leaves(&self, shape: Shape) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        self.for_each_leaf(shape, &mut |cube, level| {
            leaves.push(Leaf {
                region: cube.region(shape),
                level,
            });
        });
        leaves
    }

    /// Serialises the tree, whose leaves have levels in `levels`.
    #[must_use]
    pub fn encode(&self, shape: Shape, levels: LevelRange) -> Vec<u8> {
        let mut coder = RangeEncoder::default();
        let mut contexts = SplitContexts::default();
        self.write(Cube::root(shape), shape, levels, &mut contexts, &mut coder);
        coder.finish()
    }

    fn write(
        &self,
        cube: Cube,
        shape: Shape,
        levels: LevelRange,
        contexts: &mut SplitContexts,
        coder: &mut RangeEncoder,
    ) {
        if cube.is_splittable(levels.finest) {
            coder.bit(contexts.split(cube), matches!(self, Self::Split(_)));
        }
        match self {
            Self::Leaf(level) => {
                for l in levels.finest..cube.deepest(levels.coarsest) {
                    coder.bit(&mut contexts.coarser[l], *level > l);
                    if *level <= l {
                        break;
                    }
                }
            }
            Self::Split(octants) => {
                for (octant, cube) in octants.iter().zip(cube.octants(shape)) {
                    octant.write(cube, shape, levels, contexts, coder);
                }
            }
        }
    }

    /// Reads a tree. Its nodes are at most a few per voxel of the domain.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are not the encoding of a tree of these levels.
    pub fn decode(shape: Shape, levels: LevelRange, bytes: &[u8]) -> Result<Self> {
        let corrupt = |what: &str| Err(Error::corrupt(what));
        let root = Cube::root(shape);
        let usable = levels.finest <= levels.coarsest && levels.coarsest < DEPTHS;
        if !usable || root.deepest(levels.coarsest) < levels.finest {
            return corrupt("octree levels do not fit the domain");
        }
        let mut coder = RangeDecoder::new(bytes);
        let tree = Self::read(
            root,
            shape,
            levels,
            &mut SplitContexts::default(),
            &mut coder,
        );
        if tree.encode(shape, levels) == bytes {
            Ok(tree)
        } else {
            corrupt("octree is not in its one legal encoding")
        }
    }

    fn read(
        cube: Cube,
        shape: Shape,
        levels: LevelRange,
        contexts: &mut SplitContexts,
        coder: &mut RangeDecoder<'_>,
    ) -> Self {
        if cube.is_splittable(levels.finest) && coder.bit(contexts.split(cube)) {
            let octants = cube.octants(shape);
            return Self::Split(
                octants
                    .map(|cube| Self::read(cube, shape, levels, contexts, coder))
                    .collect(),
            );
        }
        let mut level = levels.finest;
        while level < cube.deepest(levels.coarsest) && coder.bit(&mut contexts.coarser[level]) {
            level += 1;
        }
        Self::Leaf(level)
    }
}

/// Adaptive bits of the serialised tree.
struct SplitContexts {
    splits: [Bit; DEPTHS],
    /// Whether a leaf is coarser than the level.
    coarser: [Bit; DEPTHS],
}

impl Default for SplitContexts {
    fn default() -> Self {
        Self {
            splits: [Bit::EVEN; DEPTHS],
            coarser: [Bit::EVEN; DEPTHS],
        }
    }
}

impl SplitContexts {
    fn split(&mut self, cube: Cube) -> &mut Bit {
        &mut self.splits[cube.depth.min(DEPTHS - 1)]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shape() -> impl Strategy<Value = Shape> {
        prop_oneof![
            (1usize..=40, 1usize..=40, 1usize..=40)
                .prop_map(|(z, y, x)| Shape::new(&[z, y, x]).unwrap()),
            (1usize..=90, 1usize..=90).prop_map(|(y, x)| Shape::new(&[y, x]).unwrap()),
        ]
    }

    /// A tree that follows the bits of `seed`.
    fn grow(cube: Cube, shape: Shape, levels: LevelRange, seed: &mut u64) -> Octant {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let draw = *seed >> 40;
        if cube.is_splittable(levels.finest) && !draw.is_multiple_of(3) {
            let octants = cube.octants(shape);
            return Octant::Split(octants.map(|c| grow(c, shape, levels, seed)).collect());
        }
        let choices = cube.deepest(levels.coarsest) - levels.finest + 1;
        Octant::Leaf(levels.finest + draw as usize / 3 % choices)
    }

    fn range(shape: Shape, finest: usize, more: usize) -> LevelRange {
        let deepest = Cube::root(shape).deepest(4);
        let finest = finest.min(deepest);
        LevelRange {
            finest,
            coarsest: (finest + more).min(deepest),
        }
    }

    proptest! {
        #[test]
        fn leaves_cover_the_domain_once_and_reading_gives_back_the_tree(
            shape in shape(), finest in 0usize..3, more in 0usize..3, mut seed: u64,
        ) {
            let levels = range(shape, finest, more);
            let tree = grow(Cube::root(shape), shape, levels, &mut seed);
            let mut hits = vec![0u8; shape.len()];
            for leaf in tree.leaves(shape) {
                shape.region().for_each_row(&leaf.region, &leaf.region, |at, _, len| {
                    hits[at..at + len].iter_mut().for_each(|h| *h += 1);
                });
            }
            prop_assert!(hits.iter().all(|&h| h == 1));
            let bytes = tree.encode(shape, levels);
            prop_assert_eq!(Octant::decode(shape, levels, &bytes).unwrap(), tree);
        }

        #[test]
        fn arbitrary_bytes_never_panic(
            shape in shape(), finest in 0usize..20, coarsest in 0usize..20, bytes: Vec<u8>,
        ) {
            let levels = LevelRange { finest, coarsest };
            if let Ok(tree) = Octant::decode(shape, levels, &bytes) {
                prop_assert_eq!(tree.encode(shape, levels), bytes);
            }
        }
    }

    #[test]
    fn one_leaf_takes_next_to_nothing() {
        let shape = Shape::new(&[128; 3]).unwrap();
        let levels = LevelRange {
            finest: 0,
            coarsest: 3,
        };
        assert!(Octant::Leaf(2).encode(shape, levels).len() <= 1);
    }
}
