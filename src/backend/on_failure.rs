//! Where it is decided that the host does the work of a device that fails.

use crate::base::error::Result;

/// What becomes of work that a device failed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// The error is reported.
    Report,
    /// The host does the work. As all backends give the same bytes, nobody can tell.
    UseHost,
}

impl OnFailure {
    /// The result of `work`, which a device does; `None` where the host is to do it instead.
    ///
    /// # Errors
    /// Those of `work` that the host would not mend, and all where failures are reported.
    pub fn attempt<R>(self, work: impl FnOnce() -> Result<R>) -> Result<Option<R>> {
        match work() {
            Err(e) if self == Self::UseHost && e.may_succeed_on_host() => Ok(None),
            result => result.map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Error;

    #[test]
    fn the_host_mends_only_what_the_device_broke() {
        let broken = || Error::new(crate::ErrorKind::Device, "gone");
        let attempt =
            |on_failure: OnFailure, error: Error| on_failure.attempt(|| Err::<(), _>(error));
        assert_eq!(attempt(OnFailure::UseHost, broken()).unwrap(), None);
        let small = attempt(OnFailure::UseHost, Error::limit("too small"));
        assert_eq!(small.unwrap(), None);
        assert!(attempt(OnFailure::UseHost, Error::corrupt("a brick")).is_err());
        assert!(attempt(OnFailure::Report, broken()).is_err());
        assert_eq!(OnFailure::Report.attempt(|| Ok(3)).unwrap(), Some(3));
    }
}
