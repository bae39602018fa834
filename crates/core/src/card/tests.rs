//! Card numbers by tables, and against a search that knows nothing of speed.

use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

/// A text and what masking makes of it; the same text means that no card number is in it.
#[rustfmt::skip]
const TEXTS: &[(&str, &str)] = &[
    // Each issuer, each length.
    ("4111111111111111",          "************1111"),
    ("4222222222222",             "*********2222"),
    ("4000000000000000006",       "***************0006"),
    ("5555555555554444",          "************4444"),
    ("5105105105105100",          "************5100"),
    ("2221000000000009",          "************0009"),
    ("2720000000000005",          "************0005"),
    ("378282246310005",           "***********0005"),
    ("341111111111111",           "***********1111"),
    ("6011111111111117",          "************1117"),
    ("6440000000000005",          "************0005"),
    ("6500000000000002",          "************0002"),
    ("3528000000000007",          "************0007"),
    ("3589000000000003",          "************0003"),
    ("36000000000008",            "**********0008"),
    ("38520000023237",            "**********3237"),
    ("6200000000000005",          "************0005"),
    ("62000000000000000",         "*************0000"),
    ("620000000000000005",        "**************0005"),
    ("6200000000000000000",       "***************0000"),

    // As grouped on cards.
    ("4111 1111 1111 1111",       "**** **** **** 1111"),
    ("4111-1111-1111-1111",       "****-****-****-1111"),
    ("4000 0000 0000 0000 006",   "**** **** **** ***0 006"),
    ("3782 822463 10005",         "**** ****** *0005"),
    ("3782-822463-10005",         "****-******-*0005"),
    ("3600 000000 0008",          "**** ****** 0008"),

    // Anything but a digit may stand beside it.
    ("card 4111111111111111.",    "card ************1111."),
    ("x4111111111111111x",        "x************1111x"),
    ("é4111111111111111é",        "é************1111é"),
    ("-4111 1111 1111 1111-",     "-**** **** **** 1111-"),
    ("4111111111111111.0",        "************1111.0"),
    ("1.4111111111111111",        "1.************1111"),
    ("4111111111111111 4222222222222", "************1111 *********2222"),

    // Groups around a grouped number do not hide it.
    ("1234 4111 1111 1111 1111",  "1234 **** **** **** 1111"),
    ("12 4111 1111 1111 1111 99", "12 **** **** **** 1111 99"),
    ("4111-1111-1111-1111-1",     "****-****-****-1111-1"),
    ("4111 1111 1111 1111 1111",  "**** **** **** 1111 1111"),
    ("4111-1111-1111-1111 222",   "****-****-****-1111 222"),
    // Both 4-4-4-4 and 4-4-4-4-3: the last four of the longer number.
    ("4000 0000 0000 0002 002",   "**** **** **** ***2 002"),
    ("4111 1111 1111 1111 110",   "**** **** **** ***1 110"),
    // Only 4-4-4-4.
    ("4000 0000 0000 0002 006",   "**** **** **** 0002 006"),
    // Only 4-4-4-4-3.
    ("4000 0000 0000 0000 006 1", "**** **** **** ***0 006 1"),
    // Two numbers that overlap: each loses all but its own last four.
    ("4111 4111 1111 1111 1111",  "4111 **** **** **** 1111"),
    ("4000 4000 0000 0004 0008",  "**** **** **** **** 0008"),
    // The four digits that are kept begin another number.
    ("4000000000044000 0000 0000 0002", "**************** **** **** 0002"),
    ("3782 822466 14000 0000 0000 0002", "**** ****** ***** **** **** 0002"),

    // The check digit is wrong.
    ("4111111111111112",          "4111111111111112"),
    ("4111 1111 1111 1112",       "4111 1111 1111 1112"),
    // No issuer has the prefix.
    ("1111111111111117",          "1111111111111117"),
    ("0000000000000000",          "0000000000000000"),
    ("2220000000000000",          "2220000000000000"),
    ("2721000000000004",          "2721000000000004"),
    ("5000000000000009",          "5000000000000009"),
    ("5600000000000003",          "5600000000000003"),
    ("3527000000000008",          "3527000000000008"),
    ("3590000000000000",          "3590000000000000"),
    ("6430000000000007",          "6430000000000007"),
    ("6600000000000001",          "6600000000000001"),
    ("6010000000000005",          "6010000000000005"),
    ("6012000000000003",          "6012000000000003"),
    ("37000000000007",            "37000000000007"),
    // The issuer has no numbers of the length.
    ("42222222222226",            "42222222222226"),
    ("555555555555558",           "555555555555558"),
    ("3782822463100003",          "3782822463100003"),
    ("360000000000004",           "360000000000004"),
    ("620000000000000",           "620000000000000"),
    ("62000000000000000005",      "62000000000000000005"),
    // A digit beside it.
    ("04111111111111111",         "04111111111111111"),
    ("41111111111111110",         "41111111111111110"),
    ("14111 1111 1111 1111",      "14111 1111 1111 1111"),
    ("4111 1111 1111 11110",      "4111 1111 1111 11110"),
    // Not as grouped on cards.
    ("4111 1111-1111 1111",       "4111 1111-1111 1111"),
    ("4111  1111 1111 1111",      "4111  1111 1111 1111"),
    ("4111.1111.1111.1111",       "4111.1111.1111.1111"),
    ("4111\u{a0}1111\u{a0}1111\u{a0}1111", "4111\u{a0}1111\u{a0}1111\u{a0}1111"),
    ("41111111 11111111",         "41111111 11111111"),
    ("411111 1111 111111",        "411111 1111 111111"),
    ("4111 111111 111111",        "4111 111111 111111"),
    ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"),
    ("3782 8224 6310 005",        "3782 8224 6310 005"),
    ("4222 222222 222",           "4222 222222 222"),
    // Too short, or nothing at all.
    ("4111 1111 1111",            "4111 1111 1111"),
    ("411111111111",              "411111111111"),
    ("************1111",          "************1111"),
    ("４１１１１１１１１１１１１１１１",          "４１１１１１１１１１１１１１１１"),
    ("",                          ""),
];

#[test]
fn texts() {
    for &(text, expected) in TEXTS {
        let mut bytes = Vec::from(text);
        let masked = mask_card_numbers(&mut bytes);
        assert_eq!(String::from_utf8_lossy(&bytes), expected, "{text}");
        assert_eq!(masked, text != expected, "{text}");
        assert_eq!(contains_card_number(text), masked, "{text}");
    }
}

#[test]
fn bytes_need_not_be_text() {
    let mut bytes = Vec::from(&b"\xff4111111111111111\xc3 \x004222222222222\xf0"[..]);
    assert!(mask_card_numbers(&mut bytes));
    assert_eq!(bytes, b"\xff************1111\xc3 \x00*********2222\xf0");
}

#[test]
fn a_long_run_takes_linear_time() {
    let mut bytes = b"4".repeat(4 << 20);
    assert!(!mask_card_numbers(&mut bytes));
    let mut bytes = b"4000 0000 0000 0002 ".repeat(100_000);
    assert!(mask_card_numbers(&mut bytes));
    assert!(!contains_card_number(core::str::from_utf8(&bytes).unwrap()));
}

/// The definition word by word: some stretch of the text is a card number. Slow and plain.
fn contains_by_definition(text: &[u8]) -> bool {
    let digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    (0..text.len()).any(|start| {
        (start + 1..=text.len().min(start + 23)).any(|end| {
            let beside = (start > 0 && digit(start - 1)) || digit(end);
            !beside && is_number_by_definition(&text[start..end])
        })
    })
}

fn is_number_by_definition(stretch: &[u8]) -> bool {
    let text = core::str::from_utf8(stretch).unwrap_or("?");
    let number: String = text.chars().filter(char::is_ascii_digit).collect();
    let forms = [' ', '-']
        .map(|separator| text.split(separator).map(|group| group.len()).collect::<Vec<_>>());
    let groupings: [&[usize]; 4] = [&[4, 4, 4, 4], &[4, 4, 4, 4, 3], &[4, 6, 5], &[4, 6, 4]];
    let grouped = forms.iter().any(|form| groupings.contains(&form.as_slice()));
    let separators = text.len() - number.len();
    let well_formed = match separators {
        0 => true,
        2..=4 => {
            grouped
                && (separators == text.matches(' ').count()
                    || separators == text.matches('-').count())
        }
        _ => false,
    };
    let starts = |from: u32, to: u32| {
        let width = from.checked_ilog10().unwrap_or(0) as usize + 1;
        number
            .get(..width)
            .and_then(|prefix| prefix.parse().ok())
            .is_some_and(|prefix: u32| (from..=to).contains(&prefix))
    };
    let issued = match number.len() {
        13 | 19 if starts(4, 4) => true,
        14 => starts(36, 36) || starts(38, 38),
        15 => starts(34, 34) || starts(37, 37),
        16 => {
            starts(4, 4)
                || starts(51, 55)
                || starts(2221, 2720)
                || starts(6011, 6011)
                || starts(644, 649)
                || starts(65, 65)
                || starts(3528, 3589)
                || starts(62, 62)
        }
        17..=19 => starts(62, 62),
        _ => false,
    };
    let doubled = ["0", "2", "4", "6", "8", "1", "3", "5", "7", "9"];
    let sum: u32 = number
        .chars()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = digit.to_digit(10).unwrap();
            if place % 2 == 0 { digit } else { doubled[digit as usize].parse().unwrap() }
        })
        .sum();
    well_formed && issued && sum.is_multiple_of(10)
}

/// Texts that are dense in card numbers and in what nearly is one.
fn texts_like_cards() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(&TEXTS[..40]).prop_map(|row| String::from(row.0)),
        4 => prop::sample::select(&["4000", "0000", "0002", "000000", "00000", "3600"][..])
            .prop_map(String::from),
        6 => prop::sample::select(&[" ", "-", "", "x", "*"][..]).prop_map(String::from),
        2 => "[0-9]{1,6}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn finds_what_the_definition_finds(text in texts_like_cards()) {
        prop_assert_eq!(contains_card_number(&text), contains_by_definition(text.as_bytes()));
    }

    #[test]
    fn masking_leaves_no_card_number(text in texts_like_cards()) {
        let mut bytes = Vec::from(text.as_str());
        let masked = mask_card_numbers(&mut bytes);
        prop_assert_eq!(masked, contains_card_number(&text));
        prop_assert!(!contains_by_definition(&bytes), "{}", String::from_utf8_lossy(&bytes));
        prop_assert!(!mask_card_numbers(&mut bytes));
    }

    #[test]
    fn masking_changes_digits_to_stars_and_nothing_else(
        noise in prop::collection::vec(any::<u8>(), 0..20),
        text in texts_like_cards(),
    ) {
        let before = [&noise, text.as_bytes(), &noise].concat();
        let mut after = before.clone();
        let masked = mask_card_numbers(&mut after);
        prop_assert_eq!(before.len(), after.len());
        prop_assert_eq!(masked, before != after);
        for (before, after) in before.iter().zip(&after) {
            prop_assert!(before == after || (before.is_ascii_digit() && *after == b'*'));
        }
    }
}
