//! What cannot be meant is refused in one line that names the cause and the remedy.

use super::harness::{Place, Ran, payment};
use std::net::TcpListener;

/// One line on stderr, nothing on stdout, no backtrace.
fn assert_refused(ran: &Ran, code: i32, words: &[&str], what: &str) {
    assert_eq!(ran.code, code, "{what}: {ran:?}");
    assert_eq!(ran.stdout, "", "{what}");
    assert_eq!(ran.stderr.lines().count(), 1, "{what}: {}", ran.stderr);
    assert!(ran.stderr.starts_with("error: SEMEL-"), "{what}: {}", ran.stderr);
    assert!(!ran.stderr.contains("backtrace"), "{what}: {}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "{what}: `{word}` in {}", ran.stderr);
    }
}

#[test]
fn a_configuration_that_cannot_be_meant_is_refused_before_anything_opens() {
    const KEY: &str = "key_sha256 = \
        \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"";
    let key = |rest: &str| format!("[[api_key]]\nledger = \"a\"\n{KEY}\n{rest}\n");
    let scoped = key("scopes = [\"payments:write\"]");
    for (what, file, words) in [
        ("an unknown key", "listn = \"127.0.0.1:0\"".into(), &["semel.toml:1", "listn"][..]),
        ("no broker", "wire = \"http://h:9092\"".into(), &["wire", "kafka://"]),
        ("a password", "wire = \"kafka://me:secret@h:9092\"".into(), &["wire", "[kafka]"]),
        ("no setting", kafka("sasl.pasword = \"secret\""), &["kafka.", "sasl.pasword"]),
        ("offsets by Kafka", kafka("enable.auto.commit = true"), &["kafka.enable.auto.commit"]),
        ("no role", "roles = [\"web\"]".into(), &["roles", "`web`", "publish"]),
        ("no key", published("key = \"amount\""), &["publish.key", "debit_account"]),
        ("no topic", published("topic = \"a b\""), &["publish.topic", "`a b`"]),
        (
            "publishing to where only ingests are",
            "[kafka]\nbootstrap.servers = \"h:9092\"\n[publish]\ntopic = \"t\"".into(),
            &["publish", "wire = \"kafka://HOST:PORT\""],
        ),
        ("no TOML", "listen =".into(), &["semel.toml:1"]),
        ("another store", "store = \"mysql://me:secret@h/db\"".into(), &["mysql", "postgres://"]),
        ("a store without a path", "store = \"sqlite:\"".into(), &["sqlite:PATH"]),
        ("no address", "listen = \"7070\"".into(), &["7070", "IP:PORT"]),
        ("open to all", "listen = \"0.0.0.0:0\"".into(), &["0.0.0.0:0", "[[api_key]]"]),
        ("an unknown scope", key("scopes = [\"pay\"]"), &["scopes", "`pay`", "payments:write"]),
        ("no scope", key("scopes = []"), &["api_key[0].scopes"]),
        ("an unknown key's field", key("scope = []"), &["api_key[0]", "scope"]),
        ("a key twice", format!("{scoped}{scoped}"), &["api_key[1].key_sha256", "twice"]),
        (
            "a key that is no hash",
            "[[api_key]]\nledger = \"a\"\nkey_sha256 = \"secret\"\nscopes = [\"payments:read\"]"
                .into(),
            &["api_key[0].key_sha256", "64"],
        ),
        ("an ingest without a name", "[[ingest]]\nledger = \"a\"".into(), &["ingest[0]"]),
        ("a topic of no broker", include_mapping(), &["`shop`", "payments", "--wire"]),
    ] {
        let place = Place::new();
        place.write("semel.toml", &file);
        // A flag would win over the address that is to be refused.
        let listen: &[&str] = &["--listen", "127.0.0.1:0"];
        let listen = if file.starts_with("listen") { &[] } else { listen };
        let ran = place.run(&[&["serve"], listen].concat());
        assert_refused(&ran, 2, words, what);
        assert!(!ran.stderr.contains("secret"), "{what}: {}", ran.stderr);
        assert!(!place.path("data").exists(), "{what}: nothing is opened");
    }
}

fn kafka(setting: &str) -> String {
    format!("wire = \"kafka://h:9092\"\n[kafka]\n{setting}\n")
}

fn published(setting: &str) -> String {
    format!("wire = \"kafka://h:9092\"\n[publish]\n{setting}\n")
}

fn include_mapping() -> String {
    super::harness::MAPPING.to_owned()
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let place = Place::new();
    place.write("semel.toml", "data = \"file\"\n");
    let data = |ran: Ran| {
        let shown: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        shown["configuration"]["data"].as_str().unwrap().to_owned()
    };
    let doctor = ["doctor", "--json", "--listen", "127.0.0.1:0"];
    assert_eq!(data(place.run(&doctor)), "file");
    assert_eq!(data(place.run_in("SEMEL_DATA", "environment", &doctor)), "environment");
    let flag = [&doctor[..], &["--data", "flag"]].concat();
    assert_eq!(data(place.run_in("SEMEL_DATA", "environment", &flag)), "flag");
}

#[test]
fn a_named_configuration_file_has_to_be_there() {
    let place = Place::new();
    let ran = place.run(&["ledger", "list", "--config", "other.toml"]);
    assert_refused(&ran, 2, &["other.toml"], "a missing file");
}

#[test]
fn a_busy_port_and_an_unusable_directory_are_named_stops() {
    let place = Place::new();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let ran = place.run(&["serve", "--listen", &address]);
    assert_refused(&ran, 3, &["SEMEL-0113", &address, "--listen"], "a busy port");
    assert!(!place.path("data").exists(), "nothing is opened");

    place.write("file", "no directory");
    let ran = place.run(&["serve", "--listen", "127.0.0.1:0", "--data", "file"]);
    assert_refused(&ran, 3, &["SEMEL-0114", "--data"], "a file in place of a directory");
    let ran = place.run(&["ledger", "list", "--data", "nowhere"]);
    assert_refused(&ran, 3, &["SEMEL-0114", "nowhere"], "no store");
}

#[test]
fn an_import_that_cannot_be_meant_is_refused_before_anything_opens() {
    let place = Place::new();
    place.write("a.jsonl", payment("1"));
    place.write("a.csv", "k,a,c,d,m\n");
    place.write("twice.csv", "k,a,c,d,m,n,x,a\n");
    place.write("open.csv", "k,a,c,d,m,n,\"x\n");
    place
        .write("bare.toml", super::harness::MAPPING.replace("[[ingest]]", "").replace("name", "#"));
    place.write(
        "header.toml",
        super::harness::MAPPING.replace("{ at = \"/k\" }", "{ header = \"k\" }"),
    );
    place.write("deep.toml", super::harness::MAPPING.replace("/k", "/k/l"));
    place.write("unit.toml", super::harness::MAPPING.replace(", unit = \"major\"", ""));
    place.write("odd.toml", format!("odd = 1\n{}", super::harness::MAPPING));
    let two = super::harness::MAPPING.replace("\"shop\"", "\"other\"");
    place.write("two.toml", format!("{}{two}", super::harness::MAPPING));
    for (file, mapping, more, code, words) in [
        ("-", "map.toml", &[][..], 2, &["standard input"][..]),
        ("gone.jsonl", "map.toml", &[], 3, &["SEMEL-0115", "gone.jsonl"]),
        (".", "map.toml", &[], 3, &["SEMEL-0115", "regular file"]),
        ("a.jsonl", "gone.toml", &[], 2, &["gone.toml"]),
        ("a.jsonl", "bare.toml", &[], 2, &["--ingest NAME"]),
        ("a.jsonl", "header.toml", &[], 2, &["idempotency_key", "header"]),
        ("a.jsonl", "unit.toml", &[], 2, &["amount", "unit"]),
        ("a.jsonl", "odd.toml", &[], 2, &["odd"]),
        ("a.jsonl", "two.toml", &[], 2, &["--ingest", "shop, other"]),
        ("a.jsonl", "two.toml", &["--ingest", "third"], 2, &["`third`", "shop, other"]),
        ("a.jsonl", "map.toml", &["--as", ""], 2, &["--as"]),
        ("a.jsonl", "map.toml", &["--ledger", "two words"], 2, &["ledger"]),
        ("a.csv", "map.toml", &[], 2, &["`n`", "k, a, c, d, m"]),
        ("twice.csv", "map.toml", &[], 2, &["`a`", "twice"]),
        ("open.csv", "map.toml", &[], 3, &["SEMEL-0115", "header", "quote"]),
        ("a.csv", "deep.toml", &[], 2, &["idempotency_key", "/k/l", "/column"]),
    ] {
        let args = [&["import", file, "--mapping", mapping], more].concat();
        assert_refused(&place.run(&args), code, words, &format!("{args:?}"));
        assert!(!place.path("data").exists(), "{args:?}: nothing is opened");
    }
    let ran = place.run(&["import", "a.jsonl"]);
    assert_refused(&ran, 2, &["--mapping"], "no mapping");
}

#[test]
fn what_no_command_line_can_mean_is_a_usage_error() {
    let place = Place::new();
    for args in [
        &["pay"][..],
        &["serve", "--port", "1"],
        &["import"],
        &["demo", "--payments", "0"],
        &["dead-letters", "list", "--reason", "unlucky"],
        &["dead-letters", "show", "seven"],
        &["completions", "abacus"],
    ] {
        let ran = place.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}: {ran:?}");
    }
    assert_eq!(place.run(&["--help"]).code, 0);
    assert!(place.run(&["--version"]).stdout.starts_with("semel "));
}

#[test]
fn the_log_s_level_is_checked_too() {
    let place = Place::new();
    let ran = place.run_in("SEMEL_LOG", "semel=loud", &["ledger", "create", "a"]);
    assert_refused(&ran, 2, &["SEMEL_LOG"], "an unknown level");
}

#[test]
fn a_line_that_makes_no_sense_is_one_document_where_json_is_asked_for() {
    for (args, word) in [
        (&["import", "--json"][..], "required arguments"),
        (&["--json", "nope"], "unrecognized subcommand"),
        (&["verify", "--chain", "x", "--json"], "--chain"),
        (&["demo", "--payments", "0", "--json"], "--payments"),
    ] {
        let ran = Place::new().run(args);
        let told: serde_json::Value = serde_json::from_str(&ran.stdout).expect("one document");
        let detail = told["error"]["detail"].as_str().expect("a text");
        assert!(ran.code == 2 && detail.contains(word), "{args:?}: {ran:?}");
        assert_eq!(told["error"]["code"], "SEMEL-0112");
    }
}
