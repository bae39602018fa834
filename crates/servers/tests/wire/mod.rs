//! Kafka's protocol in a hundred lines, because the crate has no dependency: each request in the
//! last version that has neither compact lengths nor tagged fields.

use std::io::{Error, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What the requests are to Kafka.
const METADATA: u16 = 3;
const SASL_HANDSHAKE: u16 = 17;
const API_VERSIONS: u16 = 18;
const CREATE_TOPICS: u16 = 19;
const SASL_AUTHENTICATE: u16 = 36;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Client(TcpStream);

impl Client {
    pub fn new(port: u16) -> Result<Client> {
        let client = Client(TcpStream::connect(("127.0.0.1", port))?);
        client.patience(PATIENCE);
        Ok(client)
    }

    /// How long an answer may take from now on.
    pub fn patience(&self, patience: Duration) {
        self.0.set_read_timeout(Some(patience)).unwrap();
    }

    /// How many kinds of request the server knows.
    pub fn versions(&mut self) -> Result<usize> {
        versions_in(&self.ask(API_VERSIONS, 0, &[])?)
    }

    /// Makes a topic of one partition.
    pub fn create(&mut self, topic: &str) -> Result<()> {
        // One topic: its name, partitions, replicas, no assignments, no settings; the patience, and
        // that it is meant.
        let body = [
            &1_u32.to_be_bytes()[..],
            &text(topic),
            &1_u32.to_be_bytes(),
            &1_u16.to_be_bytes(),
            &[0; 8],
            &30_000_u32.to_be_bytes(),
            &[0],
        ];
        let mut answer = &self.ask(CREATE_TOPICS, 4, &body.concat())?[..];
        let (_throttled, _topics) = (number::<4>(&mut answer)?, number::<4>(&mut answer)?);
        let _name = string(&mut answer)?;
        no_error(number::<2>(&mut answer)?)
    }

    /// The names of all topics but Kafka's own, in order, when their first partition has a leader.
    pub fn topics(&mut self) -> Result<Vec<String>> {
        let mut answer = &self.ask(METADATA, 1, &u32::MAX.to_be_bytes())?[..];
        for _ in 0..number::<4>(&mut answer)? {
            let _node = number::<4>(&mut answer)?;
            let (_host, _port) = (string(&mut answer)?, number::<4>(&mut answer)?);
            let _rack = string(&mut answer)?;
        }
        let _controller = number::<4>(&mut answer)?;
        let mut topics = Vec::new();
        for _ in 0..number::<4>(&mut answer)? {
            no_error(number::<2>(&mut answer)?)?;
            let name = string(&mut answer)?;
            let is_internal = take(&mut answer, 1)? == [1];
            for _ in 0..number::<4>(&mut answer)? {
                no_error(number::<2>(&mut answer)?)?;
                let (_index, _leader) = (number::<4>(&mut answer)?, number::<4>(&mut answer)?);
                for _replicas_and_those_in_sync in 0..2 {
                    let count = number::<4>(&mut answer)?;
                    take(&mut answer, count * 4)?;
                }
            }
            if !is_internal {
                topics.push(name);
            }
        }
        // They come in no order.
        topics.sort();
        Ok(topics)
    }

    /// Says who it is by one `mechanism`; what the server says to the first message.
    pub fn sasl(&mut self, mechanism: &str, first: &str) -> Result<String> {
        let answer = self.ask(SASL_HANDSHAKE, 1, &text(mechanism))?;
        no_error(number::<2>(&mut &answer[..])?)?;
        let length = u32::try_from(first.len()).unwrap();
        let message = [&length.to_be_bytes(), first.as_bytes()].concat();
        let mut answer = &self.ask(SASL_AUTHENTICATE, 1, &message)?[..];
        no_error(number::<2>(&mut answer)?)?;
        let _message = string(&mut answer)?;
        let length = number::<4>(&mut answer)?;
        Ok(String::from_utf8_lossy(take(&mut answer, length)?).into_owned())
    }

    fn ask(&mut self, kind: u16, version: u16, body: &[u8]) -> Result<Vec<u8>> {
        self.0.write_all(&request(kind, version, body))?;
        self.answer()
    }

    /// The next answer.
    pub fn answer(&mut self) -> Result<Vec<u8>> {
        answer(&mut self.0)
    }
}

/// The next answer from wherever answers come.
pub fn answer(from: &mut impl Read) -> Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    from.read_exact(&mut answer)?;
    // The number of the request comes first.
    Ok(answer.split_off(4))
}

/// The request for [`versions_in`] its answer, as bytes for whoever sends them another way.
pub fn api_versions() -> Vec<u8> {
    request(API_VERSIONS, 0, &[])
}

/// How many kinds of request an answer names.
pub fn versions_in(mut answer: &[u8]) -> Result<usize> {
    no_error(number::<2>(&mut answer)?)?;
    number::<4>(&mut answer)
}

fn request(kind: u16, version: u16, body: &[u8]) -> Vec<u8> {
    let number = 7_u32.to_be_bytes();
    let kind = [kind.to_be_bytes(), version.to_be_bytes()].concat();
    let rest = [&kind[..], &number, &text("semel"), body].concat();
    [&u32::try_from(rest.len()).unwrap().to_be_bytes()[..], &rest].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat()
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8]> {
    rest.split_off(..length).ok_or_else(|| Error::other("a short answer"))
}

/// A number of `BYTES` bytes; -1 is the greatest.
fn number<const BYTES: usize>(rest: &mut &[u8]) -> Result<usize> {
    Ok(take(rest, BYTES)?.iter().fold(0, |number, &byte| number << 8 | usize::from(byte)))
}

/// A text, empty where there is none.
fn string(rest: &mut &[u8]) -> Result<String> {
    let length = number::<2>(rest)?;
    let length = if length == usize::from(u16::MAX) { 0 } else { length };
    Ok(String::from_utf8_lossy(take(rest, length)?).into_owned())
}

fn no_error(code: usize) -> Result<()> {
    match code {
        0 => Ok(()),
        _ => Err(Error::other(format!("error {code}"))),
    }
}
