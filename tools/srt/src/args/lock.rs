//! `--lock`.

use srt_program::Contention;

/// `--lock`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LockChoice {
    /// Wait for it; a note says so after a second
    #[default]
    Wait,
    /// Exit with 2
    Fail,
}

impl LockChoice {
    /// `quiet`: without a note.
    pub(crate) fn contention(self, quiet: bool) -> Contention {
        match self {
            Self::Fail => Contention::Fail,
            Self::Wait if quiet => Contention::WaitQuietly,
            Self::Wait => Contention::Wait,
        }
    }
}
