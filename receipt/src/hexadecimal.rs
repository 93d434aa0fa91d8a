//! Bytes as text: `0x` and digits in lower case. Text without the `0x` is read too; there is no other form.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text of bytes.
pub(crate) fn text(bytes: &[u8]) -> String {
    let mut text = String::from("0x");
    text.push_str(&hex::encode(bytes));
    text
}

/// The bytes of a text.
pub(crate) fn parse(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    hex::decode(digits).ok().filter(|_| !digits.bytes().any(|b| b.is_ascii_uppercase()))
}

/// The bytes of a text, at most 32, behind as many zeros as are missing: as the ABI pads numbers and addresses.
///
/// # Errors
/// What is expected.
pub fn parse_word(text: &str) -> Result<[u8; 32], &'static str> {
    const EXPECTED: &str = "expected up to 32 bytes as hexadecimal digits, two for each, with or without 0x before them";
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let bytes = hex::decode(digits).ok().filter(|bytes| !bytes.is_empty()).ok_or(EXPECTED)?;
    let mut word = [0; 32];
    let start = word.len().checked_sub(bytes.len()).ok_or(EXPECTED)?;
    word.iter_mut().skip(start).zip(bytes).for_each(|(to, byte)| *to = byte);
    Ok(word)
}

/// 32 bytes in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Word(pub(crate) [u8; 32]);

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(&self.0))
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let word = parse(&text).and_then(|bytes| bytes.try_into().ok()).map(Self);
        word.ok_or_else(|| serde::de::Error::custom("expected 64 hexadecimal digits in lower case"))
    }
}

/// Any number of bytes in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).map(Self).ok_or_else(|| serde::de::Error::custom("expected hexadecimal digits in lower case, two for each byte"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_one_value() {
        assert_eq!(parse("0x00ff"), Some(alloc::vec![0, 255]));
        assert_eq!(parse("00ff"), parse("0x00ff"));
        assert_eq!(parse(""), Some(Vec::new()));
        for wrong in ["0X00", "0xFF", "FF", "0x0", "f", "0x0x00", " 00", "00 ", "0xg0", "é"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn short_words_are_padded_as_numbers_are() {
        let mut one = [0; 32];
        one[31] = 1;
        assert_eq!(parse_word("01"), Ok(one));
        assert_eq!(parse_word("0x01"), Ok(one));
        assert_eq!(parse_word(&text(&one)), Ok(one));
        // As people write addresses.
        assert_eq!(parse_word("0xAb").unwrap()[31], 0xab);
        for wrong in ["", "0x", "1", "0x1", "xyz", "0x01 ", &"00".repeat(33)] {
            assert!(parse_word(wrong).is_err(), "{wrong}");
        }
    }
}
