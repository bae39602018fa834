//! Payment card numbers: found, so that they are refused, and masked, so that they are not kept.
//!
//! A card number is a run of digits with no digit beside it, unbroken or in the groups printed on
//! cards with one kind of separator, whose prefix belongs to an issuer that gives out numbers of
//! that length, and whose check digit (Luhn, ISO/IEC 7812-1) is right.
//!
//! "Beside" is the byte next to the run. A separator is no digit, so further groups around a
//! grouped number do not hide it: `1234 4111 1111 1111 1111` and `4111-1111-1111-1111-1` hold one.
//! Every place where digits begin is tried, in time linear in the text.
//!
//! Deliberately absent: numbers behind encodings other than JSON's escapes, digits other than
//! ASCII, three-digit codes and dates of expiry.

mod escaped;
#[cfg(test)]
mod tests;

pub use escaped::mask_escaped_card_numbers;

use core::ops::RangeInclusive;

/// The groupings of digits on cards; of two that begin alike, the longer first.
const GROUPINGS: [&[usize]; 4] = [&[4, 4, 4, 4, 3], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4]];

/// How many digits a number can have.
const LENGTHS: RangeInclusive<usize> = 13..=19;

/// Whether a card number stands anywhere in the text.
pub fn contains_card_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    runs(bytes).any(|start| card_length(&bytes[start..]).is_some())
}

/// Replaces each digit but the last four of every card number by `*`; true if there was one.
///
/// The bytes need not be text. Nothing else changes: not the length, not a separator. Afterwards no
/// card number is left, nor has masking brought one forth: the four digits kept of one number stand
/// alone now, and where they are the first group of another, that one is masked too.
pub fn mask_card_numbers(bytes: &mut [u8]) -> bool {
    // Numbers may overlap, so all of them are looked for in the bytes as they were.
    let original = bytes.to_vec();
    let mut masked = false;
    for run in runs(&original) {
        let mut start = run;
        while let Some(length) = card_length(&original[start..]) {
            let end = start + length;
            mask(&mut bytes[start..end], &original[start..end]);
            masked = true;
            start = end - KEPT;
            if begins(&original, start) {
                // The outer loop comes here by itself.
                break;
            }
        }
    }
    masked
}

/// How many digits of a number stay readable.
const KEPT: usize = 4;

fn mask(bytes: &mut [u8], number: &[u8]) {
    let digits = bytes.iter_mut().zip(number).rev().filter(|(_, byte)| byte.is_ascii_digit());
    digits.skip(KEPT).for_each(|(masked, _)| *masked = b'*');
}

/// The places where digits begin.
fn runs(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    (0..bytes.len()).filter(|&at| begins(bytes, at))
}

fn begins(bytes: &[u8], at: usize) -> bool {
    bytes[at].is_ascii_digit() && (at == 0 || !bytes[at - 1].is_ascii_digit())
}

/// How many bytes the longest card number at the beginning of `bytes` takes, separators included.
fn card_length(bytes: &[u8]) -> Option<usize> {
    let lengths =
        [unbroken(bytes)].into_iter().chain(GROUPINGS.map(|groups| grouped(bytes, groups)));
    lengths.flatten().find(|&length| is_card_number(&bytes[..length]))
}

fn unbroken(bytes: &[u8]) -> Option<usize> {
    let length = leading_digits(bytes);
    LENGTHS.contains(&length).then_some(length)
}

/// The bytes that `groups` and their separators take, if `bytes` begins with exactly these groups.
fn grouped(bytes: &[u8], groups: &[usize]) -> Option<usize> {
    let separator = bytes.get(groups[0]).filter(|byte| matches!(byte, b' ' | b'-'))?;
    let mut at = 0;
    for (index, &length) in groups.iter().enumerate() {
        if index > 0 {
            (bytes.get(at) == Some(separator)).then_some(())?;
            at += 1;
        }
        (leading_digits(&bytes[at..]) == length).then_some(())?;
        at += length;
    }
    Some(at)
}

/// Counted no further than needed to know that they are too many for a card.
fn leading_digits(bytes: &[u8]) -> usize {
    bytes.iter().take(LENGTHS.end() + 1).take_while(|byte| byte.is_ascii_digit()).count()
}

fn is_card_number(number: &[u8]) -> bool {
    let digits = || number.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0');
    let prefix = digits().take(4).fold(0, |value, digit| value * 10 + u16::from(digit));
    is_issued(prefix, digits().count()) && has_check_digit(digits().rev())
}

/// Whether an issuer gives out numbers with these first four digits in this length.
fn is_issued(prefix: u16, length: usize) -> bool {
    match prefix {
        4000..=4999 => matches!(length, 13 | 16 | 19),
        5100..=5599 | 2221..=2720 => length == 16,
        3400..=3499 | 3700..=3799 => length == 15,
        6011 | 6440..=6599 | 3528..=3589 => length == 16,
        3600..=3699 | 3800..=3899 => length == 14,
        6200..=6299 => matches!(length, 16..=19),
        _ => false,
    }
}

/// Luhn: from the right, every second digit counts double, and double digits by their sum.
fn has_check_digit(digits_from_right: impl Iterator<Item = u8>) -> bool {
    let weigh = |(place, digit): (usize, u8)| match (place % 2, digit) {
        (0, _) => u32::from(digit),
        (_, ..5) => u32::from(digit) * 2,
        (_, _) => u32::from(digit) * 2 - 9,
    };
    digits_from_right.enumerate().map(weigh).sum::<u32>().is_multiple_of(10)
}
