use proptest::prelude::*;

use super::*;
use crate::base::error::ErrorKind;
use crate::network::testing;
use crate::network::testing::random_network;

fn sample() -> Hierarchy {
    let mut coarse = testing::narrow_residual(3);
    (coarse.min_level, coarse.max_level) = (1, 255);
    let mut conditioned = testing::narrow_residual(2);
    conditioned.channels = InputChannels::INSIDE_FIELD.with(InputChannels::CONDITION);
    conditioned.shortcut_kernel = None;
    let networks = [
        Architecture::residual(3),
        coarse,
        conditioned,
        testing::narrow_rrdb(2),
        testing::narrow_rrdb(3),
    ];
    let networks = networks
        .into_iter()
        .enumerate()
        .map(|(seed, arch)| random_network(arch, seed as u64))
        .collect();
    let mut hierarchy = Hierarchy::new("sample", "MIT OR Apache-2.0", networks).unwrap();
    hierarchy.training_data_sha256 = Some("00ff".into());
    hierarchy
}

fn kind(bytes: &[u8]) -> ErrorKind {
    Hierarchy::from_safetensors(bytes, &Limits::default())
        .unwrap_err()
        .kind()
}

/// Replaces text in the file's header without changing its length.
fn with_text(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = bytes
        .windows(from.len())
        .position(|window| window == from.as_bytes())
        .unwrap_or_else(|| panic!("{from} not in the header"));
    assert_eq!(from.len(), to.len());
    let mut out = bytes.to_vec();
    out[at..at + to.len()].copy_from_slice(to.as_bytes());
    out
}

#[test]
fn export_gives_the_hierarchy_back() {
    let hierarchy = sample();
    let bytes = hierarchy.to_safetensors().unwrap();
    let back = Hierarchy::from_safetensors(&bytes, &Limits::default()).unwrap();
    assert_eq!(back, hierarchy);
    assert_eq!(back.sha256(), hierarchy.sha256());
    assert_eq!(back.to_safetensors().unwrap(), bytes);
}

#[test]
fn errors_say_whose_fault_it_is() {
    let good = sample().to_safetensors().unwrap();
    let newer = with_text(&good, "srt-network-1", "srt-network-2");
    assert_eq!(kind(&newer), ErrorKind::Unsupported);
    for (from, to) in [
        ("srt-network-1", "xyz-network-1"),
        ("0.input.bias", "0.input.bios"),
        ("\\\"rank\\\":3", "\\\"rank\\\":2"),
        ("\\\"slope\\\"", "\\\"slopa\\\""),
        ("\\\"field\\\"", "\\\"fjeld\\\""),
        ("\\\"features\\\":32", "\\\"features\\\":31"),
        ("\\\"blocks\\\":3", "\\\"blocks\\\":2"),
        ("\"I16\"", "\"U16\""),
    ] {
        assert_eq!(
            kind(&with_text(&good, from, to)),
            ErrorKind::Corrupt,
            "{to}"
        );
    }
    for cut in [0, 7, 8, 100, good.len() - 1] {
        assert_eq!(kind(&good[..cut]), ErrorKind::Corrupt, "cut at {cut}");
    }
    let limits = Limits::default().with_network_parameters(87_652);
    let error = Hierarchy::from_safetensors(&good, &limits).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

#[test]
fn channels_out_of_order_are_refused() {
    let mut text = NetworkText::from(&Architecture::residual(3));
    text.input_channels.swap(0, 1);
    assert!(text.to_arch().is_err());
    text.input_channels = vec!["field".into(), "field".into()];
    assert!(text.to_arch().is_err());
}

proptest! {
    #[test]
    fn mutated_files_are_refused_or_round_trip(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        header_only in any::<bool>(),
    ) {
        let networks = vec![random_network(testing::narrow_residual(2), 1)];
        let mut bytes = Hierarchy::new("n", "MIT", networks).unwrap().to_safetensors().unwrap();
        let end = if header_only { 1500 } else { bytes.len() };
        for (at, value) in edits {
            bytes[at.index(end)] = value;
        }
        if let Ok(hierarchy) = Hierarchy::from_safetensors(&bytes, &Limits::default()) {
            let again = hierarchy.to_safetensors().unwrap();
            let back = Hierarchy::from_safetensors(&again, &Limits::default()).unwrap();
            prop_assert_eq!(back.sha256(), hierarchy.sha256());
        }
    }
}
