//! The right to write a store: one process at a time, by a lock on a file beside it.
//!
//! Keeps P2's assumption of one writable primary. The operating system releases the lock, however
//! its holder dies. Deliberately absent: stealing it.

use semel_core::failure::Stop;
use semel_core::problem::Code;
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How long a start waits for the right to write: whoever only asks who has it is gone by then.
const LOCK_WAIT: Duration = Duration::from_millis(100);
/// How long it waits between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Held as long as this process may write. The operating system releases it, however we die.
pub(super) struct WriterLock(#[expect(dead_code, reason = "it is held, not used")] File);

/// The file that says who writes the store at `path`.
pub(super) fn lock_path(path: &Path) -> PathBuf {
    sibling(path, ".lock")
}

/// What was written to the store at `path` and stands not in the file itself yet.
pub(super) fn write_ahead_log(path: &Path) -> PathBuf {
    sibling(path, "-wal")
}

fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Take the right to write the store at `path`.
pub(super) fn lock(path: &Path) -> Result<WriterLock, Stop> {
    if !path.exists() {
        // A link that leads nowhere yet has no real name.
        let made = File::options().create(true).append(true).open(path);
        made.map_err(|error| unusable(path, &error))?;
    }
    // By its real name: a store must not have two locks.
    let at = lock_path(&path.canonicalize().unwrap_or_else(|_| path.to_owned()));
    let file = File::options().create(true).truncate(false).read(true).write(true).open(&at);
    let mut file = file.map_err(|error| unusable(&at, &error))?;
    match patiently(&file) {
        Ok(()) => {
            only_name(path)?;
            // For whoever is refused; on a full disk it is left out.
            let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
            Ok(WriterLock(file))
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            let detail = format!(
                "{} is open in another process ({holder}); stop that one first with \
                 `kill {holder}`, or ask it over HTTP",
                path.display()
            );
            Err(Stop::new(Code::StoreLocked, detail))
        }
        Err(TryLockError::Error(error)) => Err(unusable(&at, &error)),
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> Stop {
    let remedy = "let this user write it, or name another directory with --data";
    Stop::new(Code::DataUnusable, format!("{}: {error}; {remedy}", path.display()))
}

/// Refuse a file that has two names: each would have a lock and a write-ahead log of its own.
fn only_name(path: &Path) -> Result<(), Stop> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if path.metadata().is_ok_and(|file| file.is_file() && 1 < file.nlink()) {
            let detail = format!("{} has another hard link; remove one", path.display());
            return Err(Stop::new(Code::DataUnusable, detail));
        }
    }
    Ok(())
}

/// Lock `file`, unless another holds it for longer than a moment.
fn patiently(file: &File) -> Result<(), TryLockError> {
    let until = Instant::now() + LOCK_WAIT;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(LOCK_PAUSE),
            answer => return answer,
        }
    }
}
