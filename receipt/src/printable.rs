//! Text without characters that a terminal obeys, that hide, or that turn the direction of others.
//!
//! Names of models and tensors come from strangers. Whoever shows them shows such characters by their numbers.

use alloc::string::String;
use core::fmt::Write;

/// Whether a character has a shape and a place of its own.
pub fn is_printable(c: char) -> bool {
    matches!(c, '\'' | '"' | '\\') || c.escape_debug().eq([c])
}

/// A JSON text of the same value, all of it printable but for its line breaks.
pub fn printable_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_printable(c) || c == '\n' {
            out.push(c);
        } else {
            // Outside of strings there are none, and in a string a line break has an escape already.
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_of_the_same_values() {
        let name = "é 層\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{e0001}\r\n\t\\'\"";
        let value = serde_json::json!({ name: [name, 1.5, null] });
        let text = printable_json(&serde_json::to_string_pretty(&value).unwrap_or_default());
        assert!(text.chars().all(|c| is_printable(c) || c == '\n'));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).ok(), Some(value));
    }
}
