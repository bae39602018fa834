//! The reader's rule and the headers, as tables.

use super::*;
use alloc::vec;

fn link(seq: u64, history: u8) -> Link {
    match seq {
        0 => Link { seq, hash: Hash([if history == 0 { 0 } else { history }; 32]) },
        _ => Link { seq, hash: Hash([seq as u8 ^ history; 32]) },
    }
}

fn stamp(prev: Link, this: Link) -> Stamp {
    Stamp { ledger: "main".into(), this, prev }
}

#[test]
fn a_reader_follows_the_links() {
    const OTHER: u8 = 0x80;
    for (last, prev, this, expected) in [
        (link(0, 0), link(0, 0), link(1, 0), Verdict::Take),
        (link(0, 0), link(0, 0), link(9, 0), Verdict::Take),
        (link(4, 0), link(4, 0), link(7, 0), Verdict::Take),
        (link(4, 0), link(3, 0), link(4, 0), Verdict::Repeat),
        (link(4, 0), link(1, 0), link(3, 0), Verdict::Repeat),
        (link(4, 0), link(7, 0), link(9, 0), Verdict::Hole),
        (link(0, 0), link(1, 0), link(2, 0), Verdict::Hole),
        (link(4, 0), link(4, OTHER), link(7, OTHER), Verdict::Fork),
        (link(4, 0), link(3, 0), link(7, 0), Verdict::Fork),
        (link(0, 0), link(0, OTHER), link(1, 0), Verdict::Fork),
    ] {
        assert_eq!(stamp(prev, this).verdict(&last), expected, "{prev:?} {this:?} after {last:?}");
    }
}

#[test]
fn headers_are_read_as_they_were_written() {
    let written = stamp(link(4, 0), link(7, 0));
    assert_eq!(Stamp::read(&written.headers()), Some(written));
}

#[test]
fn what_is_not_ours_is_not_read() {
    let good = stamp(link(4, 0), link(7, 0)).headers();
    let with = |name: &str, value: &[u8]| {
        let mut headers = good.clone();
        headers
            .iter_mut()
            .filter(|header| header.0 == name)
            .for_each(|header| header.1 = value.into());
        headers
    };
    let mut twice = good.clone();
    twice.push(good[1].clone());
    for (why, headers) in [
        ("no headers", vec![]),
        ("one is missing", good[1..].to_vec()),
        ("one comes twice", twice),
        ("not UTF-8", with(LEDGER, b"\xff")),
        ("no number", with(SEQ, b"seven")),
        ("a sign", with(SEQ, b"+7")),
        ("leading zeros", with(SEQ, b"007")),
        ("beyond 64 bits", with(SEQ, b"99999999999999999999")),
        ("a short hash", with(HASH, b"00")),
        ("it comes before itself", with(PREV, b"7")),
    ] {
        assert_eq!(Stamp::read(&headers), None, "{why}");
    }
}
