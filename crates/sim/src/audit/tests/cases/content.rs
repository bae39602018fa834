//! What records say of their events.

use super::Case;
use super::wire::{header, record};
use crate::evidence::Evidence;

pub(in super::super) const CONTENT: &[Case] = &[
    ("a key of somebody else", |e| record(e, 22).key = Some(b"c".to_vec()), &["wire_key"]),
    ("no key", |e| record(e, 22).key = None, &["wire_key"]),
    (
        "a message of another event",
        |e| {
            let value = record(e, 21).value.clone();
            record(e, 22).value = value;
        },
        &["wire_value"],
    ),
    (
        "a message that says more",
        |e| record(e, 22).value.as_mut().expect("it has one").push(b' '),
        &["wire_value"],
    ),
    ("a message of other money", |e| reword(e, 4, "500", "501"), &["wire_value"]),
    ("a message of another payment", |e| reword(e, 6, "pay_5", "pay_4"), &["wire_value"]),
    ("a message of another account", |e| reword(e, 20, "\"d\"", "\"b\""), &["wire_value"]),
    ("a message of another moment", |e| reword(e, 4, "00.004", "00.005"), &["wire_value"]),
    ("another type", |e| *header(record(e, 22), "ce_type") = b"x".to_vec(), &["wire_header"]),
    ("another source", |e| header(record(e, 22), "ce_source").push(b'1'), &["wire_header"]),
    (
        "no moment",
        |e| record(e, 22).headers.retain(|header| header.0 != "ce_time"),
        &["wire_header"],
    ),
    (
        "an attribute twice",
        |e| {
            let again = record(e, 22).headers[6].clone();
            record(e, 22).headers.push(again);
        },
        &["wire_header"],
    ),
    (
        "an attribute that is none",
        |e| record(e, 22).headers.push(("ce_more".into(), b"x".to_vec())),
        &["wire_header"],
    ),
    (
        "a header of the request's",
        |e| record(e, 22).headers.push(("traceparent".into(), b"x".to_vec())),
        &[],
    ),
    ("no message", |e| record(e, 22).value = None, &["wire_value"]),
];

/// The value of an event's record says something else.
fn reword(e: &mut Evidence, seq: u64, from: &str, to: &str) {
    let value = record(e, seq).value.as_mut().expect("it has one");
    let text = String::from_utf8_lossy(value).replacen(from, to, 1);
    *value = text.into_bytes();
}
