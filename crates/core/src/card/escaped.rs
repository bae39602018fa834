//! Card numbers that JSON's escapes hide (RFC 8259, section 7): `4111\\u00201111…`, `\\u0034111…`.
//!
//! Whoever decodes a text sees them; so whoever keeps its bytes has to mask them as well.

use super::mask_card_numbers;
use alloc::vec::Vec;

/// What a digit's escape becomes: `*`, as an escape of the same length.
const STAR: &[u8; ESCAPE] = b"\\u002a";
const ESCAPE: usize = 6;

/// As [`mask_card_numbers`], in what the escapes of a JSON text stand for. A digit's escape becomes
/// the escape of `*`, so no length changes here either. True if there was a number.
pub fn mask_escaped_card_numbers(bytes: &mut [u8]) -> bool {
    if !bytes.contains(&b'\\') {
        return false;
    }
    let (mut shown, places): (Vec<u8>, Vec<usize>) = characters(bytes).unzip();
    let original = shown.clone();
    let masked = mask_card_numbers(&mut shown);
    for ((after, before), at) in shown.iter().zip(&original).zip(places) {
        match (after == before, bytes[at]) {
            (true, _) => {}
            (false, b'\\') => bytes[at..at + ESCAPE].copy_from_slice(STAR),
            (false, _) => bytes[at] = *after,
        }
    }
    masked
}

/// What every byte or escape stands for, and where it begins. What is no ASCII character only has
/// to be no digit and no separator.
fn characters(bytes: &[u8]) -> impl Iterator<Item = (u8, usize)> + '_ {
    let mut at = 0;
    core::iter::from_fn(move || {
        let start = at;
        let character = match bytes.get(start..)? {
            [b'\\', b'u', code @ ..] if hexadecimal(code).is_some() => {
                at += ESCAPE;
                hexadecimal(code).filter(u8::is_ascii).unwrap_or_default()
            }
            [b'\\', _, ..] => {
                at += 2;
                b'\\'
            }
            [literal, ..] => {
                at += 1;
                *literal
            }
            [] => return None,
        };
        Some((character, start))
    })
}

/// The character that four hexadecimal digits name; 255 for one beyond a byte.
fn hexadecimal(code: &[u8]) -> Option<u8> {
    let digits = core::str::from_utf8(code.get(..4)?).ok()?;
    let named = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = named.then(|| u16::from_str_radix(digits, 16).ok()).flatten()?;
    Some(u8::try_from(number).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::mask_escaped_card_numbers;
    use alloc::string::String;

    #[test]
    fn escapes_hide_no_card_number() {
        for (text, expected) in [
            ("4111 1111 1111 1111", "4111 1111 1111 1111"),
            (r"4111\u00201111\u00201111\u00201111", r"****\u0020****\u0020****\u00201111"),
            (r"4111\u002d1111\u002D1111\u002d1111", r"****\u002d****\u002D****\u002d1111"),
            (r"\u0034111111111111111", r"\u002a***********1111"),
            (r"411111111111111\u0031", r"************111\u0031"),
            (r"\n4111111111111111", r"\n************1111"),
            (r"4111\t1111\t1111\t1111", r"4111\t1111\t1111\t1111"),
            // A backslash that is meant, and no escape behind it.
            (r"\\u0034111111111111111", r"\\u0034111111111111111"),
            (r"\u004\u00e94111111111111111\u", r"\u004\u00e9************1111\u"),
            (r"\u06344111111111111111", r"\u0634************1111"),
            (r"4\", r"4\"),
        ] {
            let mut bytes = text.as_bytes().to_vec();
            let masked = mask_escaped_card_numbers(&mut bytes);
            assert_eq!(String::from_utf8(bytes).unwrap(), expected);
            assert_eq!(masked, text != expected, "{text}");
        }
    }
}
