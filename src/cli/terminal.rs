//! Text on its way to a terminal.
//!
//! Names of models, tensors and files come from strangers, and a terminal obeys more than line breaks: sequences that begin with a
//! control character move the cursor and rewrite what stands there, marks hide text or turn its direction. Everything that is not
//! printable is shown by its number; line breaks and tabs of our own are left, those of a name are not.

use serde_json::Value;
use sworn::{is_printable, printable_json};

/// Our own text, with names of others in it.
pub(super) fn shown(text: &str) -> String {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

/// A name of others, which has no line of its own.
pub(super) fn name(text: &str) -> String {
    escaped(text, |_| false)
}

fn escaped(text: &str, is_ours: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_printable(c) || is_ours(c) {
            true => out.push(c),
            false => out.extend(c.escape_debug()),
        }
    }
    out
}

/// An object in a line.
pub(super) fn json(value: &Value) -> String {
    printable_json(&value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "é 層\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{e0001}\r\n\t\\'\"";

    #[test]
    fn terminals_get_printable_characters() {
        let escapes = "é 層\\u{1b}[2J\\u{9b}31m\\u{7f}\\u{202e}\\u{2066}\\u{200b}\\u{feff}\\u{2028}\\u{e0001}\\r";
        assert_eq!(name(NAME), format!("{escapes}\\n\\t\\'\""));
        assert_eq!(shown(NAME), format!("{escapes}\n\t\\'\""));
    }
}
