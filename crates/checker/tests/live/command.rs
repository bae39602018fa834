//! The program: its document and its exit codes.

use super::broker::{Topic, write};
use std::process::{Command, Output};

fn checker(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_semel-checker"));
    let Output { status, stdout, .. } = command.args(arguments).output().expect("it starts");
    (status.code(), String::from_utf8(stdout).expect("it is text"))
}

#[test]
fn usage_and_a_broker_that_is_away_have_exit_codes_of_their_own() {
    for (arguments, code) in [
        (&["--help"][..], 0),
        (&["--kafka", "127.0.0.1:1", "--bogus"], 2),
        (&["--kafka", "127.0.0.1:1", "--covered", "main"], 2),
        (&["--kafka", "127.0.0.1:1", "--covered-by-database"], 2),
        (&["--kafka", "127.0.0.1:1", "--answers", "/no/such/file"], 2),
        (&["--kafka", "127.0.0.1:1", "--patience", "1"], 4),
        (&["--kafka", "127.0.0.1:1", "--database", "/no/such/file"], 4),
    ] {
        assert_eq!(checker(arguments).0, Some(code), "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_finds_is_one_document() {
    let Some(topic) = Topic::new(1).await else { return };
    let arguments = ["--kafka", &topic.bootstrap, "--topic", &topic.name];
    let nothing = r#"{"ok":true,"ledgers":[],"foreign":0,"lost":0,"doubled":0,"findings":[]}"#;
    assert_eq!(checker(&arguments), (Some(0), format!("{nothing}\n")));
    let producer = topic.producer().await;
    write(&producer, topic.record(0, 1, 2)).await;
    let (code, document) = checker(&arguments);
    assert_eq!(code, Some(1), "{document}");
    let expected = concat!(
        r#"{"ok":false,"ledgers":[{"ledger":"main","events":0,"taken":0,"repeats":0,"holes":1,"#,
        r#""partitions":0,"deleted_up_to":0}],"foreign":0,"lost":0,"doubled":0,"#,
        r#""findings":[{"code":"hole","#,
    );
    assert!(document.starts_with(expected), "{document}");
}
