//! `cargo xtask`: what builds, checks and tests Semel, on a machine with Rust and a C compiler.
//!
//! One file a command. Deliberately absent: an argument parser and every dependency from outside,
//! so that the first thing a newcomer runs builds in a second or two.

mod ci;
mod servers;
mod shell;
mod sim;
mod test;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  test    run every test there is; build and install what they need
  up      install and start the servers that the tests run against, and leave them running
  down    stop them
  sim     simulate whole installations under every fault; `sim --help` says how
  tidy    check the rules of STYLE.md that a program can check
  ci      format, clippy, tidy, test, documentation, licences and advisories
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["test"] => test::run(),
        ["up"] => servers::up(),
        ["down"] => servers::down(),
        ["sim", ref rest @ ..] => sim::run(rest),
        ["tidy"] => tidy::run(),
        ["ci"] => ci::run(),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("xtask: {cause}");
            ExitCode::FAILURE
        }
    }
}
