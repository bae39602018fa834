//! Who the servers run as: PostgreSQL refuses to run as root, so root steps down, for each of them.

use crate::place::cannot;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// The owner of a server's files and processes.
#[derive(Clone, Debug)]
pub struct User {
    /// Who calls.
    caller: u32,
    /// Where root calls: the user and group to step down to.
    below_root: Option<(u32, u32)>,
}

impl User {
    /// Whoever calls, or for root an ordinary user of this machine.
    pub fn of_servers() -> Result<User, String> {
        // The standard library does not tell who the process runs as.
        let output = Command::new("id").arg("-u").stdin(Stdio::null()).output();
        let output = output.map_err(|error| format!("`id -u` did not start: {error}"))?;
        let caller = String::from_utf8_lossy(&output.stdout);
        let caller = caller.trim().parse().map_err(|_| "`id -u` tells no number".to_owned())?;
        if caller != 0 {
            return Ok(User { caller, below_root: None });
        }
        let users = fs::read_to_string("/etc/passwd")
            .map_err(|error| format!("/etc/passwd cannot be read: {error}"))?;
        let below = ["postgres", "nobody"].iter().find_map(|name| ids(&users, name));
        match below {
            Some(ids) => Ok(User { caller, below_root: Some(ids) }),
            None => Err("root cannot run PostgreSQL, and there is neither a user `postgres` nor \
                         `nobody` to run it as"
                .into()),
        }
    }

    /// Whether `directory` is the caller's; a link to one is not.
    pub fn is_callers(&self, directory: &Path) -> bool {
        let found = fs::symlink_metadata(directory).ok().filter(fs::Metadata::is_dir);
        found.is_some_and(|found| found.uid() == self.caller)
    }

    /// `program`, run as this user in `directory`, with nothing to read and nowhere to write.
    pub fn command(&self, program: &Path, directory: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(directory);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some((uid, gid)) = self.below_root {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Gives `path` to this user.
    pub fn own(&self, path: &Path) -> Result<(), String> {
        let Some((uid, gid)) = self.below_root else { return Ok(()) };
        // Not through a link that somebody else laid there.
        lchown(path, Some(uid), Some(gid)).map_err(|error| cannot("given away", path, &error))
    }

    /// Opens a file of this user's alone, to be added to.
    pub fn file(&self, path: &Path) -> Result<File, String> {
        let file = File::options().create(true).append(true).mode(0o600).open(path);
        let file = file.map_err(|error| cannot("written", path, &error))?;
        self.own(path).map(|()| file)
    }

    /// Writes a file that this user alone can read.
    pub fn write(&self, path: &Path, text: &str) -> Result<(), String> {
        // Not written over, because the mode is given only to a new file.
        let _absent = fs::remove_file(path);
        let mut file = self.file(path)?;
        file.write_all(text.as_bytes()).map_err(|error| cannot("written", path, &error))
    }

    /// Makes a directory that belongs to this user, with those above it that are not there.
    pub fn directory(&self, path: &Path) -> Result<(), String> {
        let missing = path.ancestors().take_while(|path| !path.exists()).collect::<Vec<_>>();
        for path in missing.iter().rev() {
            fs::create_dir(path).map_err(|error| cannot("made", path, &error))?;
            // At once, because the caller's umask may keep everybody else out.
            self.own(path)?;
        }
        self.own(path)
    }

    /// Whether this user can get into `directory`; found out by going there.
    pub fn can_enter(&self, directory: &Path) -> bool {
        let mut command = self.command(Path::new("sh"), directory);
        command.args(["-c", ":"]).status().is_ok_and(|status| status.success())
    }
}

/// User and group of `name` in the text of a password file.
fn ids(users: &str, name: &str) -> Option<(u32, u32)> {
    let mut fields = users.lines().map(|line| line.split(':'));
    let mut fields = fields.find(|fields| fields.clone().next() == Some(name))?.skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::ids;

    #[test]
    fn users_are_found_by_their_whole_name() {
        let users = "a:x:1:2:A:/a:/b\npostgres2:x:3:4::/:/\npostgres:x:5:6:P, Q:/:/\nodd:x:y\n";
        let table = [
            // name       ids
            ("a", Some((1, 2))),
            ("postgres", Some((5, 6))),
            ("odd", None),
            ("nobody", None),
        ];
        for (name, expected) in table {
            assert_eq!(ids(users, name), expected, "{name}");
        }
    }
}
