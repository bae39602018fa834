//! What every database asks of a step's effects before it writes them.

use semel_core::failure::Stop;
use semel_core::ledger::{Effect, Position};
use semel_core::problem::Code;

/// Where the log ends after `effects`: behind what they append, or where it was.
///
/// # Errors
/// `StoreDefect` when they do not follow on `before`, or the log would not end behind them.
pub(crate) fn end_of_log(before: Position, effects: &[Effect]) -> Result<Position, Stop> {
    let (mut after, mut next_seq) = (before, before.next_seq);
    for effect in effects {
        match effect {
            Effect::Append(event) if event.seq == next_seq => next_seq += 1,
            Effect::Append(event) => {
                let detail = format!("event {} in the place of {next_seq}", event.seq);
                return Err(Stop::new(Code::StoreDefect, detail));
            }
            Effect::Move(position) => after = *position,
            _ => {}
        }
    }
    if after.next_seq == next_seq {
        return Ok(after);
    }
    let detail = format!("the log ends before {next_seq}, not before {}", after.next_seq);
    Err(Stop::new(Code::StoreDefect, detail))
}

/// Headers of a dead letter as one text.
pub(crate) fn headers_json(headers: &[(String, Vec<u8>)]) -> String {
    serde_json::to_string(headers).expect("names and bytes are always JSON")
}
