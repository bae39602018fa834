//! A real Kafka through everything that the tests of other crates will do to it.
//!
//! Deliberately absent: a client of Kafka's; what the tests have to say stands in `wire`.

mod wire;

use semel_servers::kafka::SCRAM_USER;
use semel_servers::{Jars, Kafka, Mode, for_tests, place, private_kafka};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use wire::Client;

/// What is installed, for a server that is started otherwise than [`private_kafka`] does it.
fn jars() -> Option<Jars> {
    let jars = Jars::installed(&place::servers().unwrap());
    // It says what is missing.
    jars.or_else(|| private_kafka(&[]).map(|_| unreachable!("nothing is installed")))
}

/// Waits until the server knows `topics` and has their logs, `files`.
fn wait_for(topics: &[&str], files: &[&Path], port: u16) {
    let mut client = Client::new(port).unwrap();
    // What a request has made becomes known a little later.
    while client.topics().ok().is_none_or(|known| known != topics) {}
    while !files.iter().all(|file| file.exists()) {
        std::thread::yield_now();
    }
}

#[test]
fn topics_outlive_every_end_and_the_loss_of_their_logs() {
    let Some(mut server) = private_kafka(&[]) else { return };
    let (port, mut pid) = (server.port(1), server.pid());
    assert_eq!(server.bootstrap(), format!("127.0.0.1:{port}"));
    let log = |topic: &str| server.data().join(topic).join("00000000000000000000.log");
    let [kept, lost] = &["kept-0", "lost-0"].map(log);
    let both_are_there = || wait_for(&["kept", "lost"], &[kept, lost], port);
    let mut client = Client::new(port).unwrap();
    client.create("kept").unwrap();
    client.create("lost").unwrap();
    let end = |server: &Kafka, how: &str| match how {
        "in order, while it is paused" => {
            server.pid().map_or(Ok(()), |_| server.pause())?;
            server.stop(Mode::Fast)
        }
        _ => server.kill(),
    };
    for how in ["in order, while it is paused", "killed"] {
        both_are_there();
        let mut open = Client::new(port).unwrap();
        open.versions().unwrap();
        assert!(server.wipe_logs().unwrap_err().contains("a server runs in"), "{how}");
        end(&server, how).unwrap();
        assert_eq!(server.pid(), None, "{how}");
        assert!(open.versions().is_err(), "{how}");
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "{how}");
        end(&server, how).unwrap();
        match how {
            "killed" => server.wipe_logs().unwrap(),
            _ => std::fs::remove_dir_all(lost.parent().unwrap()).unwrap(),
        }
        assert_eq!((kept.exists(), lost.exists()), (how != "killed", false), "{how}");
        server.start_again().unwrap();
        server.start_again().unwrap();
        assert_ne!(server.pid(), pid, "{how}");
        assert_eq!(server.port(1), port, "{how}");
        pid = server.pid();
    }
    both_are_there();
}

#[test]
fn a_paused_server_keeps_its_connections_and_says_nothing() {
    let Some(server) = private_kafka(&[]) else { return };
    let pid = server.pid();
    let mut client = Client::new(server.port(1)).unwrap();
    let known = client.versions().unwrap();
    assert!(known > 0);
    server.pause().unwrap();
    assert_eq!(server.pid(), pid);
    client.patience(Duration::from_millis(200));
    let waited = client.versions().unwrap_err().kind();
    assert!(matches!(waited, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{waited}");
    server.resume().unwrap();
    // The answer to the question from before.
    client.patience(Duration::from_secs(60));
    let answer = client.answer().unwrap();
    assert_eq!(wire::versions_in(&answer).unwrap(), known);
    server.kill().unwrap();
    assert!(server.pause().unwrap_err().contains("no server runs in"));
    assert!(server.resume().is_err());
}

const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                     user_bob=\"plain secret\";";

const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required;";

#[test]
fn a_password_is_wanted_when_the_caller_says_so() {
    let settings = [
        (
            "listeners",
            "PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{port2},\
             CONTROLLER://127.0.0.1:{controller}",
        ),
        ("sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-256"),
        ("listener.name.sasl_plaintext.plain.sasl.jaas.config", PLAIN),
        ("listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config", SCRAM),
        (SCRAM_USER, "alice:secret"),
    ];
    let Some(server) = private_kafka(&settings) else { return };
    let table = [
        // mechanism      first message             begins the answer
        ("PLAIN", "\0bob\0plain secret", Some("")),
        ("PLAIN", "\0bob\0secret", None),
        ("SCRAM-SHA-256", "n,,n=alice,r=nonce", Some("r=nonce")),
        ("SCRAM-SHA-256", "n,,n=bob,r=nonce", None),
        ("SCRAM-SHA-512", "n,,n=alice,r=nonce", None),
    ];
    for (mechanism, first, expected) in table {
        let answer = Client::new(server.port(2)).unwrap().sasl(mechanism, first);
        match expected {
            Some(begin) => assert!(answer.unwrap().starts_with(begin), "{mechanism} {first:?}"),
            None => assert!(answer.is_err(), "{mechanism} {first:?}"),
        }
    }
    assert!(Client::new(server.port(2)).unwrap().topics().is_err());
    assert!(Client::new(server.port(1)).unwrap().topics().unwrap().is_empty());
}

#[test]
fn a_server_is_believed_by_its_certificate_and_believes_its_clients_by_theirs() {
    let names = "DNS:localhost,IP:127.0.0.1";
    let Some(certificates) = for_tests::certificates(names, "payer") else { return };
    let shown = certificates.of_kafka().unwrap();
    let mut settings = vec![
        (
            "listeners",
            "PLAINTEXT://127.0.0.1:{port},SSL://127.0.0.1:{port3},\
             CONTROLLER://127.0.0.1:{controller}",
        ),
        ("ssl.client.auth", "required"),
    ];
    settings.extend(shown.iter().map(|(name, value)| (*name, &**value)));
    let Some(server) = private_kafka(&settings) else { return };
    let ask = |authority: &str, arguments: &[&str]| {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-quiet", "-verify_return_error", "-verify_ip", "127.0.0.1"]);
        openssl.args(["-CAfile", authority, "-connect", &format!("127.0.0.1:{}", server.port(3))]);
        openssl.args(arguments).current_dir(certificates.path(""));
        openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut openssl = openssl.spawn().unwrap();
        // Where the connection has failed already nobody reads it.
        let _refused = openssl.stdin.as_mut().unwrap().write_all(&wire::api_versions());
        let answer = wire::answer(openssl.stdout.as_mut().unwrap());
        openssl.kill().unwrap();
        openssl.wait().unwrap();
        answer.map(|answer| wire::versions_in(&answer).unwrap())
    };
    let proof = ["-cert", "client.pem", "-key", "client.key"];
    assert!(ask("ca.pem", &proof).unwrap() > 0);
    assert!(ask("other.pem", &proof).is_err());
    assert!(ask("ca.pem", &[]).is_err());
}

#[test]
fn what_does_not_start_says_why() {
    let Some(jars) = jars() else { return };
    let table = [
        // setting                                      what is said of it
        ("num.io.threads", "many", "Invalid value many for configuration num.io.threads"),
        ("authorizer.class.name", "no.such.Class", "no.such.Class"),
        (SCRAM_USER, "alice", "`name:password`"),
    ];
    for (name, value, expected) in table {
        let said = for_tests::start_kafka(&jars, &[(name, value)]).unwrap_err();
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_port_that_is_taken_meanwhile_is_exchanged_until_somebody_knows_it() {
    let Some(jars) = jars() else { return };
    let home = std::env::temp_dir().join(format!("semel-other-{}", std::process::id()));
    let mut server = Kafka::prepare(&jars, &home, &[]).unwrap();
    let port = server.port(1);
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    server.start_again().unwrap();
    assert_ne!(server.port(1), port);
    assert!(Client::new(server.port(1)).unwrap().topics().unwrap().is_empty());
    let twice = Kafka::start(&jars, &home, &[]).unwrap_err();
    assert!(twice.contains("a server runs in"), "{twice}");
    drop((server, taken));
    std::fs::remove_dir_all(home).unwrap();
}

/// Who is started by the test below, and killed.
const STARTER: &str = "SEMEL_SERVERS_TEST_STARTER";

#[test]
fn a_server_ends_with_its_starter_however_that_ends() {
    if std::env::var_os(STARTER).is_some() {
        let server = private_kafka(&[]).unwrap();
        println!("\nstarted {} {}", server.port(1), server.data().display());
        // Until it is killed.
        loop {
            std::thread::park();
        }
    }
    if jars().is_none() {
        return;
    }
    let mut starter = Command::new(std::env::current_exe().unwrap());
    starter.args(["--exact", "a_server_ends_with_its_starter_however_that_ends", "--nocapture"]);
    let mut starter = starter.env(STARTER, "").stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(starter.stdout.take().unwrap()).lines();
    let line = lines.map_while(Result::ok).find(|line| line.starts_with("started ")).unwrap();
    let [_, port, data] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
    let home = Path::new(data).parent().unwrap();
    assert!(home.exists());
    let mut client = Client::new(port.parse().unwrap()).unwrap();
    client.versions().unwrap();
    starter.kill().unwrap();
    starter.wait().unwrap();
    // Its end is seen by its clients, and then its directory goes away.
    while client.versions().is_ok() {}
    while home.exists() {
        std::thread::yield_now();
    }
}
