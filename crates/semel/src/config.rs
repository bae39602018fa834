//! The configuration: one value, made of flags over `SEMEL_*` over a file, whole or refused.
//!
//! It is checked before anything is opened, so a mistake costs nothing. Unknown keys are mistakes:
//! a misspelt setting that is silently ignored is a setting that somebody relies on in vain.
//! Deliberately absent: what a setting does, which stands where it is used.

mod api_key;
mod ingest;
mod roles;
pub mod wire;

pub use ingest::{Ingest, ingests_of};
pub use roles::Roles;
pub use wire::{Publish, Wire};

use crate::cli::{Global, Server};
use crate::exit::misused;
use crate::http::access::{ApiKey, MAIN};
use crate::place::Place;
use crate::wiring::WireSettings;
use semel_core::failure::Stop;
use semel_core::limits;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

const DEFAULT_FILE: &str = "semel.toml";
const DEFAULT_DATA: &str = "data";
const DEFAULT_LISTEN: &str = "127.0.0.1:7070";

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from, if there was one.
    pub file: Option<PathBuf>,
    /// The directory of everything that Semel keeps.
    pub data: PathBuf,
    /// Where the store is.
    pub store: Place,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Who may come in over HTTP; empty on a loopback address only.
    pub api_keys: Vec<ApiKey>,
    /// Whose messages are taken, and how they are mapped.
    pub ingests: Vec<Ingest>,
    /// Where Kafka is, and what is sent there.
    pub wire: Option<Wire>,
    /// What this process does.
    pub roles: Roles,
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    data: Option<PathBuf>,
    store: Option<String>,
    listen: Option<String>,
    wire: Option<String>,
    roles: Option<Vec<String>>,
    #[serde(default)]
    kafka: toml::Table,
    #[serde(default)]
    publish: wire::Written,
    #[serde(default)]
    ingest: Vec<toml::Table>,
    #[serde(default)]
    api_key: Vec<toml::Table>,
}

impl Config {
    /// The configuration of `global` and `server` over the file that they name, or `./semel.toml`.
    ///
    /// # Errors
    /// `Configuration`, with the field and what to write instead. Nothing has been opened but the
    /// file itself.
    pub fn load(global: &Global, server: Option<&Server>) -> Result<Config, Stop> {
        let file = global.config.clone().or_else(|| {
            let default = PathBuf::from(DEFAULT_FILE);
            default.exists().then_some(default)
        });
        let written = match &file {
            Some(path) => toml_of(path)?,
            None => Written::default(),
        };
        let place = file.as_deref().unwrap_or(Path::new("the command line")).display();
        let refused = |detail: String| misused(format!("{place}: {detail}"));

        let data = global.data.clone().or(written.data).unwrap_or(DEFAULT_DATA.into());
        let store = match global.store.as_ref().or(written.store.as_ref()) {
            Some(store) => Place::parse(store)?,
            None => by_custom().unwrap_or_else(|| Place::File(data.join("semel.db"))),
        };
        let listen = server.and_then(|server| server.listen.as_deref());
        let listen = listen.or(written.listen.as_deref()).unwrap_or(DEFAULT_LISTEN);
        let listen = address(listen)?;
        let api_keys = api_key::all(written.api_key).map_err(refused)?;
        let ingests = ingest::all(written.ingest).map_err(refused)?;
        let wire = Wire::of(global, written.wire.as_deref(), written.kafka, written.publish)?;
        let roles = server.map_or(&[][..], |server| &server.roles);
        let roles = Roles::of(roles, written.roles.as_deref()).map_err(misused)?;
        let config = Config { file, data, store, listen, api_keys, ingests, wire, roles };
        config.check()?;
        Ok(config)
    }

    /// The ledgers that it names, `main` if nobody has a ledger of their own.
    pub fn ledgers(&self) -> BTreeSet<&str> {
        let keys = self.api_keys.iter().map(|key| &*key.ledger);
        let ingests = self.ingests.iter().map(Ingest::ledger);
        let main = self.api_keys.is_empty().then_some(MAIN);
        keys.chain(ingests).chain(main).collect()
    }

    /// The ingests that take a topic, by name, and the topic's name.
    pub fn topics(&self) -> impl Iterator<Item = (&str, &str, &Ingest)> {
        self.ingests.iter().filter_map(|it| Some((it.name.as_deref()?, it.topic.as_deref()?, it)))
    }

    /// The directory of the store's file, if it is one.
    pub fn directory(&self) -> Option<&Path> {
        Some(match self.store.file()?.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        })
    }

    /// What holds now, for people to compare with what they meant; secrets masked.
    pub fn shown(&self) -> Value {
        json!({
            "file": self.file.as_ref().map(|file| file.display().to_string()),
            "data": self.data.display().to_string(),
            "store": self.store.to_string(),
            "listen": self.listen.to_string(),
            "api_key": self.api_keys.iter().map(api_key::shown).collect::<Vec<_>>(),
            "ingest": self.ingests.iter().map(Ingest::shown).collect::<Vec<_>>(),
            "wire": self.wire.as_ref().map(Wire::shown),
            "roles": self.roles.words(),
        })
    }

    /// What no single setting can say.
    fn check(&self) -> Result<(), Stop> {
        if self.data.as_os_str().is_empty() {
            return Err(misused("data: is empty; name a directory"));
        }
        if self.api_keys.is_empty() && !self.listen.ip().is_loopback() {
            return Err(misused(format!(
                "listen: {} can be reached from outside, and there is no [[api_key]]; \
                 add one, or listen on 127.0.0.1",
                self.listen
            )));
        }
        if let Some((name, topic, _)) = self.topics().next()
            && self.wire.is_none()
        {
            return Err(misused(format!(
                "ingest `{name}`: there is no broker to read the topic {topic} from; name one with \
                 --wire kafka://HOST:PORT, or under [kafka] as bootstrap.servers"
            )));
        }
        Ok(())
    }
}

/// A name of a ledger or an ingest, by the rule of account ids: they stand in URLs alike.
pub fn name(what: &str, text: &str) -> Result<(), String> {
    limits::valid_account(text).map_err(|reason| {
        format!("{what}: the name is refused ({reason}); write 1 to 64 visible ASCII characters")
    })
}

/// What the TOML file at `path` says.
pub fn toml_of<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Stop> {
    let place = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| misused(format!("{place}: cannot be read: {error}")))?;
    toml::from_str(&text).map_err(|error| {
        let before = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
        let line = before.map_or(String::new(), |line| format!(":{line}"));
        misused(format!("{place}{line}: {}", error.message()))
    })
}

/// The URL of the server that is named, for what is thrown away afterwards. Where a file is named
/// it is left alone, and so is a name that is no URL: another file does as well.
///
/// # Errors
/// `Configuration`, for a URL that names no store.
pub fn server(global: &Global) -> Result<Option<String>, Stop> {
    let place = match &global.store {
        Some(store) if store.contains("://") => Some(Place::parse(store)?),
        Some(_) => None,
        None => by_custom(),
    };
    Ok(place.filter(|place| place.file().is_none()).map(|place| place.written()))
}

/// How to get to the brokers that flags and environment name, for what is thrown away afterwards.
///
/// # Errors
/// `Configuration`, for what names none.
pub fn broker(global: &Global) -> Result<Option<WireSettings>, Stop> {
    let wire = Wire::of(global, None, toml::Table::new(), wire::Written::default())?;
    Ok(wire.map(|wire| wire.settings))
}

/// What `DATABASE_URL` names, where nothing of Semel's own names a store. Another program's
/// database stands in it often enough, so what is no PostgreSQL is left alone.
fn by_custom() -> Option<Place> {
    let url = std::env::var("DATABASE_URL").ok()?;
    Place::parse(&url).ok().filter(|place| place.file().is_none())
}

fn address(text: &str) -> Result<SocketAddr, Stop> {
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    let local = local.map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let wrong =
        |_| misused(format!("listen: `{text}` is no address; write IP:PORT, as {DEFAULT_LISTEN}"));
    local.map_or_else(|| text.parse().map_err(wrong), Ok)
}
