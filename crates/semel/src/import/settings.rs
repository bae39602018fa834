//! What an import is about, settled before the store is opened: file, format, ingest, ledger.

use super::decoder::Decoder;
use super::source::Origin;
use super::unsuitable;
use crate::cli::{Format, Import};
use crate::config::{self, Config, Ingest};
use crate::exit::misused;
use semel_core::Text;
use semel_core::exactly_once::Cursor;
use semel_core::failure::Stop;
use semel_store::rows::Binding;
use std::path::{Path, PathBuf};

/// What an import is about.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is read, and how.
    pub origin: Origin,
    /// How long the file is now, in bytes.
    pub length: u64,
    /// The file's identity in the store.
    pub source: Text,
    /// The namespace of the keys.
    pub ingest: Text,
    /// The ledger that takes the payments.
    pub ledger: String,
    /// Whether the command line named it.
    pub ledger_given: bool,
    mapping_toml: String,
}

impl Settings {
    /// What `args` mean under `config`.
    ///
    /// # Errors
    /// `Configuration` with what to write instead; `SourceUnreadable` when the file is none.
    pub fn of(config: &Config, args: &Import) -> Result<Settings, Stop> {
        let ingest = chosen(config, args)?;
        let name = ingest.name.clone().or_else(|| args.ingest.clone()).ok_or_else(|| {
            misused("name the ingest, which is the namespace of its keys: `--ingest NAME`")
        })?;
        config::name("ingest", &name).map_err(misused)?;
        let ledger_given = args.ledger.is_some();
        let ledger = args.ledger.clone().unwrap_or_else(|| ingest.ledger().to_owned());
        config::name("ledger", &ledger).map_err(misused)?;

        let (path, length) = file(&args.file)?;
        let source = format!("file:{}", identity(&path, args.name.as_deref())?);
        let format = args.format.unwrap_or_else(|| format_of(&path));
        let namespace = Text::from(name);
        let decoder = Decoder { namespace: namespace.clone(), mapping: ingest.mapping };
        let origin = Origin { path, format, decoder };
        check(&origin)?;
        Ok(Settings {
            origin,
            length,
            source: source.into(),
            ingest: namespace,
            ledger,
            ledger_given,
            mapping_toml: ingest.mapping_toml,
        })
    }

    /// How the store knows the source for ever.
    pub fn binding(&self) -> Binding {
        Binding {
            source: self.source.clone(),
            ingest: self.ingest.clone(),
            file: self.source["file:".len()..].into(),
            mapping: self.mapping_toml.as_str().into(),
            start: Cursor::START,
        }
    }
}

/// The one ingest that is meant.
fn chosen(config: &Config, args: &Import) -> Result<Ingest, Stop> {
    let name = args.ingest.as_deref();
    match (&args.mapping, &config.file) {
        (Some(path), _) => ingest_in(path, name),
        (None, Some(path)) => choose(path, &config.ingests, name),
        (None, None) => Err(misused("say how the file is mapped: `--mapping FILE`")),
    }
}

/// The ingest called `name` of the mapping file at `path`, or its only one.
///
/// # Errors
/// `Configuration`, when it cannot be read or there is no such ingest.
pub fn ingest_in(path: &Path, name: Option<&str>) -> Result<Ingest, Stop> {
    let refused = |detail| misused(format!("{}: {detail}", path.display()));
    let ingests = config::ingests_of(config::toml_of(path)?).map_err(refused)?;
    choose(path, &ingests, name)
}

fn choose(path: &Path, ingests: &[Ingest], name: Option<&str>) -> Result<Ingest, Stop> {
    let place = path.display();
    let known = || ingests.iter().filter_map(|one| one.name.as_deref()).collect::<Vec<_>>();
    let known = || known().join(", ");
    match (name, ingests) {
        (_, []) => Err(misused(format!("{place}: has no [[ingest]]"))),
        (None, [only]) => Ok(only.clone()),
        (None, _) => {
            Err(misused(format!("{place}: has several; choose with --ingest: {}", known())))
        }
        (Some(_), [bare @ Ingest { name: None, .. }]) => Ok(bare.clone()),
        (Some(name), _) => {
            let found = ingests.iter().find(|one| one.name.as_deref() == Some(name));
            let missing = || misused(format!("{place}: has no ingest `{name}`, but: {}", known()));
            found.cloned().ok_or_else(missing)
        }
    }
}

/// The file's canonical path and its length in bytes.
fn file(given: &Path) -> Result<(PathBuf, u64), Stop> {
    if given == Path::new("-") {
        return Err(misused(
            "standard input cannot be read again after a crash; write it to a file and import that",
        ));
    }
    let unreadable = |error| unsuitable(format!("{}: {error}", given.display()));
    let path = given.canonicalize().map_err(unreadable)?;
    let meta = path.metadata().map_err(unreadable)?;
    if !meta.is_file() {
        return Err(unsuitable(format!("{}: is no regular file", given.display())));
    }
    Ok((path, meta.len()))
}

fn identity(path: &Path, name: Option<&str>) -> Result<String, Stop> {
    match (name, path.to_str()) {
        (Some(""), _) => Err(misused("--as: is empty; write the name that the file goes by")),
        (Some(name), _) => Ok(name.to_owned()),
        (None, Some(path)) => Ok(path.to_owned()),
        (None, None) => {
            Err(misused("the file's path is not UTF-8; name the file with `--as NAME`"))
        }
    }
}

fn format_of(path: &Path) -> Format {
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    if is_csv { Format::Csv } else { Format::Jsonl }
}

/// Whether the mapping can be read from such a file.
fn check(origin: &Origin) -> Result<(), Stop> {
    let mapping = &origin.decoder.mapping;
    let refused = |detail| misused(format!("mapping: {detail}"));
    match origin.format {
        Format::Jsonl => mapping.for_file().map_err(refused),
        Format::Csv => {
            mapping.for_columns().map_err(refused)?;
            let header = origin.header()?;
            header.map_or(Ok(()), |header| header.serves(mapping)).map_err(refused)
        }
    }
}
