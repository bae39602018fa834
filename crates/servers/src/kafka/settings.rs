//! A server's `server.properties`, written anew for each start.
//!
//! Its last line keeps the ports for the next start.

use crate::port;
use std::fmt::Write;
use std::path::Path;

/// The file, in the home.
pub const FILE: &str = "server.properties";

/// Where the topics' logs lie, in the home.
pub const DATA: &str = "data";

/// Where the metadata lies, in the home.
pub const METADATA: &str = "metadata";

/// A setting that is none of Kafka's: `name:password` of a user for SCRAM-SHA-256, who is made
/// with the data. It may be given more than once.
pub const SCRAM_USER: &str = "scram-user";

/// One node, on loopback alone, and small.
const BASE: [(&str, &str); 21] = [
    ("process.roles", "broker,controller"),
    ("node.id", "1"),
    ("controller.quorum.voters", "1@127.0.0.1:{controller}"),
    ("controller.listener.names", "CONTROLLER"),
    ("listeners", "PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"),
    // Kafka knows it by itself only until a listener wants passwords or certificates.
    (
        "listener.security.protocol.map",
        "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,\
         SASL_SSL:SASL_SSL",
    ),
    ("log.dirs", "{data}"),
    ("metadata.log.dir", "{metadata}"),
    // A topic exists when somebody has made it, with the settings that he wants.
    ("auto.create.topics.enable", "false"),
    // After a kill, a start has to wait until the broker that was before counts as gone.
    ("broker.heartbeat.interval.ms", "500"),
    ("broker.session.timeout.ms", "3000"),
    ("group.initial.rebalance.delay.ms", "0"),
    // There is no second node to hold a replica.
    ("offsets.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    // Each partition is some files to make at its first use, and to open at each start.
    ("offsets.topic.num.partitions", "4"),
    ("share.coordinator.state.topic.num.partitions", "4"),
    ("transaction.state.log.num.partitions", "4"),
    // What cleans them up takes 128 MB of its own accord, a quarter of the heap.
    ("log.cleaner.dedupe.buffer.size", "16777216"),
];

/// The ports of one server, on 127.0.0.1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ports {
    controller: u16,
    clients: [u16; 3],
}

impl Ports {
    /// Ports that nobody listens on now.
    pub fn free() -> Ports {
        let mut found: Vec<u16> = Vec::new();
        while found.len() < 4 {
            let free = port::free();
            if !found.contains(&free) {
                found.push(free);
            }
        }
        Ports { controller: found[0], clients: [found[1], found[2], found[3]] }
    }

    /// The ports in a file's text.
    pub fn kept(text: &str) -> Option<Ports> {
        let numbers = text.lines().last()?.strip_prefix("# ports = ")?.split(' ');
        let numbers: Result<Vec<u16>, _> = numbers.map(str::parse).collect();
        let [controller, clients @ ..] = *numbers.ok()?.first_chunk::<4>()?;
        Some(Ports { controller, clients })
    }

    /// The port for clients with this number, from 1.
    pub fn client(&self, number: usize) -> u16 {
        number.checked_sub(1).and_then(|at| self.clients.get(at).copied()).expect("port 1, 2 or 3")
    }
}

/// The file's text; of two settings with one name the later counts.
pub fn text(settings: &[(String, String)], home: &Path, ports: &Ports) -> String {
    let mut text = String::new();
    let given = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in BASE.into_iter().chain(given.filter(|&(name, _)| name != SCRAM_USER)) {
        let value = escaped(&filled_in(value, home, ports));
        writeln!(text, "{name}={value}").expect("a string takes everything");
    }
    let Ports { controller, clients: [first, second, third] } = ports;
    text + &format!("# ports = {controller} {first} {second} {third}\n")
}

fn filled_in(value: &str, home: &Path, ports: &Ports) -> String {
    let path = |name: &str| home.join(name).display().to_string();
    let known = [
        ("{controller}", ports.controller.to_string()),
        ("{port}", ports.client(1).to_string()),
        ("{port2}", ports.client(2).to_string()),
        ("{port3}", ports.client(3).to_string()),
        ("{home}", home.display().to_string()),
        ("{data}", path(DATA)),
        ("{metadata}", path(METADATA)),
    ];
    known.iter().fold(value.to_owned(), |value, (name, is)| value.replace(name, is))
}

/// As Java reads it back: what would end the line, and what Latin-1 does not have.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    for unit in value.encode_utf16() {
        match u8::try_from(unit) {
            Ok(b'\\') => text.push_str("\\\\"),
            Ok(byte @ b' '..=b'~') => text.push(char::from(byte)),
            _ => write!(text, "\\u{unit:04x}").expect("a string takes everything"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: Ports = Ports { controller: 20_000, clients: [20_001, 20_002, 20_003] };

    #[test]
    fn settings_are_escaped_and_the_ports_are_found_again() {
        let table = [
            // value                 line
            ("a\\b = #c", "odd=a\\\\b = #c\n"),
            ("one\ntwo", "odd=one\\u000atwo\n"),
            ("é€", "odd=\\u00e9\\u20ac\n"),
            ("{home}/{data}:{port2}", "odd=/a b//a b/data:20002\n"),
        ];
        for (value, line) in table {
            let given = [("odd".to_owned(), value.to_owned())];
            let text = text(&given, Path::new("/a b"), &PORTS);
            assert!(text.contains("\nlog.dirs=/a b/data\n"), "{text}");
            assert!(text.contains(line), "{text}");
            assert_eq!(Ports::kept(&text), Some(PORTS));
        }
        let user = [(SCRAM_USER.to_owned(), "alice:secret".to_owned())];
        assert!(!text(&user, Path::new("/a"), &PORTS).contains("alice"));
        assert_eq!(Ports::kept("# ports = 1 2 3\n"), None);
        assert_eq!(Ports::kept("node.id=1\n"), None);
    }

    #[test]
    fn free_ports_differ() {
        let Ports { controller, clients: [first, second, third] } = Ports::free();
        let ports = std::collections::BTreeSet::from([controller, first, second, third]);
        assert_eq!(ports.len(), 4);
    }
}
