//! The signals that ask a process to end.

use semel_core::failure::Stop;
use semel_core::problem::Code;
use tokio::signal::unix::{SignalKind, signal};

/// Ready at the first SIGINT or SIGTERM from now on.
///
/// # Errors
/// When the system does not let signals be heard.
pub fn end() -> Result<impl Future<Output = ()> + Send, Stop> {
    let on = |kind| {
        signal(kind)
            .map_err(|error| Stop::new(Code::Internal, format!("signals cannot be heard: {error}")))
    };
    let mut interrupt = on(SignalKind::interrupt())?;
    let mut terminate = on(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
