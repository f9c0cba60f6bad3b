//! Every kernel in the host emulator against the CPU, bit by bit.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use gpu_check::cases::{self, Case};
use gpu_check::emulator::{Emulator, Order, Schedule, compiler};
use gpu_check::gpu;
use srt::backend::cpu::Cpu;
use srt::backend::cuda::{Cuda, source};
use srt::backend::{Backend, Fallback};
use srt::{DecodeOptions, Decoder, Region};

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
            srt::network::Architecture::residual(3),
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

#[test]
fn warpgroups_equal_the_cpu() {
    let Some(machine) = emulator() else {
        return;
    };
    for order in [Order::Forward, Order::Reverse, Order::Random(13)] {
        let machine = machine.with_order(order).with_warpgroups();
        let cuda = Cuda::new(Arc::new(machine));
        for case in cases::wide().unwrap() {
            check(&case, &cuda, &format!("{order:?}"));
        }
    }
}

#[test]
fn the_host_takes_over_where_the_machine_breaks_down() {
    let Some(machine) = emulator() else {
        return;
    };
    let file = &gpu::small_files()[0];
    let cpu = || Arc::new(Cpu::detect());
    let (bytes, _) = file.encode(cpu()).unwrap();
    let decode = |backend: Arc<dyn Backend>| {
        let options = DecodeOptions::default().with_backend(backend);
        let decoder = Decoder::with_options(&bytes, options).unwrap();
        decoder.only_frame().and_then(|frame| frame.read_any())
    };
    let expected = decode(cpu()).unwrap();
    let mut refused = 0;
    for launches in [0, 1, 5, 20, 40, 80, 10_000] {
        for schedule in [Schedule::Late, Schedule::LaunchesFirst] {
            let machine = machine.with_schedule(schedule);
            // Boxes, so that some are delivered before the end.
            let broken = || {
                let machine = machine.breaking_down_after(launches);
                Cuda::new(Arc::new(machine)).with_memory_bytes((24 << 20) + 600_000)
            };
            let alone = decode(Arc::new(broken()));
            refused += usize::from(alone.is_err());
            let with_host = Fallback::new(broken(), Cpu::detect());
            assert!(decode(Arc::new(with_host)).unwrap() == expected);
        }
    }
    assert!((4..14).contains(&refused), "{refused}");
}

/// Every order of threads, each with another schedule.
const WAYS: [(Order, Schedule); 3] = [
    (Order::Forward, Schedule::Late),
    (Order::Reverse, Schedule::CopiesFirst),
    (Order::Random(5), Schedule::LaunchesFirst),
];

#[test]
fn levels_equal_the_cpu() {
    let Some(machine) = emulator() else {
        return;
    };
    for (order, schedule) in WAYS {
        let machine = machine.with_order(order).with_schedule(schedule);
        let cuda = Cuda::new(Arc::new(machine));
        cuda.check().unwrap();
        let checked = gpu_check::levels::check(&cuda);
        assert!(
            checked.as_ref().is_ok_and(|&n| n > 90),
            "{order:?}: {checked:?}"
        );
    }
}

#[test]
fn files_equal_the_cpu_whatever_memory_there_is() {
    let Some(machine) = emulator() else {
        return;
    };
    for file in gpu::small_files() {
        let (bytes, model) = file.encode(Arc::new(Cpu::detect())).unwrap();
        assert_ne!(model, "none", "{}", file.name);
        for (order, schedule) in WAYS {
            let machine = machine.with_order(order).with_schedule(schedule);
            let cuda = Cuda::new(Arc::new(machine));
            let decoded = gpu::decode_both(&cuda, &bytes);
            assert!(decoded.is_ok(), "{}, {order:?}: {decoded:?}", file.name);
        }
        // Stages, and not enough beside them for the finest level: boxes of it.
        let cuda = Cuda::new(Arc::new(machine.with_schedule(Schedule::Late)));
        let small = cuda.with_memory_bytes((24 << 20) + 600_000);
        let decoded = gpu::decode_both(&small, &bytes);
        assert!(decoded.is_ok(), "{}, boxes: {decoded:?}", file.name);
        let refused = gpu::decode_both(&small.with_memory_bytes(24 << 20), &bytes);
        assert!(
            refused.is_err_and(|e| e.contains("memory")),
            "{}",
            file.name
        );
    }
}
