//! The log, in pages of rows, and single rows of it.

use super::{Audit, PAGE, each};
use crate::decode::{self, Decoder};
use crate::places::{first_pos, first_slot, pos, slot_of, slots_of};
use crate::postgres::reader::block;
use crate::rows::LogRow;
use semel_core::event::Event;
use semel_core::failure::Failure;
use semel_core::payment::Identity;
use semel_core::verify::{Named, Slot};
use std::collections::HashMap;
use std::ops::RangeInclusive;

impl Audit {
    /// The log of a ledger, in order, each row with the payment that it refers to.
    ///
    /// Ids of accounts are left empty: the log knows accounts by number, and their ids stand in the
    /// rows of their openings.
    ///
    /// # Errors
    /// As every read.
    pub fn log(&self, ledger: u32, mut each: impl FnMut(LogRow)) -> Result<(), Failure> {
        let mut decoder = Decoder::default();
        let mut after = first_pos(ledger) - 1;
        loop {
            let page = self.page(after, self.end(ledger), &mut decoder)?;
            let rows = page.len() as i64;
            let last = page.last().and_then(|row| pos(ledger, row.seq));
            self.with_payments(ledger, page, &mut decoder)?.into_iter().for_each(&mut each);
            match last {
                Some(last) if rows == PAGE => after = last,
                _ => return Ok(()),
            }
        }
    }

    /// Rows behind the place `after`, without what they refer to.
    fn page(&self, after: i64, end: i64, decoder: &mut Decoder) -> Result<Vec<LogRow>, Failure> {
        let ask = format!("{} WHERE pos > $1 AND pos <= $2 ORDER BY pos LIMIT $3", decode::EVENT);
        let mut rows = Vec::with_capacity(PAGE as usize);
        block(
            &self.runtime,
            each(&self.client, &ask, &[after, end, PAGE], |row| {
                rows.push(LogRow {
                    seq: decode::seq(row),
                    event: decoder.event(row),
                    payment: None,
                });
            }),
        )?;
        Ok(rows)
    }

    /// Rows with what they refer to, which is looked for among them and then in the table.
    fn with_payments(
        &self,
        ledger: u32,
        mut rows: Vec<LogRow>,
        decoder: &mut Decoder,
    ) -> Result<Vec<LogRow>, Failure> {
        let (mut met, mut missing) = (Vec::new(), Vec::new());
        for (at, row) in rows.iter().enumerate() {
            let reference = row.event.as_ref().ok().and_then(|event| event.reference);
            let Some(to) = reference.map(|to| to.seq) else { continue };
            match rows.binary_search_by_key(&to, |row| row.seq) {
                Ok(there) => {
                    met.push((at, rows[there].event.as_ref().ok().cloned().map(Box::new)));
                }
                Err(_) => missing.push((at, to)),
            }
        }
        for (at, payment) in met {
            rows[at].payment = payment;
        }
        let places: Vec<i64> = missing.iter().filter_map(|(_, to)| pos(ledger, *to)).collect();
        let end = self.end(ledger);
        let places = places.into_iter().filter(|place| *place <= end).collect();
        let found = self.events(places, decoder)?;
        for (at, to) in missing {
            rows[at].payment = found.get(&to).cloned().map(Box::new);
        }
        Ok(rows)
    }

    /// The events at these places, by seq, as far as they can be read.
    fn events(
        &self,
        places: Vec<i64>,
        decoder: &mut Decoder,
    ) -> Result<HashMap<u64, Event>, Failure> {
        let ask = format!("{} WHERE pos = ANY($1)", decode::EVENT);
        let mut found = HashMap::with_capacity(places.len());
        if !places.is_empty() {
            block(
                &self.runtime,
                each(&self.client, &ask, &[places], |row| {
                    found.extend(decoder.event(row).ok().map(|event| (event.seq, event)));
                }),
            )?;
        }
        Ok(found)
    }

    /// The key of an event, if there is such an event and it has one.
    pub fn named(&self, ledger: u32, seq: u64) -> Option<Named> {
        let place = pos(ledger, seq)?;
        let mut found = self.events(vec![place], &mut Decoder::default()).ok()?;
        let Event { namespace, key, .. } = found.remove(&seq)?;
        let hash = first_slot(ledger, Identity::hash(&namespace, key.as_deref()?));
        Some(Named { identity: Identity { namespace, key: key? }, hash })
    }

    /// A span of the log: its keys, each at the slot of its hash, and what the index has for it.
    ///
    /// # Errors
    /// As every read.
    pub fn span(
        &self,
        ledger: u32,
        seqs: RangeInclusive<u64>,
    ) -> Result<(Vec<Slot>, Vec<Slot>), Failure> {
        const SLOTS: &str = "SELECT slot, pos & 1099511627775 AS seq FROM event
            WHERE pos BETWEEN $1 AND $2 AND slot BETWEEN $3 AND $4";
        let (mut logged, mut indexed) = (Vec::new(), Vec::new());
        let mut decoder = Decoder::default();
        let end = self.end(ledger);
        let [first, last] =
            [*seqs.start(), *seqs.end()].map(|seq| pos(ledger, seq).unwrap_or(end).min(end));
        let log = format!("{} WHERE pos BETWEEN $1 AND $2 ORDER BY pos", decode::EVENT);
        block(&self.runtime, async {
            each(&self.client, &log, &[first, last], |row| {
                let event = decoder.event(row).ok();
                logged.extend(event.and_then(|event| slot_of(ledger, &event)));
            })
            .await?;
            // The slot stands in the row itself.
            let [from, to] = slots_of(ledger);
            each(&self.client, SLOTS, &[first, last, from, to], |row| {
                indexed.extend(decode::slot(row));
            })
            .await
        })?;
        Ok((logged, indexed))
    }
}
