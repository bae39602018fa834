//! Where servers lie: below `target/servers`, or below the system's temporary directory where the
//! user that they run as cannot get into that.
//!
//! Deliberately absent: a setting. Everybody who looks for a server has to look in the same place.

use crate::user::User;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// The project's root: two above this crate.
pub fn project() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("the crate lies two below the root").to_path_buf()
}

/// The directory of the project's installed and shared servers; made when it is not there.
///
/// # Errors
/// It cannot be made, or somebody else has made it.
pub fn servers() -> Result<PathBuf, String> {
    let project = project();
    let usual = project.join("target/servers");
    fs::create_dir_all(&usual).map_err(|error| cannot("made", &usual, &error))?;
    let user = User::of_servers()?;
    if user.can_enter(&usual) {
        return Ok(usual);
    }
    // A clone below a directory that is its owner's alone, and root is the owner.
    let name = format!("semel-servers-{:016x}", hash(&project));
    let instead = std::env::temp_dir().join(name);
    match fs::create_dir(&instead) {
        Ok(()) => open(&instead).map(|()| instead),
        Err(_) if user.is_callers(&instead) => Ok(instead),
        // Programs that somebody else may have put there are not run.
        Err(error) => Err(cannot("made", &instead, &error)),
    }
}

/// Waits until no other process installs, starts or stops a shared server; until it is dropped.
pub(crate) fn lock(under: &Path) -> Result<File, String> {
    let path = under.join("lock");
    let locked = File::options().create(true).append(true).open(&path).and_then(|file| {
        file.lock()?;
        Ok(file)
    });
    locked.map_err(|error| cannot("locked", &path, &error))
}

/// A new directory for a server of one's own, below the system's temporary one.
pub(crate) fn temporary(user: &User) -> Result<PathBuf, String> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    loop {
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("semel-{}-{made}", std::process::id());
        let path = std::env::temp_dir().join(name);
        match fs::create_dir(&path) {
            Ok(()) => return user.own(&path).map(|()| path),
            // Left by a process that had this number long ago.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(cannot("made", &path, &error)),
        }
    }
}

/// Lets everybody in to read, whatever the caller's umask: servers run as another user.
pub(crate) fn open(directory: &Path) -> Result<(), String> {
    let opened = fs::set_permissions(directory, fs::Permissions::from_mode(0o755));
    opened.map_err(|error| cannot("opened", directory, &error))
}

/// Lets everybody read and run all that lies in `directory`, as [`open`] does.
pub(crate) fn open_all(directory: &Path) -> Result<(), String> {
    let opened = Command::new("chmod").args(["-R", "a+rX"]).arg(directory).status();
    match opened {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("`chmod` could not open {}", directory.display())),
    }
}

/// Removes `directory` with all that lies in it, where it is there.
pub(crate) fn remove(directory: &Path) -> Result<(), String> {
    match fs::remove_dir_all(directory) {
        Err(error) if directory.exists() => Err(cannot("removed", directory, &error)),
        _ => Ok(()),
    }
}

/// The same for a path on every machine and in every release: FNV-1a.
pub(crate) fn hash(path: &Path) -> u64 {
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// "X cannot be made: …".
pub(crate) fn cannot(be: &str, path: &Path, error: &std::io::Error) -> String {
    format!("{} cannot be {be}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_is_where_the_workspace_is() {
        assert!(project().join("Cargo.lock").exists());
    }

    #[test]
    fn the_hash_of_a_path_is_fnv_1a() {
        let table = [("", 0xcbf2_9ce4_8422_2325), ("foobar", 0x8594_4171_f739_67e8)];
        for (path, expected) in table {
            assert_eq!(hash(Path::new(path)), expected, "{path}");
        }
    }
}
