use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::backend::cpu::Cpu;
use crate::network::testing::{Random, narrow_residual, random_network};

/// Counts the cells that it is asked for.
#[derive(Debug)]
struct Counted {
    cpu: Cpu,
    cells: AtomicUsize,
}

impl Backend for Counted {
    fn name(&self) -> &'static str {
        "counted"
    }

    fn predict_checked(&self, request: &PredictRequest<'_>, out: &mut [f32]) -> Result<()> {
        self.cells
            .fetch_add(request.region.len(), Ordering::Relaxed);
        self.cpu.predict(request, out)
    }
}

struct Case {
    hierarchy: Arc<Hierarchy>,
    counted: Arc<Counted>,
    remembered: Remembered,
    domain: [usize; 3],
}

impl Case {
    fn new(domain: [usize; 3]) -> Self {
        let networks = vec![random_network(narrow_residual(3), 5)];
        let hierarchy = Arc::new(Hierarchy::new("test", "MIT", networks).unwrap());
        let counted = Arc::new(Counted {
            cpu: Cpu::detect(),
            cells: AtomicUsize::new(0),
        });
        let backend: Arc<dyn Backend> = counted.clone();
        let remembered = Remembered::new(backend, Arc::clone(&hierarchy));
        Self {
            hierarchy,
            counted,
            remembered,
            domain,
        }
    }

    fn field(&self, seed: u64) -> Vec<i16> {
        let mut random = Random(seed);
        let voxels = self.domain.iter().product();
        (0..voxels)
            .map(|_| random.between(-9000, 9000) as i16)
            .collect()
    }

    /// Predicts a box, as it is remembered; compares with what is predicted anew. How many cells were.
    fn check(&self, field: &[i16], region: Region, gain: f32) -> usize {
        let request = PredictRequest {
            network: &self.hierarchy.networks()[0],
            input: NetworkInput {
                field,
                origin: [0; 3],
                size: self.domain,
                domain: self.domain,
                extension: [Extension::Even; 3],
                condition: None,
            },
            region,
            scaling: Scaling { gain, unit: 1.0 },
        };
        let before = self.counted.cells.load(Ordering::Relaxed);
        let mut found = vec![0.0; request.output_len()];
        self.remembered.predict(&request, &mut found).unwrap();
        let cells = self.counted.cells.load(Ordering::Relaxed) - before;
        let mut expected = vec![0.0; request.output_len()];
        self.counted.cpu.predict(&request, &mut expected).unwrap();
        assert!(
            found
                .iter()
                .map(|v| v.to_bits())
                .eq(expected.iter().map(|v| v.to_bits()))
        );
        cells
    }

    fn whole(&self) -> Region {
        Region {
            start: [0; 3],
            size: self.domain,
        }
    }
}

#[test]
fn what_is_the_same_is_not_predicted_again() {
    let case = Case::new([40, 36, 70]);
    let (field, whole) = (case.field(1), case.whole());
    assert_eq!(case.check(&field, whole, 0.7), whole.len());
    assert_eq!(case.check(&field, whole, 0.7), 0);
    // Boxes that were never asked for as such.
    let part = Region {
        start: [3, 1, 9],
        size: [30, 33, 40],
    };
    assert_eq!(case.check(&field, part, 0.7), 0);
    // Another gain is another prediction.
    assert_eq!(case.check(&field, part, 0.8), part.len());
    case.remembered.forget();
    assert_eq!(case.check(&field, part, 0.7), part.len());
}

#[test]
fn pieces_of_several_predictions_are_put_together() {
    let case = Case::new([40, 36, 70]);
    let (field, whole) = (case.field(1), case.whole());
    let half = |start: usize, size: usize| Region {
        start: [start, 0, 0],
        size: [size, 36, 70],
    };
    case.check(&field, half(0, 17), 0.7);
    case.check(&field, half(17, 23), 0.7);
    assert_eq!(case.check(&field, whole, 0.7), 0);
}

#[test]
fn a_change_costs_the_tiles_around_it() {
    let case = Case::new([64, 64, 64]);
    let (mut field, whole) = (case.field(1), case.whole());
    case.check(&field, whole, 0.7);
    field[0] += 1;
    assert_eq!(case.check(&field, whole, 0.7), 32 * 32 * 32);
    // Where most has changed, all is predicted anew at once.
    assert_eq!(case.check(&case.field(2), whole, 0.7), whole.len());
}

#[test]
fn networks_of_others_are_not_remembered() {
    let case = Case::new([8, 9, 10]);
    let other = Case::new([8, 9, 10]);
    let field = case.field(1);
    let foreign = Case {
        hierarchy: other.hierarchy,
        ..case
    };
    for _ in 0..2 {
        assert_eq!(foreign.check(&field, foreign.whole(), 0.7), 720);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn answers_are_those_of_the_backend(
        domain in prop::array::uniform3(1usize..50),
        changes in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        first in prop::array::uniform3(0usize..50),
        seed: u64,
    ) {
        let case = Case::new(domain);
        let (mut field, whole) = (case.field(seed), case.whole());
        let start = [0, 1, 2].map(|axis| first[axis].min(domain[axis] - 1));
        let part = Region { start, size: [0, 1, 2].map(|axis| domain[axis] - start[axis]) };
        case.check(&field, part, 0.7);
        for change in &changes {
            let at = change.index(field.len());
            field[at] = -field[at];
        }
        case.check(&field, whole, 0.7);
        case.check(&field, part, 0.7);
    }
}
