//! Running other programs: each is printed before it starts, and a failure names it.
//!
//! Deliberately absent: a shell. Arguments are passed as they are.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a command of `xtask` comes to; the error is a sentence for the person at the terminal.
pub type Outcome = Result<(), String>;

/// The repository's root, wherever `cargo xtask` was called from.
pub fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().expect("xtask lies in the repository's root").to_path_buf()
}

/// The cargo that started this program, with `arguments`, in the repository's root.
pub fn cargo(arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(root());
    command
}

/// Prints `command`, runs it to its end, and fails when it failed.
pub fn run(mut command: Command) -> Outcome {
    let line = display(&command);
    eprintln!("\n$ {line}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` failed: {status}")),
        Err(error) => Err(format!("`{line}` did not start: {error}")),
    }
}

/// Whether cargo knows `subcommand`, which is installed apart from cargo.
pub fn has_cargo(subcommand: &str) -> bool {
    let mut command = cargo(&[subcommand, "--version"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn display(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
