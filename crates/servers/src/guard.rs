//! What stops a server when its starter ends, in whatever way the starter ends.
//!
//! A shell waits at a pipe whose other end the starter holds. The system closes it when the starter
//! returns, panics, aborts or is killed; then the shell stops the server. So it makes no difference
//! whether destructors run, and nothing is left behind by a test that was interrupted.

use crate::user::User;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};

/// Runs a command when it is dropped, or when its process ends.
#[derive(Debug)]
pub struct Guard(Child);

/// `$1` goes away; the rest is what stops the server. A line means that there is nothing to do.
const SCRIPT: &str = "\
gone=$1; shift
read -r released || { \"$@\" >/dev/null 2>&1 </dev/null; [ -z \"$gone\" ] || rm -rf \"$gone\"; }";

impl Guard {
    /// Waits in `directory` to run `stop` as `user` and to remove `gone`.
    pub fn new(
        user: &User,
        directory: &Path,
        stop: &[&std::ffi::OsStr],
        gone: Option<&Path>,
    ) -> Result<Guard, String> {
        let mut command = user.command(Path::new("sh"), directory);
        command.args(["-c", SCRIPT, "sh"]).arg(gone.unwrap_or(Path::new(""))).args(stop);
        // Ctrl-C at the terminal ends the starter, and must not end who cleans up behind it.
        command.stdin(Stdio::piped()).process_group(0);
        command.spawn().map(Guard).map_err(|error| format!("`sh` did not start: {error}"))
    }

    /// Ends without doing anything.
    pub fn release(mut self) {
        if let Some(stdin) = &mut self.0.stdin {
            // An error means that the shell is gone already.
            let _gone = stdin.write_all(b"released\n");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // Once this returns the next server may have the directory.
        let _status = self.0.wait();
    }
}
