//! Brokers that want passwords and certificates, and what is said where they do not match.

use crate::{Broker, PATIENCE, numbered, put, unused};
use semel_core::failure::Failure;
use semel_core::wire::Topic as _;
use semel_servers::for_tests::{certificates, private_kafka};
use semel_servers::kafka::{Kafka, SCRAM_USER};
use tokio::time::Instant;

const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                     user_bob=\"plain secret\";";
const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required;";

/// What is said of a connection that the broker closes, before or while it is asked.
pub const CLOSED: &str = "disconnected|send failed|receive failed";

#[tokio::test]
async fn passwords_and_certificates_let_in_whom_they_should() {
    let names = "DNS:localhost,IP:127.0.0.1";
    let Some(made) = certificates(names, "payer") else { return };
    let shown = made.of_kafka().unwrap();
    let mut settings = vec![
        (
            "listeners",
            "PLAINTEXT://127.0.0.1:{port},SASL_SSL://127.0.0.1:{port2},SSL://127.0.0.1:{port3},\
             CONTROLLER://127.0.0.1:{controller}",
        ),
        ("listener.name.ssl.ssl.client.auth", "required"),
        ("sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-256"),
        ("listener.name.sasl_ssl.plain.sasl.jaas.config", PLAIN),
        ("listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config", SCRAM),
        (SCRAM_USER, "alice:secret"),
    ];
    settings.extend(shown.iter().map(|(name, value)| (*name, &**value)));
    let Some(server) = private_kafka(&settings) else { return };
    let open = Broker::at(&server.bootstrap(), &[]);
    let name = unused("secured");
    open.make(&name, 1).await;
    put(&open.foreign(&[]), &name, &numbered(0..3));
    let path = |name| made.path(name).display().to_string();
    let (ca, other, proof, key) =
        (path("ca.pem"), path("other.pem"), path("client.pem"), path("client.key"));
    let ca_text = made.text("ca.pem").unwrap();
    let sasl = |mechanism, user, password, authority| {
        vec![
            ("security.protocol", "sasl_ssl"),
            ("ssl.ca.location", authority),
            ("sasl.mechanism", mechanism),
            ("sasl.username", user),
            ("sasl.password", password),
        ]
    };
    let ssl = |authority| vec![("security.protocol", "ssl"), ("ssl.ca.location", authority)];
    let proven = [("ssl.certificate.location", &*proof), ("ssl.key.location", &*key)];
    let in_text = [("security.protocol", "ssl"), ("ssl.ca.pem", &*ca_text)];
    let table = [
        // port  settings                                          says, if it is refused
        (2, sasl("PLAIN", "bob", "plain secret", &ca), None),
        (2, sasl("SCRAM-SHA-256", "alice", "secret", &ca), None),
        (3, [&ssl(&ca)[..], &proven].concat(), None),
        (3, [&in_text[..], &proven].concat(), None),
        (2, sasl("PLAIN", "bob", "secret", &ca), Some("invalid username or password")),
        (2, sasl("SCRAM-SHA-256", "alice", "plain secret", &ca), Some("invalid credentials")),
        (2, sasl("SCRAM-SHA-512", "alice", "secret", &ca), Some("mechanism")),
        (2, sasl("PLAIN", "bob", "plain secret", &other), Some("certificate")),
        (3, [&ssl(&other)[..], &proven].concat(), Some("certificate")),
        (3, ssl(&ca), Some("certificate")),
        (2, vec![], Some(CLOSED)),
    ];
    check_all(&server, &name, &table);
}

/// By which port, with which settings; what is said where they are refused, one of several.
pub type Case<'a> = (usize, Vec<(&'a str, &'a str)>, Option<&'a str>);

/// Check all at once, since a refusal takes its time.
pub fn check_all(server: &Kafka, name: &str, table: &[Case<'_>]) {
    std::thread::scope(|scope| {
        for (port, settings, says) in table {
            let servers = format!("127.0.0.1:{}", server.port(*port));
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(check(&servers, settings, name, *says));
            });
        }
    });
}

/// Whether a client with these settings is let in, or says why not.
async fn check(servers: &str, settings: &[(&str, &str)], name: &str, says: Option<&str>) {
    let began = Instant::now();
    let broker = Broker::at(servers, settings);
    let topic = broker.cluster.topic(name, Some("readers")).unwrap();
    match says {
        None => {
            let fetched = crate::fetched(&topic, 0, 9).await;
            assert_eq!(fetched.records.len(), 3, "{settings:?}");
        }
        Some(says) => {
            let failure = topic.fetch(0, 0, 9).await.unwrap_err();
            assert!(!matches!(failure, Failure::Unknown(_)), "{settings:?}: {failure}");
            let asked = broker.cluster.brokers().await.unwrap_err();
            for said in [failure.to_string(), asked.to_string(), topic.trouble().unwrap()] {
                let mut says = says.split('|');
                let lower = said.to_lowercase();
                assert!(says.any(|says| lower.contains(says)), "{settings:?}: {said}");
                assert!(!said.contains("secret"), "{said}");
            }
        }
    }
    assert!(began.elapsed() < PATIENCE, "{settings:?}: {:?}", began.elapsed());
}
