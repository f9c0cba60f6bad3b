//! Text of others on a terminal: names in files, names of files, messages about them.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a terminal would do something else with this character than show it: controls (C0, DEL, C1), and marks that
/// turn the direction of text or hide in it.
fn is_command(c: char) -> bool {
    let hides = matches!(c,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    c.is_control() || hides
}

/// Text of others as one line that a terminal shows and does not obey: what it would obey is written as `\u{1b}`.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false, |c, out| out.extend(c.escape_unicode()))
}

/// As [`printable`], of several lines: a report.
#[must_use]
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    let stays = |c| c == '\n';
    escaped(text, stays, |c, out| out.extend(c.escape_unicode()))
}

/// JSON that says the same and in which nothing is left that a terminal would obey.
#[must_use]
pub(crate) fn printable_json(text: &str) -> Cow<'_, str> {
    let stays = |c| c == '\n';
    escaped(text, stays, |c, out| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    })
}

/// The one rule of all output: `escape` writes what a terminal would obey, unless it `stays`.
fn escaped(
    text: &str,
    stays: impl Fn(char) -> bool,
    escape: impl Fn(char, &mut String),
) -> Cow<'_, str> {
    let obeyed = |c: char| is_command(c) && !stays(c);
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if obeyed(c) {
            escape(c, &mut out);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Hexadecimal digits, two for a byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        for (text, shown) in [
            ("u' = ∂u/∂t, 速度", "u' = ∂u/∂t, 速度"),
            ("a\u{1b}]0;t\u{7}b", "a\\u{1b}]0;t\\u{7}b"),
            ("\u{9b}2J\u{7f}\r", "\\u{9b}2J\\u{7f}\\u{d}"),
            ("npy.\u{202e}trs", "npy.\\u{202e}trs"),
            ("two\nlines\t", "two\\u{a}lines\\u{9}"),
        ] {
            assert_eq!(printable(text), shown);
        }
        assert_eq!(printable_lines("a\nb\r\u{1b}"), "a\nb\\u{d}\\u{1b}");
    }

    #[test]
    fn json_stays_the_same_data() {
        let name = "a\u{1b}\u{9b}\u{202e}\u{e0001}\n\"b";
        let text = serde_json::to_string_pretty(&[name]).unwrap();
        let shown = printable_json(&text);
        assert!(
            !shown.chars().any(|c| is_command(c) && c != '\n'),
            "{shown}"
        );
        let back: Vec<String> = serde_json::from_str(&shown).unwrap();
        assert_eq!(back, [name]);
    }
}
