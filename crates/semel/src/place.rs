//! Where a store is, and the directories of one that is a file: made when Semel writes, missed when
//! it only reads.

use crate::config::Config;
use crate::exit::misused;
use semel_core::failure::Stop;
use semel_core::problem::Code;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file on this machine.
    File(PathBuf),
    /// A database, by its URL, which may hold a password.
    Server(String),
}

impl Place {
    /// The place that `text` writes: `sqlite:PATH` or `postgres://…`.
    ///
    /// # Errors
    /// `Configuration`. What stands behind another scheme is not repeated: it may hold a password.
    pub fn parse(text: &str) -> Result<Place, Stop> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Place::File(path.into())),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(Place::Server(text.to_owned()))
            }
            Some((scheme, rest)) if rest.starts_with("//") => Err(misused(format!(
                "store: ledgers are kept in SQLite or PostgreSQL, not in {scheme}; \
                 write sqlite:PATH or postgres://USER@HOST/DATABASE"
            ))),
            _ => Err(misused(
                "store: write sqlite:PATH, for example sqlite:data/semel.db, \
                 or postgres://USER@HOST/DATABASE",
            )),
        }
    }

    /// As [`Place::parse`] reads it, the password too: for no eyes but this program's.
    pub fn written(&self) -> String {
        match self {
            Place::File(path) => format!("sqlite:{}", path.display()),
            Place::Server(url) => url.clone(),
        }
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Place::File(path) => Some(path),
            Place::Server(_) => None,
        }
    }
}

/// As it is written, without passwords.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match self {
            Place::File(path) => return write!(f, "sqlite:{}", path.display()),
            Place::Server(url) => url,
        };
        let (scheme, rest) = url.split_once("//").unwrap_or(("", url));
        // A password may hold any character, even those that part the rest.
        let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(u, h)| (Some(u), h));
        let (hosts, query) = rest.split_once('?').unwrap_or((rest, ""));
        let user = user.map(|user| user.split_once(':').map_or(user, |(name, _)| name));
        write!(f, "{scheme}//{}{hosts}", user.map_or(String::new(), |user| format!("{user}@")))?;
        let shown = query.split('&').filter(|pair| !pair.is_empty() && !is_secret(pair));
        let shown: Vec<&str> = shown.collect();
        let mark = if shown.is_empty() { "" } else { "?" };
        write!(f, "{mark}{}", shown.join("&"))
    }
}

fn is_secret(pair: &str) -> bool {
    pair.split('=').next() == Some("password")
}

/// Make the directory of the store's file if it is not there.
///
/// # Errors
/// `DataUnusable`, with what stands in the way.
pub fn prepare(config: &Config) -> Result<(), Stop> {
    let Some(directory) = config.directory() else { return Ok(()) };
    std::fs::create_dir_all(directory).map_err(|error| {
        let place = directory.display();
        Stop::new(
            Code::DataUnusable,
            format!("{place}: {error}; name another directory with --data, or mend this one"),
        )
    })
}

/// The store's place, where a file must be there.
///
/// # Errors
/// `DataUnusable` where there is none.
pub fn existing(config: &Config) -> Result<&Place, Stop> {
    if config.store.file().is_none_or(Path::is_file) {
        return Ok(&config.store);
    }
    let place = config.store.file().unwrap_or(Path::new("")).display();
    let detail =
        format!("there is no store at {place}; `semel serve` makes one, --data names another");
    Err(Stop::new(Code::DataUnusable, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (written, shown) in [
            ("sqlite:a/b.db", "sqlite:a/b.db"),
            ("postgres://me@h/db", "postgres://me@h/db"),
            (
                "postgres://me:pass@h:1,i:2/db?sslmode=disable",
                "postgres://me@h:1,i:2/db?sslmode=disable",
            ),
            ("postgres://h/db?user=me&password=pass", "postgres://h/db?user=me"),
            ("postgresql://me:p@ss@h/db?password=pass", "postgresql://me@h/db"),
            ("postgres://me:pa?ss@h/db", "postgres://me@h/db"),
        ] {
            assert_eq!(Place::parse(written).unwrap().to_string(), shown);
        }
    }
}
