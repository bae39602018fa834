//! The command line, whole, as data. What each command does stands in the module of its name.
//!
//! Flags win over `SEMEL_*`, which wins over the configuration file.

use crate::verify::Head;
use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};
use clap_complete::Shell;
use semel_core::reason::Reason;
use std::path::PathBuf;

/// Exactly-once effects for payments: one binary.
#[derive(Debug, Parser)]
#[command(name = "semel", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Args, Clone, Debug, Default)]
pub struct Global {
    /// Configuration file [default: ./semel.toml if present]
    #[arg(long, global = true, env = "SEMEL_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory of everything that Semel keeps [default: ./data]
    #[arg(long, global = true, env = "SEMEL_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The store: sqlite:PATH, or postgres://… [default: DATABASE_URL, else sqlite:DATA/semel.db]
    #[arg(long, global = true, env = "SEMEL_STORE", value_name = "URL", hide_env_values = true)]
    pub store: Option<String>,
    /// Kafka: kafka://HOST:PORT, or none [default: KAFKA_BOOTSTRAP_SERVERS, else none]
    #[arg(long, global = true, env = "SEMEL_WIRE", value_name = "URL")]
    pub wire: Option<String>,
    /// One JSON document on stdout
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take payments over HTTP
    Serve(Serve),
    /// Kill a server in the middle of payments, and count what was lost or doubled
    ///
    /// The ledger is in a temporary directory or, where --store names PostgreSQL, in a schema of
    /// its own there. It is thrown away at the end.
    Demo(Demo),
    /// Take payments from a file
    Import(Import),
    /// Look at, redrive or discard what could not become a payment
    #[command(subcommand)]
    DeadLetters(DeadLetters),
    /// Make and list ledgers
    #[command(subcommand)]
    Ledger(Ledger),
    /// Make topics, which nothing else ever does
    #[command(subcommand)]
    Topics(Topics),
    /// Look at ingests, and let one go on that was stopped by a gap
    #[command(subcommand)]
    Ingest(IngestCommand),
    /// Show the versions of the store's schema; bring it up to this program's with --yes
    ///
    /// Servers do it by themselves when they start. A version only adds to the one before, so
    /// programs of both work on it side by side while one replaces the other.
    Migrate(Migrate),
    /// Replay every ledger's log and compare it with all that the store keeps
    Verify(Verify),
    /// Measure this machine: batches in process, HTTP, import, and the store's own limit
    ///
    /// The limit is the plainest loop that writes the same rows, the key index in the order in
    /// which keys come. The real path writes keys late and sorted, so its ratio may be above 1.
    /// Fsyncs are commits, each of which waits for the disk once; checkpoints are not counted.
    /// Ledgers are in temporary directories or, where --store names PostgreSQL, in schemas of their
    /// own there. They are thrown away at the end.
    Bench(Bench),
    /// Check configuration and store, and say what to do
    Doctor(Doctor),
    /// Print a script that completes this command line in a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// `semel serve`
#[derive(Args, Debug)]
pub struct Serve {
    #[command(flatten)]
    /// Where to listen, and what to do.
    pub server: Server,
}

/// Where a server listens, and what it does.
#[derive(Args, Debug)]
pub struct Server {
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:7070]
    #[arg(long, env = "SEMEL_LISTEN", value_name = "IP:PORT")]
    pub listen: Option<String>,
    /// What the server does, of http, ingest, publish [default: all]
    #[arg(long, env = "SEMEL_ROLES", value_name = "ROLES", value_delimiter = ',')]
    pub roles: Vec<String>,
}

/// `semel demo`
#[derive(Args, Debug)]
pub struct Demo {
    /// How many payments to make
    #[arg(long, default_value_t = 50_000, value_parser = value_parser!(u32).range(100..))]
    pub payments: u32,
}

/// `semel bench`
#[derive(Args, Debug)]
pub struct Bench {
    /// Payments of the stages `batch`, `ledgers` and `import`; `http` makes a tenth
    #[arg(long, default_value_t = 1_000_000, value_parser = value_parser!(u32).range(1_000..))]
    pub payments: u32,
    /// Only this stage; may be repeated
    #[arg(long = "stage", value_enum)]
    pub stages: Vec<Stage>,
    /// Payments of one batch, in the stages `batch` and `ledgers`
    #[arg(long, default_value_t = 1_000, value_parser = value_parser!(u16).range(1..=10_000))]
    pub batch: u16,
    /// How PostgreSQL's accounts are kept, in the stages `batch` and `ledgers` [default: resident]
    #[arg(long, value_enum)]
    pub accounts: Option<Accounts>,
    /// Let 90 % of the payments go to 10 accounts
    #[arg(long)]
    pub hot: bool,
}

/// How accounts are kept in mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Accounts {
    /// Every step looks its keys up and writes the accounts that it changes.
    Plain,
    /// Accounts stay in memory and are written later, new keys are looked up when it matters.
    Resident,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// Batches through a door in this process, beside the store's own limit.
    Batch,
    /// The same for 1, 2 and 4 ledgers at once, each with a door; only on PostgreSQL by itself.
    Ledgers,
    /// One payment a request over loopback, 64 connections.
    Http,
    /// The same at half the rate that `http` reached, which is measured first.
    Half,
    /// One payment a request, one connection.
    Alone,
    /// JSON Lines from a file.
    Import,
    /// A topic full of messages, to events in the ledger; only with --wire, as the next three.
    Ingest,
    /// The same in this process, also without identity and cursor: what exactly-once costs.
    Guarantee,
    /// Batches over HTTP, until their events are sent and confirmed.
    Pipeline,
    /// Events that are there, until they are sent and confirmed.
    Publish,
}

/// `semel import`
#[derive(Args, Debug)]
pub struct Import {
    /// JSON Lines, or CSV with a header row
    pub file: PathBuf,
    /// TOML with the mapping, bare or in `[[ingest]]` tables [default: the configuration's]
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// Which ingest: the namespace of its keys
    #[arg(long, value_name = "NAME")]
    pub ingest: Option<String>,
    /// How the file is written [default: csv if its name ends in .csv, else jsonl]
    #[arg(long)]
    pub format: Option<Format>,
    /// The file's identity, instead of its path
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
    /// The ledger that takes the payments [default: the ingest's, else main]
    #[arg(long, value_name = "NAME")]
    pub ledger: Option<String>,
}

/// `semel verify`
#[derive(Args, Debug)]
pub struct Verify {
    /// Only this ledger [default: all, and what belongs to none]
    #[arg(long, value_name = "NAME")]
    pub ledger: Option<String>,
    /// A hash that was kept elsewhere, which the log has to lead to; may be repeated
    #[arg(long = "chain", value_name = "LEDGER:SEQ:HASH")]
    pub published: Vec<Head>,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A JSON object a line.
    Jsonl,
    /// RFC 4180, with a header row.
    Csv,
}

/// `semel dead-letters`
#[derive(Debug, Subcommand)]
pub enum DeadLetters {
    /// List them
    List {
        /// Which
        #[command(flatten)]
        which: Which,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Show one with its bytes
    Show {
        /// Its name, as listed
        #[arg(value_name = "ID", value_parser = letter)]
        id: i64,
        /// The ledger it belongs to
        #[arg(long, default_value = "main", value_name = "NAME")]
        ledger: String,
    },
    /// Decode and decide them again; without --yes, only count them by reason
    Redrive {
        /// Which
        #[command(flatten)]
        which: Which,
        /// Only these, by name
        #[arg(value_name = "ID", value_parser = letter)]
        ids: Vec<i64>,
        /// At most so many
        #[arg(long, value_name = "N")]
        cap: Option<u64>,
        /// Decode them by this mapping instead of the one they came by
        #[arg(long, value_name = "FILE")]
        mapping: Option<PathBuf>,
        /// Do it
        #[arg(long)]
        yes: bool,
    },
    /// Forget them; without --yes, only say which
    Discard {
        /// Which
        #[command(flatten)]
        which: Which,
        /// Only these, by name
        #[arg(value_name = "ID", value_parser = letter)]
        ids: Vec<i64>,
        /// At most so many
        #[arg(long, value_name = "N")]
        cap: Option<u64>,
        /// Do it
        #[arg(long)]
        yes: bool,
    },
}

/// Which dead letters are meant.
#[derive(Args, Debug)]
pub struct Which {
    /// The ledger they belong to
    #[arg(long, default_value = "main", value_name = "NAME")]
    pub ledger: String,
    /// Only of this ingest
    #[arg(long, value_name = "NAME")]
    pub ingest: Option<String>,
    /// Only with this reason
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub reason: Option<Reason>,
}

/// `semel ledger`
#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Make a ledger; one that is there stays as it is
    Create {
        /// Its name: 1 to 64 visible ASCII characters
        name: String,
    },
    /// List the store's ledgers
    List,
}

/// `semel topics`
#[derive(Debug, Subcommand)]
pub enum Topics {
    /// Make topics; one that is there stays as it is
    Create {
        /// Their names [default: the topic that events are published to]
        names: Vec<String>,
        /// Partitions of each; a published topic keeps its count for ever
        #[arg(long, default_value_t = 12, value_parser = value_parser!(u32).range(1..=10_000))]
        partitions: u32,
        /// On how many brokers each record is kept [default: 3, or as many as there are]
        #[arg(long, value_parser = value_parser!(u32).range(1..=100))]
        replication: Option<u32>,
    },
}

/// `semel ingest`
#[derive(Debug, Subcommand)]
pub enum IngestCommand {
    /// List ingests with what became of their items
    List {
        /// The ledger they belong to
        #[arg(long, default_value = "main", value_name = "NAME")]
        ledger: String,
    },
    /// Go on behind records that were deleted before they were read; without --yes, only say which
    Resume {
        /// The ingest's name
        name: String,
        /// Read partitions again that are not what was read before
        #[arg(long)]
        from_beginning: bool,
        /// Do it
        #[arg(long)]
        yes: bool,
    },
}

/// `semel migrate`
#[derive(Args, Debug)]
pub struct Migrate {
    /// Do it
    #[arg(long)]
    pub yes: bool,
}

/// `semel doctor`
#[derive(Args, Debug)]
pub struct Doctor {
    #[command(flatten)]
    /// Where a server would listen, and what it would do.
    pub server: Server,
}

fn reason(word: &str) -> Result<Reason, String> {
    let words = || Reason::ALL.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", ");
    Reason::parse(word).ok_or_else(|| format!("there is no such reason; these are: {}", words()))
}

fn letter(name: &str) -> Result<i64, String> {
    let number = name.strip_prefix("dl_").unwrap_or(name).parse().ok();
    number.ok_or_else(|| "write it as it is listed, as dl_7".to_owned())
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
