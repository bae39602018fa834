//! Query strings, page sizes and cursors of lists.
//!
//! An unknown name, a name twice or a malformed value is refused: a filter with a typing error
//! would otherwise list everything. An empty value counts as absent, but for the key of a look-up:
//! whoever has none would take the first stranger's payment for their own.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use semel_core::payment::json_text;
use semel_core::problem::Code;

use super::problem::{Field, Problem};

/// The longest page of a list.
pub(super) const PAGE_MOST: usize = 1_000;
const PAGE: usize = 100;
const KEY: &str = "idempotency_key";

/// The parameters of a query string, decoded as HTML forms write them.
pub(super) struct Query<'q> {
    pairs: Vec<(Cow<'q, str>, Cow<'q, str>)>,
}

impl<'q> Query<'q> {
    /// Reads `query`, which may use each of `names` once.
    pub(super) fn parse(query: Option<&'q str>, names: &[&str]) -> Result<Query<'q>, Problem> {
        let mut pairs = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            if !names.contains(&&*name) {
                return Err(refused(&name, "unknown_field"));
            }
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(refused(&name, "duplicate_field"));
            }
            if !value.is_empty() || name == KEY {
                pairs.push((name, value));
            }
        }
        Ok(Query { pairs })
    }

    /// The value of `name`.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|pair| pair.0 == name).map(|pair| &*pair.1)
    }

    /// The value of `name` as `parse` understands it.
    pub(super) fn parsed<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| refused(name, "wrong_type"))
    }

    /// How many rows a page has.
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        let within = |text: &str| text.parse().ok().filter(|limit| (1..=PAGE_MOST).contains(limit));
        Ok(self.parsed("limit", within)?.unwrap_or(PAGE))
    }
}

/// A page of a list, as JSON: the first `limit` of `rows`, of which there may be one more. Then
/// `cursor` makes the next page's cursor of the last row shown and the first not shown.
pub(super) fn page<T>(
    rows: &[T],
    limit: usize,
    render: impl Fn(&T) -> String,
    cursor: impl Fn(&T, &T) -> String,
) -> String {
    let (shown, hidden) = rows.split_at(rows.len().min(limit));
    let next = shown.last().zip(hidden.first()).map(|(last, next)| cursor(last, next));
    part(shown, render, next)
}

/// A part of a list, as JSON, and the cursor of the next one.
pub(super) fn part<T>(rows: &[T], render: impl Fn(&T) -> String, next: Option<String>) -> String {
    let data: Vec<String> = rows.iter().map(render).collect();
    let next = next.map_or_else(|| "null".into(), |next| json_text(&next));
    format!(r#"{{"data":[{}],"next":{next}}}"#, data.join(","))
}

fn refused(name: &str, reason: &'static str) -> Problem {
    let fields = vec![Field::new(format!("/{name}"), reason)];
    let detail = "A parameter of the query string is not valid";
    Problem { fields, ..Problem::new(Code::Malformed, detail) }
}

fn decoded(text: &str) -> Result<Cow<'_, str>, Problem> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Ok(Cow::Borrowed(text));
    }
    if !well_encoded(text) {
        return Err(Problem::new(Code::Malformed, "The query string is not percent-encoded"));
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    let decoded = decoded.map(Cow::into_owned).map_err(|_| {
        Problem::new(Code::Malformed, "The query string is not UTF-8 behind its percent-encoding")
    })?;
    Ok(Cow::Owned(decoded))
}

/// Whether every `%` is followed by two hexadecimal digits (RFC 3986, section 2.1).
pub(super) fn well_encoded(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
        if byte == b'%' && !(hex(bytes.next()) && hex(bytes.next())) {
            return false;
        }
    }
    true
}
