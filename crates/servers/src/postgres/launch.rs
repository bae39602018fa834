//! How PostgreSQL's programs are run: `initdb` once, `pg_ctl` for each start and stop.

use super::{Postgres, settings};
use crate::guard::Guard;
use crate::place::cannot;
use crate::process::{finish, last_lines};
use std::ffi::OsStr;
use std::fs;
use std::process::Command;

impl Postgres {
    /// Makes data where there is none, and the directory of the socket.
    pub(super) fn create(&self) -> Result<(), String> {
        // The last thing that is written of it.
        let conf = fs::read_to_string(self.data.join("postgresql.conf")).unwrap_or_default();
        if !conf.contains(settings::INCLUDE) {
            // Refuses a directory that holds anything, as one where it was interrupted before.
            self.initdb()?;
        }
        self.user.directory(&self.sockets)
    }

    fn initdb(&self) -> Result<(), String> {
        if !self.data.exists() {
            self.user.directory(&self.data)?;
        }
        if !self.user.can_enter(&self.data) {
            let data = self.data.display();
            return Err(format!("the user that PostgreSQL runs as cannot get into {data}"));
        }
        let mut initdb = self.user.command(&self.binaries.program("initdb"), self.parent());
        initdb.args(["--username=semel", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        initdb.arg("--pgdata").arg(&self.data);
        finish("initdb", initdb)?;
        let path = self.data.join("postgresql.conf");
        let conf = fs::read_to_string(&path).map_err(|error| cannot("read", &path, &error))?;
        self.write("postgresql.conf", &(conf + settings::INCLUDE))?;
        Ok(())
    }

    /// One start; the error is what the server and `pg_ctl` logged about it.
    pub(super) fn try_start(&self) -> Result<(), String> {
        self.write(settings::FILE, &settings::text(&self.settings, &self.sockets, self.port))?;
        let path = self.log();
        let log = self.user.file(&path)?;
        let length = log.metadata().map_or(0, |found| found.len());
        let mut start = self.pg_ctl(&["start", "--silent", "--wait", "--timeout=120"]);
        // Without a log `pg_ctl` would leave the caller's own output open in the server.
        start.arg("--log").arg(&path);
        let log_of_pg_ctl = log.try_clone().map_err(|error| cannot("opened", &path, &error))?;
        start.stdout(log_of_pg_ctl).stderr(log);
        let status = start.status().map_err(|error| format!("`pg_ctl` did not start: {error}"))?;
        if status.success() {
            return Ok(());
        }
        let said = fs::read(&path).unwrap_or_default();
        let from = usize::try_from(length).unwrap_or(0).min(said.len());
        Err(last_lines(&String::from_utf8_lossy(&said[from..]), 20))
    }

    pub(super) fn guard(&self) -> Result<Guard, String> {
        let pg_ctl = self.binaries.program("pg_ctl");
        let arguments = ["stop", "--mode=immediate", "--pgdata"].map(OsStr::new);
        let stop = [&[pg_ctl.as_os_str()][..], &arguments, &[self.data.as_os_str()]].concat();
        Guard::new(&self.user, self.parent(), &stop, self.home.as_deref())
    }

    pub(super) fn pg_ctl(&self, arguments: &[&str]) -> Command {
        let mut command = self.user.command(&self.binaries.program("pg_ctl"), self.parent());
        command.args(arguments).arg("--pgdata").arg(&self.data);
        command
    }
}
