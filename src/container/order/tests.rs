use super::*;
use crate::container::{Announced, Bound, Form, Measured, NetworkUse, Slab, WaveletForm};

/// Faults chunk by chunk; `d` is a dataset record, `n` a network with the number that follows, `r` a
/// reference, `f` a frame's record, and `m`, `t`, `b`, `c` are parts. Other letters are chunks that
/// readers may skip.
fn faults(chunks: &str) -> Vec<(usize, OrderFault)> {
    let mut order = ChunkOrder::default();
    let (mut networks, mut out) = (0, Vec::new());
    for (at, letter) in chunks.chars().enumerate() {
        let kind = match letter {
            'd' => ChunkType::DSET,
            'n' => ChunkType::NETW,
            'r' => ChunkType::NREF,
            'f' => ChunkType::FRAM,
            'm' => ChunkType::MASK,
            't' => ChunkType::TREE,
            'b' => ChunkType::BRIK,
            'c' => ChunkType::CORR,
            'U' => ChunkType::from_bytes(*b"UNKN").unwrap(),
            _ => ChunkType::from_bytes(*b"noTe").unwrap(),
        };
        out.extend(order.add(kind, networks).into_iter().map(|f| (at, f)));
        match kind {
            ChunkType::DSET => order.add_dataset(),
            ChunkType::NETW => networks += 1,
            _ => {}
        }
    }
    out
}

#[test]
fn whole_files_are_in_order() {
    for chunks in [
        "d",
        "dfmtbbbc",
        "dfb",
        "xdxfxbxx",
        "dnnfmtbftb",
        "drfc",
        "dfbnnftb",
        "dff",
        "dfbrf",
    ] {
        assert_eq!(faults(chunks), [], "{chunks}");
    }
}

#[test]
fn every_fault_has_its_name() {
    use OrderFault as F;
    for (chunks, at, fault) in [
        ("fd", 0, F::BeforeDataset),
        ("dd", 1, F::SecondDataset),
        ("dnfn", 3, F::SecondWeightSet),
        ("drfn", 3, F::SecondWeightSet),
        ("drn", 2, F::NetworkOutOfOrder),
        ("dnr", 2, F::SecondWeightSet),
        ("drr", 2, F::SecondWeightSet),
        ("db", 1, F::PartWithoutFrame),
        ("dfnb", 3, F::PartWithoutFrame),
        ("dftm", 3, F::PartOutOfOrder),
        ("dfbm", 3, F::PartOutOfOrder),
        ("dfbt", 3, F::PartOutOfOrder),
        ("dfcb", 3, F::PartOutOfOrder),
        ("dfmm", 3, F::RepeatedPart),
        ("dftt", 3, F::RepeatedPart),
        ("dfcc", 3, F::RepeatedPart),
        ("dfU", 2, F::UnknownPlace),
    ] {
        assert_eq!(faults(chunks), [(at, fault)], "{chunks}");
    }
    // After a fault the next chunk is judged by what is there.
    assert_eq!(
        faults("bdfcbtb"),
        [
            (0, F::BeforeDataset),
            (0, F::PartWithoutFrame),
            (4, F::PartOutOfOrder),
            (5, F::PartOutOfOrder),
            (6, F::PartOutOfOrder)
        ]
    );
    assert_eq!(
        faults("dfmtm"),
        [(4, F::PartOutOfOrder), (4, F::RepeatedPart)]
    );
}

#[test]
fn a_network_has_the_number_that_follows() {
    let mut order = ChunkOrder::default();
    order.add_dataset();
    assert_eq!(order.add(ChunkType::NETW, 0), []);
    assert_eq!(
        order.add(ChunkType::NETW, 2),
        [OrderFault::NetworkOutOfOrder]
    );
    assert_eq!(order.add(ChunkType::NETW, 2), []);
}

#[test]
fn parts_after_lost_chunks_are_nobodys() {
    let mut order = ChunkOrder::default();
    order.add_dataset();
    assert_eq!(order.add(ChunkType::FRAM, 0), []);
    assert_eq!(order.add(ChunkType::CORR, 0), []);
    order.skip_lost();
    assert_eq!(order.add(ChunkType::MASK, 0), []);
    assert_eq!(order.add(ChunkType::FRAM, 0), []);
    assert_eq!(order.add(ChunkType::CORR, 0), []);
    assert_eq!(order.add(ChunkType::CORR, 0), [OrderFault::RepeatedPart]);
}

fn frame(step: u64, network: bool) -> Frame {
    let network = network.then(|| NetworkUse { gains: vec![1.0] });
    Frame {
        field: 0,
        step,
        time: None,
        range: (0.0, 1.0),
        bound: Bound::Psnr(40.0),
        measured: Measured {
            psnr_db: 41.0,
            ssim: None,
            max_error: 0.1,
        },
        form: Form::Wavelet(WaveletForm {
            wavelet: 0,
            periodic: crate::base::grid::Axes::NONE,
            plan: 0,
            levels: 1,
            brick_edge: 64,
            shrink: 0,
            step: 0.5,
            offset: 0.0,
            scale: 1.0,
            network,
            quality: vec![80],
            references: None,
        }),
        announced: Announced::default(),
        slab: None,
    }
}

#[test]
fn frames_and_weights_know_of_the_frames_before() {
    let mut order = ChunkOrder::default();
    order.add_dataset();
    let slab = |start, len| Frame {
        slab: Some(Slab { start, len }),
        ..frame(1, false)
    };
    assert_eq!(order.add_frame(&frame(0, false)), None);
    assert_eq!(order.add_frame(&slab(0, 4)), None);
    assert_eq!(order.add_frame(&slab(8, 4)), None);
    let second = Some(OrderFault::SecondFrame);
    assert_eq!(order.add_frame(&slab(11, 4)), second);
    assert_eq!(order.add_frame(&frame(0, false)), second);
    assert_eq!(order.add(ChunkType::NREF, 0), []);
    assert_eq!(order.add_frame(&frame(2, true)), None);
    let late = [OrderFault::WeightsAfterUse];
    assert_eq!(order.add(ChunkType::NETW, 0), late);
    assert_eq!(order.add(ChunkType::NREF, 0), late);
}

#[test]
fn a_frame_has_what_it_announces() {
    use OrderFault::{MissingPart, UnannouncedPart};
    // `M` and `C`: announced; `m` and `c`: there. A brick is in every frame.
    let faults = |announced: &str, parts: &str| {
        let mut order = ChunkOrder::default();
        order.add_dataset();
        assert_eq!(order.add(ChunkType::FRAM, 0), []);
        let announced = Announced {
            mask: announced.contains('M'),
            corrections: announced.contains('C'),
        };
        let record = Frame {
            announced,
            ..frame(0, false)
        };
        assert_eq!(order.add_frame(&record), None);
        let mut faults = Vec::new();
        for part in parts.chars() {
            let kind = match part {
                'm' => ChunkType::MASK,
                'b' => ChunkType::BRIK,
                _ => ChunkType::CORR,
            };
            faults.extend(order.add(kind, 0));
        }
        faults.extend(order.end());
        faults
    };
    for (announced, parts) in [("", "b"), ("M", "mb"), ("C", "bc"), ("MC", "mbc")] {
        assert_eq!(faults(announced, parts), [], "{announced} {parts}");
    }
    for (announced, parts) in [("", "mb"), ("", "bc"), ("M", "mbc"), ("C", "mbc")] {
        assert_eq!(
            faults(announced, parts),
            [UnannouncedPart],
            "{announced} {parts}"
        );
    }
    for (announced, parts) in [
        ("M", "b"),
        ("M", ""),
        ("C", "b"),
        ("C", ""),
        ("MC", "bc"),
        ("MC", "mb"),
    ] {
        assert_eq!(
            faults(announced, parts),
            [MissingPart],
            "{announced} {parts}"
        );
    }
    assert_eq!(faults("MC", "b"), [MissingPart, MissingPart]);
}
