//! Whose requests are answered: those that name this server by its own address and know the token.
//!
//! Without the first, any page on the web could reach the server by a name of its own that leads to 127.0.0.1; without the
//! second, every user and program of this machine could.

use srt::{Error, ErrorKind, Result};

/// What a request has to show.
#[derive(Debug)]
pub(crate) struct Guard {
    port: u16,
    token: String,
}

impl Guard {
    /// With a token of 128 random bits.
    ///
    /// # Errors
    /// `Io` where the system has no random numbers.
    pub(crate) fn new(port: u16) -> Result<Self> {
        let mut bytes = [0; 16];
        let fill = getrandom::fill(&mut bytes);
        fill.map_err(|e| Error::new(ErrorKind::Io, format!("no random numbers: {e}")))?;
        let token = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { port, token })
    }

    /// Where the page is.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/{}/", self.port, self.token)
    }

    /// Whether the header `Host` is this server's.
    pub(crate) fn is_own_host(&self, host: &str) -> bool {
        let own = |name: &&str| host == format!("{name}:{}", self.port);
        ["127.0.0.1", "localhost"].iter().any(own)
    }

    /// The path behind the token; `None` without it.
    pub(crate) fn open<'p>(&self, path: &'p str) -> Option<&'p str> {
        let (token, rest) = path.strip_prefix('/')?.split_once('/')?;
        // In the same time for every wrong one of this length.
        let differs = |(a, b): (u8, u8)| a ^ b;
        let pairs = token.bytes().zip(self.token.bytes());
        let difference = pairs.map(differs).fold(0, |all, one| all | one);
        (token.len() == self.token.len() && difference == 0).then_some(rest)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_own_address_and_token_opens() {
        let guard = Guard::new(4000).unwrap();
        let token = guard.token.clone();
        assert_eq!(guard.url(), format!("http://127.0.0.1:4000/{token}/"));
        assert_eq!(guard.open(&format!("/{token}/")), Some(""));
        assert_eq!(guard.open(&format!("/{token}/a/b")), Some("a/b"));
        for wrong in [
            "/".to_owned(),
            "/api/files".to_owned(),
            format!("/{}/", &token[1..]),
            format!("/{token}0/"),
            format!("/{}/", "0".repeat(32)),
            format!("//{token}/"),
            token.clone(),
        ] {
            assert_eq!(guard.open(&wrong), None, "{wrong}");
        }
        assert!(guard.is_own_host("127.0.0.1:4000") && guard.is_own_host("localhost:4000"));
        for other in [
            "example.org",
            "127.0.0.1",
            "127.0.0.1:4001",
            "localhost.example.org:4000",
            "",
        ] {
            assert!(!guard.is_own_host(other), "{other}");
        }
        assert_ne!(Guard::new(4000).unwrap().token, token);
    }
}
