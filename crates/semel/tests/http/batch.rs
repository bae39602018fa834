//! Batches: each item is answered as it would be alone.

use serde_json::Value;

use super::harness::{Answer, Server, pay, post, summary, usd};

const PATH: &str = "/v1/payments:batch";

async fn server() -> Server {
    let server = Server::open().await;
    server.account("a").await;
    server.account("b").await;
    server
}

fn item(key: &str, amount: i64) -> String {
    usd(amount).replace('{', &format!(r#"{{"idempotency_key":"{key}","#))
}

fn batch(items: &[String]) -> String {
    format!(r#"{{"payments":[{}]}}"#, items.join(","))
}

/// Each result in short: `201 false`, `422 SEMEL-0007 /amount amount_not_positive`.
fn results(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200);
    let document = answer.json();
    let result = |result: &Value| {
        let status = u16::try_from(result["status"].as_u64().expect("a status")).expect("u16");
        match &result["replayed"] {
            Value::Bool(replayed) => format!("{status} {replayed}"),
            other => {
                assert!(other.is_null(), "no `replayed` on 4xx");
                assert!(result.get("replayed").is_none());
                summary(status, &result["body"])
            }
        }
    };
    document["results"].as_array().expect("results").iter().map(result).collect()
}

#[tokio::test]
async fn a_bad_item_fails_alone() {
    let server = server().await;
    let before = server.events();
    let items = [
        item("k-1", 1),
        item("k-2", -1),
        item("k-1", 1),
        item("k-1", 2),
        item("k-3", 3),
        usd(1),
        item("", 1),
        item("k k", 1),
        item("\\\"k\\\"", 1),
        item("k-4", 1).replace("\"k-4\"", "4"),
        item("k-5", 1).replace("}", ",\"x\":1}"),
        item("k-6", 1).replace("}", ",\"metadata\":{\"a\":1,\"a\":2}}"),
        "[]".into(),
        "null".into(),
        item("k-7", 1).replace("\"a\"", "\"nobody\""),
        item("k-8", 1).replace("1,", "\"1\","),
        item("k-2", 2),
    ];
    let expected = [
        "201 false",
        "422 SEMEL-0007 /amount amount_not_positive",
        "201 true",
        "422 SEMEL-0008 /amount differs",
        "201 false",
        "400 SEMEL-0002",
        "400 SEMEL-0002",
        "400 SEMEL-0002",
        "400 SEMEL-0002",
        "400 SEMEL-0002",
        "422 SEMEL-0007 /x unknown_field",
        "400 SEMEL-0001",
        "422 SEMEL-0007 wrong_type",
        "422 SEMEL-0007 wrong_type",
        "422 SEMEL-0007 /debit_account unknown_account",
        "422 SEMEL-0007 /amount wrong_type",
        "201 false",
    ];
    let first = server.ask(post(PATH, batch(&items))).await;
    assert_eq!(results(&first), expected);
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(server.events(), before + 3);
    let again = server.ask(post(PATH, batch(&items))).await;
    let replayed = expected.map(|result| result.replace("201 false", "201 true"));
    // The second wish of `k-2` was taken, so the first is another request now.
    let replayed = replayed.map(|result| {
        result
            .replace("422 SEMEL-0007 /amount amount_not_positive", "422 SEMEL-0008 /amount differs")
    });
    assert_eq!(results(&again), replayed);
    assert_eq!(server.events(), before + 3);
}

#[tokio::test]
async fn a_key_of_an_item_holds_no_card_number_unless_a_machine_made_it() {
    let server = server().await;
    let keys = ["4111111111111111", "41111111-1111-1111-ab6c-d5e6f7081920"];
    let answer = server.ask(post(PATH, batch(&keys.map(|key| item(key, 1))))).await;
    let expected = ["422 SEMEL-0007 /idempotency_key card_number", "201 false"];
    assert_eq!(results(&answer), expected);
}

#[tokio::test]
async fn a_key_of_a_batch_sent_alone_is_a_replay() {
    let server = server().await;
    let answer = server.ask(post(PATH, batch(&[item("k-1", 7)]))).await.json();
    let alone = server.ask(pay("k-1", usd(7))).await;
    assert_eq!((alone.status, alone.header("idempotent-replayed")), (201, Some("true")));
    assert_eq!(alone.json(), answer["results"][0]["body"]);
}

#[tokio::test]
async fn a_batch_has_1_to_1000_items() {
    let server = server().await;
    let before = server.events();
    let items =
        |count: usize| batch(&(0..count).map(|n| item(&format!("k-{n}"), 1)).collect::<Vec<_>>());
    for (body, expected) in [
        (items(0), "422 SEMEL-0007 /payments missing_field"),
        (items(1001), "422 SEMEL-0007 /payments too_long"),
        ("{}".into(), "422 SEMEL-0007 /payments missing_field"),
        (r#"{"payments":{}}"#.into(), "422 SEMEL-0007 /payments wrong_type"),
        (r#"{"payments":null}"#.into(), "422 SEMEL-0007 /payments wrong_type"),
        (
            r#"{"payments":[],"x":1}"#.into(),
            "422 SEMEL-0007 /payments missing_field, /x unknown_field",
        ),
        ("[]".into(), "422 SEMEL-0007 wrong_type"),
        (r#"{"payments":[],"payments":[]}"#.into(), "400 SEMEL-0001"),
        (items(1) + "x", "400 SEMEL-0001"),
        (format!(r#"{{"payments":{}{}}}"#, "[".repeat(128), "]".repeat(128)), "400 SEMEL-0001"),
    ] {
        assert_eq!(server.ask(post(PATH, body.clone())).await.summary(), expected, "{body:.80}");
        assert_eq!(server.events(), before);
    }
    let answer = server.ask(post(PATH, items(1000))).await;
    assert_eq!(results(&answer), vec!["201 false"; 1000]);
    assert_eq!(server.events(), before + 1000);
}
