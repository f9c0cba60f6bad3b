//! What this process asks of the system: limits on itself, and its standard output out of reach.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;

/// Limits that the process sets on itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Address space in bytes.
    memory: Option<u64>,
    /// Processor time.
    seconds: Option<u64>,
}

impl Limits {
    /// Reads `--memory BYTES` and `--seconds N`, each of which may be left out.
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut limits = Self::default();
        while let Some(name) = args.next() {
            let slot = match name.as_str() {
                "--memory" => &mut limits.memory,
                "--seconds" => &mut limits.seconds,
                _ => {
                    return Err(format!(
                        "usage: srt-sz3 [--memory BYTES] [--seconds N] < request > reply; {name:?} found"
                    ));
                }
            };
            let value = args.next().and_then(|text| text.parse().ok());
            *slot = Some(value.ok_or_else(|| format!("a number behind {name} expected"))?);
        }
        Ok(limits)
    }

    /// Sets them; where the system has no such limits only the parent's deadline holds.
    #[cfg(unix)]
    pub(crate) fn impose(self) -> io::Result<()> {
        let set = |resource, value: Option<u64>| {
            let Some(value) = value else { return Ok(()) };
            let value = value as libc::rlim_t;
            let limit = libc::rlimit {
                rlim_cur: value,
                rlim_max: value,
            };
            // SAFETY: the call only reads the struct.
            match unsafe { libc::setrlimit(resource, &limit) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        };
        set(libc::RLIMIT_AS, self.memory)?;
        set(libc::RLIMIT_CPU, self.seconds)?;
        // A crash is expected on damaged input; no file of it is wanted.
        set(libc::RLIMIT_CORE, Some(0))
    }

    #[cfg(not(unix))]
    pub(crate) fn impose(self) -> io::Result<()> {
        Ok(())
    }
}

/// The pipe to the parent; from now on what is printed to standard output goes to standard error.
#[cfg(unix)]
pub(crate) fn take_standard_output() -> io::Result<File> {
    use std::os::fd::AsFd;
    let kept = io::stdout().as_fd().try_clone_to_owned()?;
    // SAFETY: both descriptors are open and the process's own.
    match unsafe { libc::dup2(libc::STDERR_FILENO, libc::STDOUT_FILENO) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(File::from(kept)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_or_refused() {
        let parse = |words: &[&str]| Limits::parse(words.iter().map(|&w| w.to_owned()));
        let both = parse(&["--memory", "9", "--seconds", "3"]).unwrap();
        assert_eq!((both.memory, both.seconds), (Some(9), Some(3)));
        assert_eq!(parse(&[]).unwrap(), Limits::default());
        for bad in [&["--memory"][..], &["--seconds", "x"], &["x"]] {
            assert!(parse(bad).is_err());
        }
    }
}
