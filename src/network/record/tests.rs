use proptest::prelude::*;

use super::*;
use crate::base::error::ErrorKind;
use crate::network::testing;
use crate::network::testing::random_network;

fn samples() -> Vec<Network> {
    [
        testing::narrow_residual(2),
        testing::narrow_residual(3),
        testing::narrow_rrdb(2),
        testing::narrow_rrdb(3),
        Architecture::residual(3),
    ]
    .into_iter()
    .enumerate()
    .map(|(seed, arch)| random_network(arch, seed as u64))
    .collect()
}

#[test]
fn record_gives_the_network_back() {
    for network in samples() {
        let bytes = network.to_bytes();
        let back = Network::from_bytes(&bytes, &Limits::default()).unwrap();
        assert_eq!(back, network);
        assert_eq!(back.to_bytes(), bytes);
    }
}

#[test]
fn payload_is_covered_exactly() {
    for network in samples() {
        let mut bytes = network.to_bytes();
        for cut in (0..bytes.len()).step_by(7).chain([bytes.len() - 1]) {
            let error = Network::from_bytes(&bytes[..cut], &Limits::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "cut at {cut}");
        }
        bytes.push(0);
        let error = Network::from_bytes(&bytes, &Limits::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn newer_versions_are_unsupported_and_not_corrupt() {
    let mut bytes = random_network(testing::narrow_residual(3), 0).to_bytes();
    bytes[0] = 2;
    let error = Network::from_bytes(&bytes, &Limits::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn budget_is_checked_before_the_length() {
    let limits = Limits::default().with_network_parameters(87_651);
    let bytes = random_network(Architecture::residual(3), 0).to_bytes();
    for part in [&bytes[..], &bytes[..HEADER_BYTES]] {
        let error = Network::from_bytes(part, &limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }
}

/// Offset of the first layer's tensors of the narrow residual network: 3 channels to 5, kernel 3.
const BIAS_AT: usize = HEADER_BYTES + 5 * 3 * 27;

#[test]
fn bad_scales_are_refused() {
    let good = random_network(testing::narrow_residual(3), 0).to_bytes();
    for bad in [f32::NAN, f32::INFINITY, -1.0, -0.0] {
        let mut bytes = good.clone();
        bytes[BIAS_AT + 20..][..4].copy_from_slice(&bad.to_le_bytes());
        let error = Network::from_bytes(&bytes, &Limits::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{bad}");
    }
}

#[test]
fn accumulator_guarantee_is_checked_to_the_last_unit() {
    let mut bytes = random_network(testing::narrow_residual(3), 0).to_bytes();
    bytes[HEADER_BYTES..BIAS_AT].fill(0);
    bytes[HEADER_BYTES] = 1;
    let mut with_bias = |bias: i32| {
        bytes[BIAS_AT..][..4].copy_from_slice(&bias.to_le_bytes());
        Network::from_bytes(&bytes, &Limits::default())
    };
    let most = i32::MAX - 32767;
    assert!(with_bias(most).is_ok());
    assert!(with_bias(-most).is_ok());
    assert!(with_bias(most + 1).is_err());
    assert!(with_bias(i32::MIN).is_err());
}

#[test]
fn every_flipped_header_bit_is_an_error_or_another_network() {
    for network in samples() {
        let good = network.to_bytes();
        for bit in 0..HEADER_BYTES * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = Network::from_bytes(&bytes, &Limits::default()) {
                assert_ne!(other, network);
                assert_eq!(other.to_bytes(), bytes, "records are unique");
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_bring_it_down(
        mut bytes in prop::collection::vec(any::<u8>(), 0..400),
        valid_start in any::<bool>(),
    ) {
        if valid_start {
            let good = random_network(testing::narrow_residual(2), 3).to_bytes();
            let len = bytes.len().min(8);
            bytes[..len].copy_from_slice(&good[..len]);
        }
        if let Ok(network) = Network::from_bytes(&bytes, &Limits::default()) {
            prop_assert_eq!(network.to_bytes(), bytes);
        }
    }

    #[test]
    fn mutated_records_are_errors_or_round_trip(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        seed in 0u64..4,
    ) {
        let arch = if seed % 2 == 0 { testing::narrow_residual(2) } else { testing::narrow_rrdb(2) };
        let mut bytes = random_network(arch, seed).to_bytes();
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(network) = Network::from_bytes(&bytes, &Limits::default()) {
            prop_assert_eq!(network.to_bytes(), bytes);
        }
    }
}
