//! Cells that go on behind their closing quote. RFC 4180 has none such, and the parser would take
//! `"1"00` for a hundred.
//!
//! Deliberately absent: quotes in the middle of a cell that begins with none. They are letters.

use crate::import::record::without_end;

/// Whether a cell of `record`, all of whose quotes are closed, goes on behind its closing quote.
pub(super) fn goes_on_behind_quotes(record: &[u8]) -> bool {
    let mut rest = without_end(record);
    while rest.contains(&b'"') {
        rest = match rest {
            [b'"', quoted @ ..] => match behind_quotes(quoted) {
                [] => return false,
                [b',', next @ ..] => next,
                _ => return true,
            },
            _ => next_cell(rest),
        };
    }
    false
}

/// What follows the closing quote of `quoted`, in which two quotes are one that is meant.
fn behind_quotes(mut quoted: &[u8]) -> &[u8] {
    while let Some(quote) = quoted.iter().position(|byte| *byte == b'"') {
        quoted = &quoted[quote + 1..];
        match quoted {
            [b'"', more @ ..] => quoted = more,
            behind => return behind,
        }
    }
    &[]
}

/// What follows the next comma.
fn next_cell(text: &[u8]) -> &[u8] {
    let comma = text.iter().position(|byte| *byte == b',');
    comma.map_or(&[], |comma| &text[comma + 1..])
}

#[cfg(test)]
mod tests {
    use super::goes_on_behind_quotes;

    #[test]
    fn a_closing_quote_ends_its_cell() {
        for (record, goes_on) in [
            ("", false),
            ("a,b", false),
            ("\"a\",\"b\"", false),
            ("\"a\",\"b\"\r\n", false),
            ("\"a, \"\"b\"\"\",c", false),
            ("\"\",\"\"", false),
            ("\"\"\"\"", false),
            ("a\"b,c\"", false),
            ("5\" pipe,\"x\"", false),
            ("\"a\nb\",c", false),
            ("\"1\"00", true),
            ("a,\"1\"00,b", true),
            ("\"a\" ,b", true),
            ("\"a\"\"b\"c,d", true),
            ("5\" pipe,\"x\"y", true),
        ] {
            assert_eq!(goes_on_behind_quotes(record.as_bytes()), goes_on, "{record}");
        }
    }
}
