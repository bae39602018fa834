//! JSON Pointer (RFC 6901), parsed once and followed many times.
//!
//! Deliberately absent: `-` as the place behind an array's end (it names nothing one could read)
//! and the URI fragment form (`#/a`).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::Json;

/// The way to a value: `""` is the whole document, `/a/0` the first element of member `a`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    segments: Vec<String>,
}

/// What a pointer leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'t, 'a> {
    /// Exactly one value.
    Found(&'t Json<'a>),
    /// No such member or element, or a scalar on the way.
    Missing,
    /// An object on the way has the next name twice, so the pointer names no single value.
    Duplicate,
}

/// The text is no JSON Pointer: it is not empty and does not begin with `/`, or has a `~` that is
/// neither `~0` nor `~1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointerError;

impl Pointer {
    /// Reads the string form of RFC 6901.
    pub fn parse(text: &str) -> Result<Pointer, PointerError> {
        if text.is_empty() {
            return Ok(Pointer { segments: Vec::new() });
        }
        let path = text.strip_prefix('/').ok_or(PointerError)?;
        let segments = path.split('/').map(unescape).collect::<Result<_, _>>()?;
        Ok(Pointer { segments })
    }

    /// The one segment of a pointer such as `/column`, unescaped; None when it has none or more.
    pub fn single(&self) -> Option<&str> {
        match self.segments.as_slice() {
            [segment] => Some(segment),
            _ => None,
        }
    }
}

impl<'a> Json<'a> {
    /// Follows the pointer from this value.
    ///
    /// Duplicate names beside the way or below its end do not matter here.
    pub fn pointer(&self, pointer: &Pointer) -> Lookup<'_, 'a> {
        let mut value = self;
        for segment in &pointer.segments {
            match value.child(segment) {
                Lookup::Found(child) => value = child,
                end => return end,
            }
        }
        Lookup::Found(value)
    }

    fn child(&self, segment: &str) -> Lookup<'_, 'a> {
        let mut found = match self {
            Json::Object(members) => {
                members.iter().filter(|member| member.0 == segment).map(|member| &member.1)
            }
            Json::Array(elements) => {
                let element = index(segment).and_then(|index| elements.get(index));
                return element.map_or(Lookup::Missing, Lookup::Found);
            }
            _ => return Lookup::Missing,
        };
        match (found.next(), found.next()) {
            (None, _) => Lookup::Missing,
            (Some(value), None) => Lookup::Found(value),
            (Some(_), Some(_)) => Lookup::Duplicate,
        }
    }
}

/// `0`, or digits without a leading zero.
fn index(segment: &str) -> Option<usize> {
    let plain = segment.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = segment.len() > 1 && segment.starts_with('0');
    if plain && !leading_zero { segment.parse().ok() } else { None }
}

/// One pass, so that `~01` becomes `~1` and not `/`.
fn unescape(segment: &str) -> Result<String, PointerError> {
    let mut pieces = segment.split('~');
    let mut text = String::from(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (char, rest) = match piece.split_at_checked(1) {
            Some(("0", rest)) => ('~', rest),
            Some(("1", rest)) => ('/', rest),
            _ => return Err(PointerError),
        };
        text.push(char);
        text.push_str(rest);
    }
    Ok(text)
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            write!(f, "/{}", segment.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}

impl fmt::Display for PointerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no JSON Pointer (RFC 6901): it begins with `/`, and `~` occurs as ~0 or ~1")
    }
}

impl core::error::Error for PointerError {}
