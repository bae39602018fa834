//! A client of some fifty lines, because the crate has no dependency: simple queries, rows as text.

use std::io::{Read, Result, Write};
use std::net::TcpStream;

pub struct Client(TcpStream);

impl Client {
    /// Connects as the superuser, to the database `postgres`.
    pub fn new(port: u16) -> Result<Client> {
        let mut client = Client(TcpStream::connect(("127.0.0.1", port))?);
        let body = b"\x00\x03\x00\x00user\0semel\0database\0postgres\0\0";
        let length = u32::try_from(body.len() + 4).unwrap();
        client.0.write_all(&length.to_be_bytes())?;
        client.0.write_all(body)?;
        client.rows().map(|_| client)
    }

    /// The rows of the answers to `sql`.
    pub fn run(&mut self, sql: &str) -> Result<Vec<Vec<String>>> {
        let length = u32::try_from(sql.len() + 5).unwrap();
        let message = [b"Q", &length.to_be_bytes()[..], sql.as_bytes(), b"\0"].concat();
        self.0.write_all(&message)?;
        self.rows()
    }

    /// Reads until the server waits for the next query.
    fn rows(&mut self) -> Result<Vec<Vec<String>>> {
        let mut rows = Vec::new();
        loop {
            let mut head = [0; 5];
            self.0.read_exact(&mut head)?;
            let length = u32::from_be_bytes(head[1..].try_into().unwrap());
            let mut body = vec![0; usize::try_from(length).unwrap() - 4];
            self.0.read_exact(&mut body)?;
            match head[0] {
                b'Z' => return Ok(rows),
                b'D' => rows.push(columns(&body[2..])),
                // An authentication that wants more than nothing, and an error.
                b'R' if body != [0; 4] => return Err(std::io::Error::other("wants a password")),
                b'E' => return Err(std::io::Error::other(String::from_utf8_lossy(&body))),
                _ => {}
            }
        }
    }
}

fn columns(mut rest: &[u8]) -> Vec<String> {
    let mut columns = Vec::new();
    while let Some((length, value)) = rest.split_first_chunk::<4>() {
        // A length below 0 is NULL.
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
        columns.push(String::from_utf8_lossy(&value[..length]).into_owned());
        rest = &value[length..];
    }
    columns
}
