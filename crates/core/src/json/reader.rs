//! The reader: one pass over the text, one method for each rule of the grammar (RFC 8259).
//!
//! Each method begins at the first byte of its rule and ends behind the last. Recursion is bounded
//! by [`MAX_DEPTH`].

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Json, JsonError, MAX_DEPTH};

pub(super) fn read(text: &str) -> Result<Json<'_>, JsonError> {
    let mut reader = Reader { text, at: 0 };
    reader.white_space();
    let document = reader.value(MAX_DEPTH)?;
    reader.white_space();
    match reader.peek() {
        None => Ok(document),
        Some(_) => Err(JsonError::TrailingBytes),
    }
}

/// A position in the text; at every stop it is the boundary of a character.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// `room`: how many more containers may be opened.
    fn value(&mut self, room: usize) -> Result<Json<'a>, JsonError> {
        match self.peek() {
            Some(b'{' | b'[') if room == 0 => Err(JsonError::TooDeep),
            Some(b'{') => self.object(room - 1).map(Json::Object),
            Some(b'[') => self.array(room - 1).map(Json::Array),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number().map(Json::Number),
            Some(b't') => self.literal("true", Json::Bool(true)),
            Some(b'f') => self.literal("false", Json::Bool(false)),
            Some(b'n') => self.literal("null", Json::Null),
            _ => Err(JsonError::Syntax),
        }
    }

    fn object(&mut self, room: usize) -> Result<Vec<(Cow<'a, str>, Json<'a>)>, JsonError> {
        let mut members = Vec::new();
        self.at += 1;
        self.white_space();
        if self.take(b'}') {
            return Ok(members);
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(JsonError::Syntax);
            }
            let name = self.string()?;
            self.white_space();
            if !self.take(b':') {
                return Err(JsonError::Syntax);
            }
            self.white_space();
            members.push((name, self.value(room)?));
            if self.closes(b'}')? {
                return Ok(members);
            }
        }
    }

    fn array(&mut self, room: usize) -> Result<Vec<Json<'a>>, JsonError> {
        let mut elements = Vec::new();
        self.at += 1;
        self.white_space();
        if self.take(b']') {
            return Ok(elements);
        }
        loop {
            elements.push(self.value(room)?);
            if self.closes(b']')? {
                return Ok(elements);
            }
        }
    }

    /// Behind an item: true at the container's end, false at the next item.
    fn closes(&mut self, end: u8) -> Result<bool, JsonError> {
        self.white_space();
        if self.take(end) {
            return Ok(true);
        }
        if !self.take(b',') {
            return Err(JsonError::Syntax);
        }
        self.white_space();
        Ok(false)
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let plain = self.plain();
        if self.take(b'"') {
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = String::from(plain);
        while self.take(b'\\') {
            text.push(self.escape()?);
            text.push_str(self.plain());
        }
        if self.take(b'"') { Ok(Cow::Owned(text)) } else { Err(JsonError::Syntax) }
    }

    /// The characters up to a quote, an escape, a control character or the end of the text.
    fn plain(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let stops = |byte: u8| byte == b'"' || byte == b'\\' || byte < 0x20;
        let length = rest.bytes().position(stops).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let letter = self.peek().ok_or(JsonError::Syntax)?;
        let char = match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(JsonError::Syntax),
        };
        self.at += 1;
        Ok(char)
    }

    /// One UTF-16 unit, or two that form a surrogate pair.
    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let unit = self.utf16_unit()?;
        if !(0xd800..0xdc00).contains(&unit) {
            return char::from_u32(unit).ok_or(JsonError::LoneSurrogate);
        }
        if !self.text[self.at..].starts_with("\\u") {
            return Err(JsonError::LoneSurrogate);
        }
        self.at += 1;
        match self.utf16_unit()? {
            low @ 0xdc00..0xe000 => {
                let code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                Ok(char::from_u32(code).expect("a surrogate pair names a character"))
            }
            _ => Err(JsonError::LoneSurrogate),
        }
    }

    /// `u` and four hexadecimal digits.
    fn utf16_unit(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5).ok_or(JsonError::Syntax)?;
        let mut unit = 0;
        for &digit in digits {
            unit = unit << 4 | char::from(digit).to_digit(16).ok_or(JsonError::Syntax)?;
        }
        self.at += 5;
        Ok(unit)
    }

    fn number(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(JsonError::Syntax) }
    }

    fn literal(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, JsonError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(JsonError::Syntax);
        }
        self.at += word.len();
        Ok(value)
    }

    fn white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}
