//! `--memory`.

use std::str::FromStr;

use srt::{Error, Result};

/// A number of bytes: `512M`, `2G`, or plain bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemorySize(pub(crate) u64);

impl FromStr for MemorySize {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::invalid(format!("a size like 512M or 2G expected, {text:?} found"));
        let shift = match text.chars().next_back() {
            Some('K' | 'k') => 10,
            Some('M' | 'm') => 20,
            Some('G' | 'g') => 30,
            Some('T' | 't') => 40,
            _ => 0,
        };
        let digits = if shift > 0 {
            &text[..text.len() - 1]
        } else {
            text
        };
        let count: u64 = digits.parse().map_err(|_| bad())?;
        count.checked_mul(1 << shift).map(Self).ok_or_else(bad)
    }
}

/// A quarter of this machine's memory, where it can be told.
pub(crate) fn quarter_of_ram() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024 / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_suffixes() {
        let size = |text: &str| text.parse::<MemorySize>().map(|size| size.0).ok();
        assert_eq!(size("2G"), Some(2 << 30));
        assert_eq!(size("512m"), Some(512 << 20));
        assert_eq!(size("7"), Some(7));
        for bad in ["", "G", "-1", "1.5G", "99999999999T", "2GB"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }
}
