//! CSV with a header row, quoted as in RFC 4180: a record is one physical line, or several where a
//! quoted cell holds line ends.
//!
//! What is odd is put aside, never guessed at: a wrong number of columns, a carriage return outside
//! quotes, text behind a closing quote, a quote that is never closed. Text inside an unclosed quote
//! is not read as records, however much it looks like them.

mod quotes;

use super::decoder::Decoder;
use super::input::{Input, Line};
use super::record::{
    COLUMNS, RECORD_MAX, Records, cut, is_blank, strip_mark, too_long, undecodable, without_end,
};
use csv_core::{ReadRecordResult, Reader};
use quotes::goes_on_behind_quotes;
use semel_core::dead_letter::Raw;
use semel_core::ingest::Item;
use semel_core::ledger::Command;
use semel_core::mapping::{Mapping, Rejection};
use std::io;

/// The longest header row, in bytes: every dead letter keeps a copy.
pub const HEADER_MAX: usize = 16 * 1024;

/// The header row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// As it is written, without its line's end.
    pub bytes: Vec<u8>,
    /// The names in it.
    pub columns: Vec<String>,
}

impl Header {
    /// The header of `input`, which stands at its beginning; `None` where there is nothing.
    ///
    /// # Errors
    /// What makes it no header, for people.
    pub fn read(input: &mut Input) -> io::Result<Option<Result<Header, String>>> {
        let mut parser = Parser::new();
        let too_long = || Err(format!("the header row is longer than {HEADER_MAX} bytes"));
        Ok(parser.record(input)?.map(|record| match record.fault {
            _ if parser.bytes.len() > HEADER_MAX => too_long(),
            None => Header::of(&parser.bytes, &parser.cells).map_err(|fault| fault.detail),
            Some(Fault::Long(_)) => too_long(),
            Some(Fault::Odd(why)) => Err(format!("the header row has {why}")),
        }))
    }

    fn of(bytes: &[u8], cells: &Cells) -> Result<Header, Rejection> {
        utf8(bytes)?;
        let columns = (0..cells.len()).filter_map(|index| cells.get(index).map(String::from));
        Ok(Header { bytes: bytes.to_vec(), columns: columns.collect() })
    }

    /// Whether every column that `mapping` names is there once; if not, which is not.
    pub fn serves(&self, mapping: &Mapping) -> Result<(), String> {
        for name in mapping.columns() {
            match self.columns.iter().filter(|column| *column == name).count() {
                1 => {}
                0 => {
                    let there = self.columns.join(", ");
                    return Err(format!("there is no column `{name}`; there are: {there}"));
                }
                _ => return Err(format!("the column `{name}` stands twice in the header row")),
            }
        }
        Ok(())
    }
}

/// The records of a CSV file behind its header row.
pub struct Csv {
    decoder: Decoder,
    header: Header,
    parser: Parser,
}

impl Csv {
    /// Records under `header` that `decoder` decodes.
    pub fn new(decoder: Decoder, header: Header) -> Csv {
        Csv { decoder, header, parser: Parser::new() }
    }
}

impl Records for Csv {
    fn next(&mut self, input: &mut Input) -> io::Result<Option<Item>> {
        let Some(record) = self.parser.record(input)? else { return Ok(None) };
        let headers = vec![(COLUMNS.to_owned(), self.header.bytes.clone())];
        let Parser { bytes, cells, .. } = &self.parser;
        let content = match record.fault {
            None => content(&self.decoder, &self.header.columns, bytes, cells),
            Some(Fault::Odd(why)) => Err(undecodable(why)),
            Some(Fault::Long(length)) => {
                let mut why = too_long();
                why.detail += "; is a quote not closed?";
                return Ok(Some(cut(record.line, bytes, length, headers, why)));
            }
        };
        let raw = Raw { key: None, value: Some(bytes.clone()), headers };
        Ok(Some(Item { line: record.line, raw, content }))
    }
}

/// What a record says that was put aside under the header row `header`.
pub fn decode(decoder: &Decoder, header: &[u8], record: &[u8]) -> Result<Command, Rejection> {
    let mut parser = Parser::new();
    parser.whole(header).map_err(undecodable)?;
    let header = Header::of(header, &parser.cells)?;
    header.serves(&decoder.mapping).map_err(undecodable)?;
    parser.whole(record).map_err(undecodable)?;
    content(decoder, &header.columns, record, &parser.cells)
}

fn content(
    decoder: &Decoder,
    columns: &[String],
    bytes: &[u8],
    cells: &Cells,
) -> Result<Command, Rejection> {
    utf8(bytes)?;
    if cells.len() != columns.len() {
        let (found, wanted) = (cells.len(), columns.len());
        return Err(undecodable(format!("{found} columns where the header has {wanted}")));
    }
    decoder.columns(columns, cells)
}

fn utf8(bytes: &[u8]) -> Result<(), Rejection> {
    std::str::from_utf8(bytes).map(|_| ()).map_err(|_| undecodable("not UTF-8"))
}

/// The cells of a record, their quotes taken off.
#[derive(Debug, Default)]
pub struct Cells {
    text: Vec<u8>,
    ends: Vec<usize>,
    text_len: usize,
    ends_len: usize,
}

impl Cells {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends_len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends_len == 0
    }

    /// One of them; `None` if it is not there or no UTF-8.
    pub fn get(&self, index: usize) -> Option<&str> {
        let ends = &self.ends[..self.ends_len];
        let start = if index == 0 { 0 } else { *ends.get(index - 1)? };
        std::str::from_utf8(self.text.get(start..*ends.get(index)?)?).ok()
    }
}

/// Where a record began, and what is wrong with it as a record.
struct Found {
    line: u64,
    fault: Option<Fault>,
}

enum Fault {
    /// So many bytes.
    Long(u64),
    /// Not what RFC 4180 says.
    Odd(&'static str),
}

/// How much of a record that is not kept is read at once, in bytes.
const PART: usize = 64 * 1024;

const UNCLOSED: &str = "a quote that is never closed";
const BARE_RETURN: &str = "a carriage return outside quotes";
const BEHIND_QUOTES: &str = "text behind a closing quote";

/// Cuts physical lines into records and these into cells.
struct Parser {
    core: Reader,
    /// The record, without its line's end.
    bytes: Vec<u8>,
    cells: Cells,
}

impl Parser {
    fn new() -> Parser {
        // The reader's `Default` lacks its tables and finds no records.
        Parser { core: Reader::new(), bytes: Vec::new(), cells: Cells::default() }
    }

    /// The next record of `input` that is not blank; `None` at the end.
    fn record(&mut self, input: &mut Input) -> io::Result<Option<Found>> {
        loop {
            let (line, position) = (input.line_number(), input.next());
            self.begin();
            let Some(read) = input.line(&mut self.bytes, RECORD_MAX)? else { return Ok(None) };
            strip_mark(&mut self.bytes, position);
            if read != Line::Part && is_blank(&self.bytes) {
                continue;
            }
            let fault = self.rest(input, read, position)?;
            let end = without_end(&self.bytes).len();
            self.bytes.truncate(end);
            return Ok(Some(Found { line, fault }));
        }
    }

    /// Parse the line that was read, and what follows of the record that begins with it.
    fn rest(&mut self, input: &mut Input, first: Line, position: u64) -> io::Result<Option<Fault>> {
        let (mut read, mut fed) = (first, 0);
        loop {
            let end = feed(&mut self.core, &self.bytes[fed..], &mut self.cells);
            let ends_line = end.map(|end| matches!(self.bytes[fed + end..], [] | [b'\n']));
            match (read, ends_line) {
                (Line::Part, end) => {
                    let ended = end.is_some();
                    self.pass_over(input, ended)?;
                    return Ok(Some(Fault::Long(input.next() - position)));
                }
                (Line::Whole | Line::Last, Some(true)) => return Ok(self.odd().map(Fault::Odd)),
                (Line::Whole | Line::Last, Some(false)) => {
                    return Ok(Some(Fault::Odd(BARE_RETURN)));
                }
                (Line::Last, None) => return Ok(self.at_end(input)),
                // A line's end inside quotes.
                (Line::Whole, None) => fed = self.bytes.len(),
            }
            let room = RECORD_MAX.saturating_sub(fed);
            match input.line(&mut self.bytes, room)? {
                Some(next) => read = next,
                None => return Ok(self.at_end(input)),
            }
        }
    }

    /// Find the end of a record that is too long to keep, unless it `ended` in what was read.
    fn pass_over(&mut self, input: &mut Input, mut ended: bool) -> io::Result<()> {
        let (mut part, mut read) = (Vec::new(), Line::Part);
        while !ended {
            part.clear();
            match input.line(&mut part, PART)? {
                Some(next) => read = next,
                None => {
                    // It is too long, whatever else it is.
                    let _odd = self.at_end(input);
                    return Ok(());
                }
            }
            (self.cells.text_len, self.cells.ends_len) = (0, 0);
            ended = feed(&mut self.core, &part, &mut self.cells).is_some();
        }
        if read == Line::Part { input.pass_line() } else { Ok(()) }
    }

    /// Parse a record that is there as a whole, without a line's end.
    fn whole(&mut self, record: &[u8]) -> Result<(), &'static str> {
        self.begin();
        self.bytes.extend_from_slice(record);
        match feed(&mut self.core, &self.bytes, &mut self.cells) {
            Some(_) => Err(BARE_RETURN),
            None if self.ends_here() => self.odd().map_or(Ok(()), Err),
            None => Err(UNCLOSED),
        }
    }

    /// What is odd in a record whose cells were found.
    fn odd(&self) -> Option<&'static str> {
        goes_on_behind_quotes(&self.bytes).then_some(BEHIND_QUOTES)
    }

    fn begin(&mut self) {
        self.core.reset();
        self.bytes.clear();
        (self.cells.text_len, self.cells.ends_len) = (0, 0);
    }

    /// Whether a line's end here ends the record: it does not inside quotes.
    fn ends_here(&mut self) -> bool {
        feed(&mut self.core, b"\n", &mut self.cells).is_some()
    }

    /// What is wrong with the record that the end of `input` ends, which is here.
    fn at_end(&mut self, input: &mut Input) -> Option<Fault> {
        if self.ends_here() {
            return self.odd().map(Fault::Odd);
        }
        input.ends_inside_quotes();
        Some(Fault::Odd(UNCLOSED))
    }
}

/// Feed `bytes` to the parser; how many it took, if the record ended.
fn feed(core: &mut Reader, bytes: &[u8], cells: &mut Cells) -> Option<usize> {
    // There are never more cells nor more text than bytes, so neither buffer is ever too small.
    let room = bytes.len() + 1;
    cells.text.resize(cells.text.len().max(cells.text_len + room), 0);
    cells.ends.resize(cells.ends.len().max(cells.ends_len + room), 0);
    let (text, ends) = (&mut cells.text[cells.text_len..], &mut cells.ends[cells.ends_len..]);
    let (result, read, text, ends) = core.read_record(bytes, text, ends);
    cells.text_len += text;
    cells.ends_len += ends;
    match result {
        ReadRecordResult::Record => Some(read),
        ReadRecordResult::InputEmpty | ReadRecordResult::End => None,
        ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
            unreachable!("the buffers are as long as the bytes")
        }
    }
}
