//! Every kernel in the host emulator against the CPU, bit by bit.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use gpu_check::cases::{self, Case};
use gpu_check::emulator::{Emulator, Order, compiler};
use srt::Region;
use srt::backend::Backend;
use srt::backend::cuda::{Cuda, source};

/// The emulator, or `None` with the reason printed.
fn emulator() -> Option<Emulator> {
    match compiler() {
        Ok(compiler) => Some(Emulator::new(&compiler, &source::text()).unwrap()),
        Err(reason) => {
            println!("left out: {reason}");
            None
        }
    }
}

fn check(case: &Case, backend: &dyn Backend, how: &str) {
    if let Err(difference) = case.check(backend) {
        panic!("{}, {how}: {difference}", case.name);
    }
}

#[test]
fn networks_equal_the_cpu_in_every_order_of_threads() {
    let Some(machine) = emulator() else {
        return;
    };
    for order in [Order::Forward, Order::Reverse, Order::Random(7)] {
        let cuda = Cuda::new(Arc::new(machine.with_order(order)));
        for case in cases::small().unwrap() {
            check(&case, &cuda, &format!("{order:?}"));
        }
    }
}

#[test]
fn tiles_and_memory_never_show() {
    let Some(machine) = emulator() else {
        return;
    };
    let cuda = Cuda::new(Arc::new(machine.with_order(Order::Random(3))));
    for (number, padding) in [srt::network::Padding::Extend, srt::network::Padding::Zero]
        .into_iter()
        .enumerate()
    {
        for arch in [
            cases::default_architecture(3),
            cases::paper_architecture(3, 6, 3, [1, 1, 2]),
        ] {
            let arch = srt::network::Architecture { padding, ..arch };
            let case = Case::new("tiles", arch, [9, 12, 10], 40 + number as u64)
                .unwrap()
                .with_region(Region {
                    start: [1, 3, 0],
                    size: [7, 9, 9],
                });
            check(&case, &cuda.clone().with_tile_edge(4), "tiles of 4");
            // Enough for tiles of 8 voxels, not for the whole.
            check(&case, &cuda.clone().with_memory_bytes(3 << 20), "3 MiB");
            let refused = case.predict(&cuda.clone().with_memory_bytes(10_000));
            assert_eq!(refused.unwrap_err().kind(), srt::ErrorKind::LimitExceeded);
        }
    }
}

#[test]
fn built_in_models_equal_the_cpu() {
    let Some(machine) = emulator() else {
        return;
    };
    let cuda = Cuda::new(Arc::new(machine.with_order(Order::Random(11))));
    for case in cases::built_in([5, 7, 9], [1, 13, 17]).unwrap() {
        check(&case, &cuda, "built in");
    }
}
