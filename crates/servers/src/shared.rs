//! The servers of `cargo xtask up`, which run on when it returns, and of whoever looks for them.
//!
//! Whether one runs is read from its data directory and its process, never from a note that could
//! have outlived it; `target/servers/up` is written for people and scripts alone.

use crate::kafka::{self, Jars, Kafka};
use crate::place::{self, cannot};
use crate::postgres::{self, Binaries, Mode, Postgres};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

/// What `cargo xtask up` comes to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Up {
    /// PostgreSQL, by the URL of its superuser.
    pub postgres: Server,
    /// Kafka, by its bootstrap server.
    pub kafka: Server,
}

/// A server that is up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Server {
    /// Where it is.
    pub at: String,
    /// Its process.
    pub pid: u32,
    /// It ran before.
    pub was_up: bool,
    /// Its log.
    pub log: PathBuf,
}

/// The processes that `cargo xtask down` has stopped.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Down {
    /// PostgreSQL's, if it ran.
    pub postgres: Option<u32>,
    /// Kafka's, if it ran.
    pub kafka: Option<u32>,
}

/// As `docs/postgres.md` advises, since this one is measured too.
const POSTGRES: [(&str, &str); 3] =
    [("max_wal_size", "4GB"), ("shared_buffers", "1GB"), ("wal_compression", "on")];

/// Installs what is missing and starts what does not run.
///
/// # Errors
/// What is missing on this machine, or why a server did not start.
pub fn up() -> Result<Up, String> {
    let place = place::servers()?;
    let (binaries, jars) = (postgres::install(&place)?, kafka::install(&place)?);
    let _locked = place::lock(&place)?;
    let up = start(&binaries, &jars, &place)?;
    note(&up).map(|()| up)
}

/// Stops what runs.
///
/// # Errors
/// A server that does not stop.
pub fn down() -> Result<Down, String> {
    let place = place::servers()?;
    let _locked = place::lock(&place)?;
    let down = stop(Binaries::installed(&place).as_ref(), Jars::installed(&place).as_ref(), &place);
    let _absent = fs::remove_file(note_path());
    down
}

/// The PostgreSQL that runs, if it does.
///
/// # Errors
/// It cannot be found out.
pub fn running_postgres() -> Result<Option<Server>, String> {
    let place = place::servers()?;
    let Some(binaries) = Binaries::installed(&place) else { return Ok(None) };
    let server = Postgres::running_on(&binaries, &data_of_postgres(&place))?;
    Ok(server.and_then(|server| told_of_postgres(&server, true)))
}

/// The Kafka that runs, if it does.
///
/// # Errors
/// It cannot be found out.
pub fn running_kafka() -> Result<Option<Server>, String> {
    let place = place::servers()?;
    let Some(jars) = Jars::installed(&place) else { return Ok(None) };
    let server = Kafka::running_on(&jars, &home_of_kafka(&place))?;
    Ok(server.and_then(|server| told_of_kafka(&server, true)))
}

/// Starts what does not run below `place`, both at once; when one fails, what was started stops.
fn start(binaries: &Binaries, jars: &Jars, place: &Path) -> Result<Up, String> {
    let (data, home) = (data_of_postgres(place), home_of_kafka(place));
    let (postgres, kafka) = thread::scope(|scope| {
        let kafka = scope.spawn(|| match Kafka::running_on(jars, &home)? {
            Some(server) => Ok((server, true)),
            None => Kafka::start(jars, &home, &[]).map(|server| (server, false)),
        });
        let postgres = match Postgres::running_on(binaries, &data) {
            Ok(Some(server)) => Ok((server, true)),
            Ok(None) => Postgres::start(binaries, &data, &POSTGRES).map(|server| (server, false)),
            Err(cause) => Err(cause),
        };
        (postgres, kafka.join().expect("a start does not panic"))
    });
    let ((postgres, postgres_was_up), (kafka, kafka_was_up)) = (postgres?, kafka?);
    let up = Up {
        postgres: told_of_postgres(&postgres, postgres_was_up)
            .ok_or("PostgreSQL ended just after its start")?,
        kafka: told_of_kafka(&kafka, kafka_was_up).ok_or("Kafka ended just after its start")?,
    };
    postgres.detach();
    kafka.detach();
    Ok(up)
}

/// Stops what runs below `place`; one that does not stop keeps no other from it.
fn stop(binaries: Option<&Binaries>, jars: Option<&Jars>, place: &Path) -> Result<Down, String> {
    let kafka = || -> Result<Option<u32>, String> {
        let Some(jars) = jars else { return Ok(None) };
        let Some(server) = Kafka::running_on(jars, &home_of_kafka(place))? else { return Ok(None) };
        let pid = server.pid();
        server.stop(Mode::Fast).map(|()| pid)
    };
    let postgres = || -> Result<Option<u32>, String> {
        let Some(binaries) = binaries else { return Ok(None) };
        let server = Postgres::running_on(binaries, &data_of_postgres(place))?;
        let Some(server) = server else { return Ok(None) };
        let pid = server.pid();
        server.stop(Mode::Fast).map(|()| pid)
    };
    let (kafka, postgres) = (kafka(), postgres());
    Ok(Down { postgres: postgres?, kafka: kafka? })
}

fn told_of_postgres(server: &Postgres, was_up: bool) -> Option<Server> {
    Some(Server { at: server.url("postgres"), pid: server.pid()?, was_up, log: server.log() })
}

fn told_of_kafka(server: &Kafka, was_up: bool) -> Option<Server> {
    Some(Server { at: server.bootstrap(), pid: server.pid()?, was_up, log: server.log() })
}

fn data_of_postgres(place: &Path) -> PathBuf {
    place.join("postgres/data")
}

fn home_of_kafka(place: &Path) -> PathBuf {
    place.join("kafka")
}

fn note(up: &Up) -> Result<(), String> {
    let Up { postgres, kafka } = up;
    let text = format!(
        "postgres={}\npostgres_pid={}\nkafka={}\nkafka_pid={}\n",
        postgres.at, postgres.pid, kafka.at, kafka.pid
    );
    let path = note_path();
    fs::write(&path, text).map_err(|error| cannot("written", &path, &error))
}

fn note_path() -> PathBuf {
    place::project().join("target/servers/up")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user::User;

    /// A directory for shared servers that nobody else looks into; they end with it.
    struct Place(PathBuf, Binaries, Jars);

    impl Drop for Place {
        fn drop(&mut self) {
            let Place(place, binaries, jars) = self;
            let _stopped = stop(Some(binaries), Some(jars), place);
            let _left_over = fs::remove_dir_all(place);
        }
    }

    #[test]
    fn both_run_until_they_are_stopped() {
        let installed = place::servers().unwrap();
        let (Some(binaries), Some(jars)) =
            (Binaries::installed(&installed), Jars::installed(&installed))
        else {
            return crate::for_tests::skip("no servers are installed", "cargo xtask up");
        };
        let place = place::temporary(&User::of_servers().unwrap()).unwrap();
        let Place(place, binaries, jars) = &Place(place, binaries, jars);
        let stop = || stop(Some(binaries), Some(jars), place).unwrap();
        assert_eq!(stop(), Down::default());
        let first = start(binaries, jars, place).unwrap();
        let again = start(binaries, jars, place).unwrap();
        assert!(!first.postgres.was_up && again.postgres.was_up);
        assert!(!first.kafka.was_up && again.kafka.was_up);
        assert_eq!((&first.postgres.at, &first.kafka.at), (&again.postgres.at, &again.kafka.at));
        let pids = Down { postgres: Some(first.postgres.pid), kafka: Some(first.kafka.pid) };
        assert_eq!(stop(), pids);
        assert_eq!(stop(), Down::default());
    }
}
