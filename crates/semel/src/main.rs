//! The program `semel`: everything it does stands in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    semel::run(std::env::args_os())
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
