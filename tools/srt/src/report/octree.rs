//! The octree as a map: a slice through its leaves, coloured by level.

use std::fmt::Write;

use srt::{Leaf, Shape};
use srt_pictures::Colormap;

/// A picture of the leaves that the middle slice across z cuts, and how much of the field each level
/// covers.
pub(super) fn map(shape: Shape, leaves: &[Leaf], levels: usize) -> String {
    let [nz, ny, nx] = shape.dims();
    let middle = nz / 2;
    let colors = Colormap::sequential();
    // Level 0, where everything is kept, is the lightest.
    let color = |level: usize| {
        let [r, g, b] = colors.color(1.0 - level as f64 / levels.max(1) as f64);
        format!("#{r:02x}{g:02x}{b:02x}")
    };
    let edge = (nx.max(ny) as f64 / 800.0).max(0.05);
    let mut out = format!("<svg class=\"map\" viewBox=\"0 0 {nx} {ny}\" role=\"img\">");
    let mut volume = vec![0usize; levels + 1];
    for leaf in leaves {
        let region = leaf.region;
        if let Some(volume) = volume.get_mut(leaf.level) {
            *volume += region.len();
        }
        if (region.start[0]..region.end(0)).contains(&middle) {
            let ([_, y, x], [_, height, width]) = (region.start, region.size);
            let _ = write!(
                out,
                "<path fill=\"{}\" stroke=\"#0005\" stroke-width=\"{edge:.3}\" d=\"M{x} {y}h{width}v{height}h-{width}z\"/>",
                color(leaf.level)
            );
        }
    }
    out.push_str("</svg><div class=\"key\">");
    for (level, volume) in volume.iter().enumerate().filter(|(_, v)| **v > 0) {
        let share = 100.0 * *volume as f64 / shape.len() as f64;
        let _ = write!(
            out,
            "<span><i style=\"background:{}\"></i>level {level}: {share:.1} %</span>",
            color(level)
        );
    }
    out.push_str("</div>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use srt::Region;

    #[test]
    fn shares_add_up_and_only_cut_leaves_are_drawn() {
        let shape = Shape::new(&[4, 2, 2]).unwrap();
        let leaf = |z, size, level| Leaf {
            region: Region {
                start: [z, 0, 0],
                size: [size, 2, 2],
            },
            level,
        };
        let map = map(shape, &[leaf(0, 1, 0), leaf(1, 3, 2)], 2);
        assert_eq!(map.matches("<path").count(), 1);
        assert!(map.contains("level 0: 25.0 %") && map.contains("level 2: 75.0 %"));
    }
}
