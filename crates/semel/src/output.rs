//! What commands say: data on stdout as a table or as one JSON document, the rest on stderr.
//!
//! Deliberately absent: colours, and panics when the reader of a pipe has gone away.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets::NOTHING};
use indicatif::{ProgressBar, ProgressStyle};
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use std::io::{ErrorKind, IsTerminal, Write};

/// Write `text` and a line's end to stdout, now.
///
/// # Errors
/// A stop when stdout cannot be written. A closed pipe is no error: its reader has seen enough.
pub fn say(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Stop::new(Code::StoreIo, format!("stdout cannot be written: {error}")).into())
        }
        _ => Ok(()),
    }
}

/// Tell people something beside the data.
pub fn note(text: &str) {
    // Whoever closed stderr does not want to know.
    let _closed = writeln!(std::io::stderr(), "{text}");
}

/// A table with `header`; columns of numbers are told by their index.
pub fn table(header: &[&str], numbers: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    for &index in numbers {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Progress towards `length`, drawn as `template` says; hidden unless people look at stderr.
pub fn progress(length: u64, template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(template).expect("the template is well formed");
    ProgressBar::new(length).with_style(style)
}

/// `number` with a comma between thousands.
pub fn grouped(number: impl ToString) -> String {
    let plain = number.to_string();
    let (sign, digits) = plain.split_at(usize::from(plain.starts_with('-')));
    let mut grouped = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_told_apart() {
        for (number, text) in
            [(0_i64, "0"), (999, "999"), (1_000, "1,000"), (-1_234_567, "-1,234,567")]
        {
            assert_eq!(grouped(number), text);
        }
    }
}
