//! A server's own file of settings, read at the end of `postgresql.conf`.
//!
//! It is written anew for each start, and `ALTER SYSTEM` wins over it. Its last line keeps the port
//! for the next start.

use std::fmt::Write;
use std::path::Path;

/// The file, in the data directory.
pub const FILE: &str = "semel.conf";

/// What `postgresql.conf` says of it.
pub const INCLUDE: &str = "include 'semel.conf'\n";

/// Small, on loopback alone, and honest: nothing that a test may rely on is switched off.
const BASE: [(&str, &str); 8] = [
    ("fsync", "on"),
    ("lc_messages", "C"),
    ("listen_addresses", "127.0.0.1"),
    ("log_timezone", "UTC"),
    ("logging_collector", "off"),
    ("max_connections", "100"),
    ("shared_buffers", "256MB"),
    ("timezone", "UTC"),
];

/// The file's text; of two settings with one name the later counts.
pub fn text(settings: &[(String, String)], sockets: &Path, port: u16) -> String {
    let mut text = String::new();
    let sockets = sockets.display().to_string();
    let base = BASE.into_iter().chain([("unix_socket_directories", sockets.as_str())]);
    let given = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in base.chain(given) {
        let value = value.replace('\\', "\\\\").replace('\'', "''");
        writeln!(text, "{name} = '{value}'").expect("a string takes everything");
    }
    text + &format!("port = {port}\n")
}

/// The port in the file's text.
pub fn port(text: &str) -> Option<u16> {
    text.lines().last()?.strip_prefix("port = ")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_quoted_and_the_port_is_found_again() {
        let given = [("archive_command".to_owned(), "cp '%p' a\\b".to_owned())];
        let text = text(&given, Path::new("/tmp/it's"), 20_001);
        assert!(text.contains("\nunix_socket_directories = '/tmp/it''s'\n"), "{text}");
        assert!(text.contains("\narchive_command = 'cp ''%p'' a\\\\b'\n"), "{text}");
        assert_eq!(port(&text), Some(20_001));
        assert_eq!(port("port = 1\nfsync = 'on'\n"), None);
    }
}
