//! What may be written under `[kafka]`, what may not, and what of it is shown.

use super::*;

fn given(written: &[(&str, &str)]) -> BTreeMap<String, String> {
    written.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Settings with `written` and a broker.
fn settings(written: &[(&str, &str)]) -> Result<Settings, String> {
    Settings::new(given(&[written, &[("bootstrap.servers", "localhost:9092")]].concat()))
}

#[test]
fn what_would_break_a_promise_is_refused_with_its_reason() {
    let table = [
        // setting                      value               says
        ("enable.auto.commit", "true", "enable.auto.commit: must be false, not true: how far"),
        ("auto.commit.enable", "true", "enable.auto.commit: must be false, not true: how far"),
        ("enable.auto.offset.store", "true", "must be false, not true: how far a topic was"),
        ("offset.store.method", "file", "must be broker, not file: how far a topic was taken"),
        ("auto.offset.reset", "earliest", "must be error, not earliest: records must not be"),
        ("isolation.level", "read_uncommitted", "must be read_committed, not read_uncommitted"),
        ("enable.partition.eof", "false", "must be true, not false: Semel has to know"),
        ("check.crcs", "false", "must be true, not false: what is damaged"),
        ("allow.auto.create.topics", "true", "must be false, not true: topics are made by"),
        ("log.queue", "false", "must be true, not false: Semel logs for itself"),
        ("enable.idempotence", "false", "must be true, not false: a repeated send"),
        ("acks", "1", "acks: must be all, not 1: what one broker alone has may be lost"),
        ("request.required.acks", "1", "acks: must be all, not 1: what one broker alone"),
        ("message.timeout.ms", "0", "must be 1 to 300000, not 0: whatever is on its way"),
        ("delivery.timeout.ms", "0", "message.timeout.ms: must be 1 to 300000, not 0"),
        ("fetch.wait.max.ms", "5000", "must be 0 to 2000, not 5000: an end that is told"),
        ("transactional.id", "a", "transactional.id: is Semel's own; leave it out"),
        ("group.id", "a", "group.id: is Semel's own; leave it out"),
        ("group.instance.id", "a", "group.instance.id: is Semel's own; leave it out"),
        ("sasl.mechanism", "OAUTHBEARER", "sasl.oauthbearer.method: must be oidc, not default: "),
        ("sasl.mechanisms", "oauthbearer", "set it, and sasl.oauthbearer.token.endpoint.url, "),
        ("metadata.broker.list", "b:1", "metadata.broker.list: is another name of bootstrap"),
        ("no.such.setting", "a", "No such configuration property: \"no.such.setting\""),
        ("linger.ms", "soon", "linger.ms: Invalid value for"),
        ("security.protocol", "tls", "\"tls\" for configuration property \"security.protocol\""),
    ];
    for (name, value, says) in table {
        let said = settings(&[(name, value)]).expect_err(name);
        assert!(said.contains(says), "{name}: {said}");
    }
}

#[test]
fn a_secret_under_a_wrong_name_is_not_said() {
    for name in ["sasl.pasword", "ssl_key", "ssl.key.passwort"] {
        let said = settings(&[(name, "hunter2")]).expect_err(name);
        assert!(said.contains(name) && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn tokens_come_from_where_they_are_renewed() {
    let bearer = ("sasl.mechanism", "OAUTHBEARER");
    let unsecured = ("enable.sasl.oauthbearer.unsecure.jwt", "true");
    let principal = ("sasl.oauthbearer.config", "principal=semel");
    let method = |is| ("sasl.oauthbearer.method", is);
    let other = "sasl.oauthbearer.method: must be oidc, not default: other tokens are not renewed";
    let table = [
        // settings                                        says, if they are refused
        (vec![bearer, method("oidc")], None),
        (vec![bearer, method("OIDC")], None),
        (vec![method("default")], None),
        (vec![bearer, method("default")], Some(other)),
        (vec![bearer, unsecured, principal], Some(other)),
    ];
    for (written, says) in table {
        let refused = settings(&written).err();
        assert_eq!(refused.is_some(), says.is_some(), "{written:?}: {refused:?}");
        assert!(refused.unwrap_or_default().starts_with(says.unwrap_or_default()), "{written:?}");
    }
}

#[test]
fn a_broker_is_named_by_one_of_two_names() {
    for name in ["bootstrap.servers", "metadata.broker.list"] {
        let settings = Settings::new(given(&[(name, "a:1,b:2")])).unwrap();
        assert_eq!(settings.servers(), "a:1,b:2");
    }
    for written in [&[][..], &[("bootstrap.servers", " ")], &[("client.id", "a")]] {
        let said = Settings::new(given(written)).unwrap_err();
        assert!(said.starts_with("bootstrap.servers: is missing"), "{said}");
    }
}

#[test]
fn one_setting_has_one_value() {
    for (other, name) in OTHER_NAMES {
        let said = Settings::new(given(&[(other, "1"), (name, "1")])).unwrap_err();
        assert!(said.contains(&format!("{other}: is another name of {name}")), "{said}");
    }
}

#[test]
fn what_is_pinned_reaches_every_client_and_what_is_written_too() {
    let written = [
        ("queue.buffering.max.ms", "7"),
        ("delivery.timeout.ms", "1234"),
        ("acks", "-1"),
        ("enable.auto.commit", "false"),
        ("fetch.wait.max.ms", "33"),
        ("client.rack", "r1"),
        ("queued.max.messages.kbytes", "64"),
    ];
    let settings = settings(&written).unwrap();
    let (reading, writing, asking) = (settings.reading(), settings.writing(), settings.asking());
    let table = [
        // setting                      reading                  writing       asking
        (
            "bootstrap.servers",
            Some("localhost:9092"),
            Some("localhost:9092"),
            Some("localhost:9092"),
        ),
        ("client.rack", Some("r1"), Some("r1"), Some("r1")),
        ("linger.ms", None, Some("7"), None),
        ("queue.buffering.max.ms", None, None, None),
        ("message.timeout.ms", None, Some("1234"), None),
        ("delivery.timeout.ms", None, None, None),
        ("acks", Some("-1"), Some("all"), Some("-1")),
        ("enable.idempotence", None, Some("true"), None),
        ("fetch.wait.max.ms", Some("33"), None, None),
        ("queued.max.messages.kbytes", Some("64"), None, None),
        ("enable.auto.commit", Some("false"), None, None),
        ("enable.auto.offset.store", Some("false"), None, None),
        ("offset.store.method", Some("broker"), None, None),
        ("auto.offset.reset", Some("error"), None, None),
        ("isolation.level", Some("read_committed"), None, None),
        ("enable.partition.eof", Some("true"), None, None),
        ("check.crcs", Some("true"), None, None),
        ("allow.auto.create.topics", Some("false"), Some("false"), Some("false")),
        ("socket.timeout.ms", Some("10000"), Some("10000"), Some("10000")),
    ];
    for (name, is_reading, is_writing, is_asking) in table {
        let all = (reading.get(name), writing.get(name), asking.get(name));
        assert_eq!(all, (is_reading, is_writing, is_asking), "{name}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let table = [
        // setting                                     is shown
        ("sasl.username", true),
        ("sasl.password", false),
        ("ssl.key.password", false),
        ("ssl.keystore.password", false),
        ("ssl.key.pem", false),
        ("ssl.key.location", true),
        ("ssl.ca.pem", true),
        ("sasl.oauthbearer.client.secret", false),
        ("sasl.oauthbearer.config", false),
        ("sasl.oauthbearer.token.endpoint.url", false),
        ("sasl.oauthbearer.assertion.private.key.pem", false),
        ("sasl.oauthbearer.assertion.private.key.passphrase", false),
        ("sasl.jaas.config", false),
        ("client.id", true),
    ];
    for (name, is_shown) in table {
        let settings = Settings { given: given(&[(name, "hunter2")]) };
        let shown = if is_shown { "hunter2" } else { "***" };
        assert_eq!(settings.shown()[name], shown, "{name}");
    }
}
