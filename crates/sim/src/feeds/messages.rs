//! Payments as other people write them: some again, some with a used key, some not at all.

use crate::evidence::Content;
use crate::faults::{Fault, Faults};
use crate::world::World;
use semel_core::dead_letter::Raw;

/// One line of a file, or one message.
#[derive(Clone, Debug)]
pub struct Line {
    pub value: Option<Vec<u8>>,
    pub content: Content,
}

impl Line {
    /// As a record; no two are the same, whatever they say.
    pub fn raw(&self, number: u64) -> Raw {
        let headers = vec![("trace".to_owned(), number.to_string().into_bytes())];
        Raw { key: Some(b"k".to_vec()), value: self.value.clone(), headers }
    }
}

/// One in so many is sent again, as in the field: 4.7 %.
const REPEATED_ONE_IN: u64 = 21;

/// What somebody writes, one after the other.
pub struct Messages {
    feed: String,
    written: Vec<Line>,
    count: u64,
}

impl Messages {
    pub fn new(feed: &str) -> Messages {
        Messages { feed: feed.into(), written: Vec::new(), count: 0 }
    }

    pub fn next(&mut self, world: &World, faults: &Faults) -> Line {
        if faults.strikes(Fault::TopicGarbage) {
            return garbage(world);
        }
        let known = self.written.len() as u64;
        let is_repeat = world.one_in(REPEATED_ONE_IN);
        if known > 0 && (faults.strikes(Fault::TopicRepeat) || is_repeat) {
            return self.written[world.below(known) as usize].clone();
        }
        if known > 0 && faults.strikes(Fault::TopicConflict) {
            let line = &self.written[world.below(known) as usize];
            return self.payment(line.content.clone(), world, 7);
        }
        self.count += 1;
        let key = format!("{}-{}", self.feed, self.count);
        let debit = format!("customer:{}", world.below(40));
        let credit = format!("shop:{}", world.below(4));
        let currency = if world.one_in(40) { "EUR" } else { "USD" }.into();
        let amount = 1 + world.below(9_999) as i64;
        let line =
            self.payment(Content::Payment { key, amount, currency, debit, credit }, world, 0);
        self.written.push(line.clone());
        line
    }

    fn payment(&self, content: Content, world: &World, more: i64) -> Line {
        let Content::Payment { key, amount, currency, debit, credit } = content else {
            return garbage(world);
        };
        let amount = amount + more;
        let value = serde_json::json!({
            "id": key, "amount": amount, "currency": currency, "from": debit, "to": credit,
        });
        let content = Content::Payment { key, amount, currency, debit, credit };
        Line { value: Some(value.to_string().into_bytes()), content }
    }
}

fn garbage(world: &World) -> Line {
    let (value, reason): (Option<&[u8]>, &str) = match world.below(7) {
        0 => (Some(b"\xff\xfe"), "undecodable"),
        1 => (Some(b"{\"id\":\"x\"} trailing"), "undecodable"),
        2 => (None, "tombstone"),
        3 => (Some(b""), "empty"),
        4 => (Some(br#"{"id":"g","currency":"USD","from":"a","to":"b"}"#), "missing_field"),
        5 => (
            Some(br#"{"id":"g","amount":0,"currency":"USD","from":"a","to":"b"}"#),
            "amount_not_positive",
        ),
        _ => {
            (Some(br#"{"id":"g","amount":5,"currency":"USD","from":"a","to":"a"}"#), "same_account")
        }
    };
    Line { value: value.map(<[u8]>::to_vec), content: Content::Bad(reason.into()) }
}
