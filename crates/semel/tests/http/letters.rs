//! Dead letters and the counts of ingests: what an ingest left, redriven and discarded.

use semel::redrive::redrive;
use semel::wiring::Store;
use semel_core::Text;
use semel_core::dead_letter::Raw;
use semel_core::exactly_once::pump::{Ended, pump};
use semel_core::exactly_once::{Batch, Cursor, Source};
use semel_core::failure::Failure;
use semel_core::ingest::{Ingest, Item};
use semel_core::ledger::Command;
use semel_core::mapping::Rejection;
use semel_core::payment::{Capture, Identity, Pay};
use semel_core::reason::Reason;
use semel_store::rows::{Binding, LetterFilter};
use serde_json::{Value, json};

use super::harness::{Server, get, pay, post, usd};

const MAPPING: &str = r#"
    idempotency_key = { at = "/id" }
    amount = { at = "/amount", unit = "minor" }
    currency = { value = "USD" }
    debit_account = { at = "/from" }
    credit_account = { value = "b" }
"#;

/// Items of an ingest, handed out once.
struct Items(Option<Vec<Item>>);

impl Source for Items {
    type Item = Item;

    async fn read(&mut self, from: &Cursor, _: usize) -> Result<Option<Batch<Item>>, Failure> {
        let batch = |items: Vec<Item>| {
            let to = Cursor { next: from.next + items.len() as u64, ..*from };
            Batch { items, to }
        };
        Ok(self.0.take().map(batch))
    }
}

/// Let the ingest `shop` take these records: each is a dead letter for its reason, or a payment
/// where there is none.
async fn ingest(store: &Store, file: &str, records: &[(Raw, Option<Reason>)]) {
    ingest_as(store, file, MAPPING, records).await;
}

/// The same, with a mapping of the file's own.
async fn ingest_as(store: &Store, file: &str, mapping: &str, records: &[(Raw, Option<Reason>)]) {
    let item = |(at, (raw, reason)): (usize, &(Raw, Option<Reason>))| Item {
        line: at as u64 + 1,
        raw: raw.clone(),
        content: match reason {
            Some(reason) => Err(Rejection { reason: *reason, detail: "as it was told".into() }),
            None => Ok(command(raw.value.as_deref().expect("a line"))),
        },
    };
    let source = Text::from(format!("file:{file}"));
    let binding = Binding {
        source: source.clone(),
        ingest: "shop".into(),
        file: file.into(),
        mapping: mapping.into(),
        start: semel_core::exactly_once::Cursor::START,
    };
    let leg = store.leg(1, binding).await.expect("the source is free");
    let mut items = Items(Some(records.iter().enumerate().map(item).collect()));
    let ended =
        pump(&mut items, &leg, &Ingest { source }, 1_000, |_, _| std::future::ready(())).await;
    assert!(matches!(ended, Ended::Done));
}

fn line(text: &str) -> Raw {
    Raw { value: Some(text.as_bytes().to_vec()), ..Raw::default() }
}

fn command(line: &[u8]) -> Command {
    let line: Value = serde_json::from_slice(line).expect("a line that is a payment");
    let text = |name: &str| Text::from(line[name].as_str().expect("a text"));
    let identity = Identity { namespace: "shop".into(), key: text("id") };
    let pay = Pay {
        amount: line["amount"].as_i64().expect("an amount"),
        currency: semel_core::money::Currency::parse("USD"),
        debit_account: text("from"),
        credit_account: "b".into(),
        description: None,
        metadata: None,
        metadata_problem: None,
        capture: Capture::Now,
        open: Default::default(),
    };
    Command::Pay(identity, pay)
}

const GOOD: &str = r#"{"id":"l-1","amount":5,"from":"a"}"#;
const STRANGER: &str = r#"{"id":"l-2","amount":6,"from":"later"}"#;
const BROKEN: &str = r#"{"id":"l-3","#;
const OTHER: &str = r#"{"id":"l-1","amount":7,"from":"a"}"#;
const CARD: &str = r#"{"id":"4111111111111111","amount":7,"from":"a"}"#;

/// A server whose ingest `shop` took one payment and left five dead letters.
async fn server() -> Server {
    let server = Server::open().await;
    server.account("a").await;
    server.account("b").await;
    leave(&server.store).await;
    server
}

/// What the ingest `shop` leaves behind: a payment from `a` to `b`, and five dead letters.
pub async fn leave(store: &Store) {
    let lines = [
        (GOOD, None),
        (STRANGER, Some(Reason::UnknownAccount)),
        (BROKEN, Some(Reason::Undecodable)),
        (OTHER, None),
        (CARD, Some(Reason::CardNumber)),
        // A decoder of an older version put this aside; today's takes it, and finds it recorded.
        (GOOD, Some(Reason::WrongType)),
    ];
    ingest(store, "shop.jsonl", &lines.map(|(text, reason)| (line(text), reason))).await;
}

async fn counts(server: &Server) -> [i64; 7] {
    let shown = server.ask(get("/v1/ingests/shop")).await;
    assert_eq!(shown.status, 200);
    let shown = shown.json();
    let count = |name: &str| shown[name].as_i64().expect("a count");
    let counts =
        ["read", "accepted", "succeeded", "declined", "duplicates", "conflicts", "dead_letters"]
            .map(count);
    let [read, accepted, succeeded, declined, duplicates, _, dead_letters] = counts;
    assert_eq!(read, accepted + duplicates + dead_letters);
    assert_eq!(accepted, succeeded + declined);
    counts
}

async fn letters(server: &Server, query: &str) -> Vec<(String, String)> {
    let page = server.ask(get(format!("/v1/dead-letters{query}"))).await.json();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let letter = |row: &Value| (text(&row["id"]), text(&row["reason"]));
    page["data"].as_array().expect("rows").iter().map(letter).collect()
}

fn named(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(id, reason)| (id.to_string(), reason.to_string())).collect()
}

#[tokio::test]
async fn a_letter_that_cannot_be_read_stops_nothing_else() {
    let server = server().await;
    let conn = rusqlite::Connection::open(server.file()).unwrap();
    conn.execute("UPDATE dead_letter SET reason = 'nonsense' WHERE id = 3", []).unwrap();
    for path in ["/v1/dead-letters:redrive", "/v1/dead-letters:discard"] {
        let answer = server.ask(post(path, r#"{"ingest":"shop"}"#)).await;
        assert_eq!(answer.status, 503, "{path}");
    }
    assert_eq!(server.ask(pay("k", usd(1))).await.status, 201);
    assert_eq!(server.ask(get("/readyz")).await.status, 200);
}

#[tokio::test]
async fn dead_letters_are_listed_and_shown() {
    let server = server().await;
    let all = [
        ("dl_1", "unknown_account"),
        ("dl_2", "undecodable"),
        ("dl_3", "conflict"),
        ("dl_4", "card_number"),
        ("dl_5", "wrong_type"),
    ];
    assert_eq!(letters(&server, "").await, named(&all));
    assert_eq!(letters(&server, "?ingest=&reason=&cursor=").await, named(&all));
    assert_eq!(letters(&server, "?reason=conflict").await, named(&all[2..3]));
    assert_eq!(letters(&server, "?ingest=shop&limit=2").await, named(&all[..2]));
    assert_eq!(letters(&server, "?ingest=other").await, []);
    assert_eq!(letters(&server, "?cursor=dl_3").await, named(&all[3..]));
    let shown = server.ask(get("/v1/dead-letters/dl_1")).await.json();
    assert_eq!(shown["source"], json!({"ingest": "shop", "file": "shop.jsonl", "line": 2}));
    assert_eq!(shown["value_base64"], "eyJpZCI6ImwtMiIsImFtb3VudCI6NiwiZnJvbSI6ImxhdGVyIn0=");
    assert_eq!((&shown["attempts"], &shown["masked"]), (&json!(1), &json!(false)));
    assert_eq!((&shown["key_base64"], &shown["headers"]), (&Value::Null, &json!([])));
    assert_eq!(shown["first_failed_at"], shown["last_failed_at"]);
    let masked = server.ask(get("/v1/dead-letters/dl_4")).await.json();
    assert_eq!(masked["masked"], true);
    assert_eq!(
        masked["value_base64"],
        "eyJpZCI6IioqKioqKioqKioqKjExMTEiLCJhbW91bnQiOjcsImZyb20iOiJhIn0="
    );
    for path in ["dl_6", "dl_0", "dl_-1", "dl_01", "1", "dl_99999999999999999999"] {
        let shown = server.ask(get(format!("/v1/dead-letters/{path}"))).await;
        assert_eq!(shown.summary(), "404 SEMEL-0005", "{path}");
    }
}

#[tokio::test]
async fn counts_are_told() {
    let server = server().await;
    assert_eq!(counts(&server).await, [6, 1, 1, 0, 0, 1, 5]);
    let page = server.ask(get("/v1/ingests")).await.json();
    assert_eq!(page["data"][0]["name"], "shop");
    assert_eq!(server.ask(get("/v1/ingests/other")).await.summary(), "404 SEMEL-0005");
    let found = server.ask(get("/v1/payments?idempotency_key=l-1&ingest=shop")).await.json();
    assert_eq!(
        (&found["data"][0]["amount"], &found["data"][0]["ingest"]),
        (&json!(5), &json!("shop"))
    );
    // The same key is another one at this door.
    assert_eq!(server.ask(pay("l-1", usd(1))).await.header("idempotent-replayed"), Some("false"));
}

#[tokio::test]
async fn a_redrive_applies_once() {
    let server = server().await;
    let path = "/v1/dead-letters:redrive";
    let before = server.events();
    let planned = server.ask(post(path, r#"{"dry_run":true}"#)).await.json();
    let reasons = json!({
        "card_number": 1, "conflict": 1, "undecodable": 1, "unknown_account": 1, "wrong_type": 1
    });
    assert_eq!(planned, json!({"dry_run": true, "letters": 5, "reasons": reasons}));
    assert_eq!((server.events(), counts(&server).await[6]), (before, 5));

    server.account("later").await;
    let one = server.ask(post(path, r#"{"ids":["dl_5","dl_99"]}"#)).await.json();
    assert_eq!((&one["redriven"], &one["duplicates"]), (&json!(1), &json!(1)));
    assert_eq!(counts(&server).await, [6, 1, 1, 0, 1, 1, 4]);

    let before = server.events();
    let all = server.ask(post(path, r#"{"ingest":"shop"}"#)).await.json();
    assert_eq!(
        all,
        json!({"dry_run": false, "redriven": 3, "accepted": 1, "duplicates": 0,
               "refused": {"conflict": 1, "undecodable": 1}, "masked": 1, "gone": 0})
    );
    assert_eq!(server.events(), before + 1);
    assert_eq!(counts(&server).await, [6, 2, 2, 0, 1, 1, 3]);
    let left = [("dl_2", "undecodable"), ("dl_3", "conflict"), ("dl_4", "card_number")];
    assert_eq!(letters(&server, "").await, named(&left));
    let again = server.ask(get("/v1/dead-letters/dl_2")).await.json();
    assert_eq!(again["attempts"], 2);

    let again = server.ask(post(path, r#"{"reason":"undecodable","cap":1}"#)).await.json();
    assert_eq!((&again["redriven"], &again["refused"]), (&json!(1), &json!({"undecodable": 1})));
    assert_eq!(server.events(), before + 1);
}

#[tokio::test]
async fn a_cap_takes_the_oldest() {
    let server = server().await;
    let path = "/v1/dead-letters:redrive";
    server.account("later").await;
    let capped = server.ask(post(path, r#"{"cap":1}"#)).await.json();
    assert_eq!((&capped["redriven"], &capped["accepted"]), (&json!(1), &json!(1)));
    assert_eq!(letters(&server, "").await.len(), 4);
}

#[tokio::test]
async fn what_is_discarded_is_gone_and_stays_counted() {
    let server = server().await;
    let path = "/v1/dead-letters:discard";
    let before = (server.events(), counts(&server).await);
    let planned = server.ask(post(path, r#"{"reason":"conflict","dry_run":true}"#)).await.json();
    assert_eq!(planned, json!({"dry_run": true, "letters": 1, "reasons": {"conflict": 1}}));
    let discarded = server.ask(post(path, r#"{"reason":"conflict"}"#)).await.json();
    assert_eq!(discarded, json!({"dry_run": false, "discarded": 1}));
    let again = server.ask(post(path, r#"{"ids":["dl_3","dl_4"]}"#)).await.json();
    assert_eq!(again, json!({"dry_run": false, "discarded": 1}));
    assert_eq!((server.events(), counts(&server).await), before);
    assert_eq!(letters(&server, "").await.len(), 3);
}

#[tokio::test]
async fn which_letters_must_be_said_right() {
    let server = server().await;
    let many = format!(r#"{{"ids":[{}]}}"#, vec!["\"dl_1\""; 1001].join(","));
    for path in ["/v1/dead-letters:redrive", "/v1/dead-letters:discard"] {
        for (body, expected) in [
            ("[]", "422 SEMEL-0007 wrong_type"),
            ("{", "400 SEMEL-0001"),
            (r#"{"ids":[]}"#, "422 SEMEL-0007 /ids missing_field"),
            (r#"{"ids":"dl_1"}"#, "422 SEMEL-0007 /ids wrong_type"),
            (r#"{"ids":[1]}"#, "422 SEMEL-0007 /ids wrong_type"),
            (r#"{"ids":["dl_x"]}"#, "422 SEMEL-0007 /ids wrong_type"),
            (&many, "422 SEMEL-0007 /ids too_long"),
            (
                r#"{"ingest":1,"reason":"x","cap":0,"dry_run":1,"y":2}"#,
                "422 SEMEL-0007 /ingest wrong_type, /reason wrong_type, /cap amount_not_positive, \
              /dry_run wrong_type, /y unknown_field",
            ),
        ] {
            let answer = server.ask(post(path, body)).await;
            assert_eq!(answer.summary(), expected, "{path} {body:.60}");
        }
    }
    // Everything is too much to discard by an empty wish.
    let everything = server.ask(post("/v1/dead-letters:discard", "{}")).await;
    assert_eq!(everything.summary(), "422 SEMEL-0007 /ids missing_field");
    assert_eq!(letters(&server, "").await.len(), 5);
}

#[tokio::test]
async fn a_line_of_columns_is_decoded_by_its_header_row() {
    let server = Server::open().await;
    server.account("a").await;
    server.account("b").await;
    let columns = |text: &str| Raw {
        headers: vec![("semel-columns".into(), b"from,amount,id".to_vec())],
        ..line(text)
    };
    let records = [
        (columns("a,5,c-1"), Some(Reason::UnknownAccount)),
        (columns("a,\"6\",\"c,2\""), Some(Reason::UnknownAccount)),
        (columns("a,7"), Some(Reason::UnknownAccount)),
    ];
    ingest(&server.store, "shop.csv", &records).await;
    let redriven = server.ask(post("/v1/dead-letters:redrive", "{}")).await.json();
    assert_eq!(
        (&redriven["accepted"], &redriven["refused"]),
        (&json!(2), &json!({"undecodable": 1}))
    );
    let found = server.ask(get("/v1/payments?idempotency_key=c%2C2&ingest=shop")).await.json();
    assert_eq!(found["data"][0]["amount"], 6);
}

#[tokio::test]
async fn a_redrive_may_be_given_another_mapping() {
    let server = server().await;
    let mapping = MAPPING.replace("unit = \"minor\"", "unit = \"major\"");
    let mapping = toml::from_str(&mapping).expect("a mapping");
    let only = |id| LetterFilter { ids: Some(vec![id]), ..LetterFilter::default() };
    server.account("later").await;
    let redriven = redrive(&server.store, 1, &only(1), None, Some(mapping)).await;
    assert_eq!(redriven.expect("the store takes it").accepted, 1);
    let found = server.ask(get("/v1/payments?idempotency_key=l-2&ingest=shop")).await.json();
    assert_eq!(found["data"][0]["amount"], 600);
}

#[tokio::test]
async fn each_letter_is_decoded_by_its_own_files_mapping() {
    for files in
        [[("f-1", "major", 600), ("f-2", "minor", 6)], [("f-1", "minor", 6), ("f-2", "major", 600)]]
    {
        let server = Server::open().await;
        for (id, unit, _) in files {
            let mapping = MAPPING.replace("unit = \"minor\"", &format!("unit = \"{unit}\""));
            let stranger = line(&STRANGER.replace("l-2", id));
            let records = [(stranger, Some(Reason::UnknownAccount))];
            ingest_as(&server.store, id, &mapping, &records).await;
        }
        server.account("later").await;
        server.account("b").await;
        let redriven = server.ask(post("/v1/dead-letters:redrive", "{}")).await.json();
        assert_eq!(redriven["accepted"], 2);
        for (id, unit, minor) in files {
            let path = format!("/v1/payments?idempotency_key={id}&ingest=shop");
            let found = server.ask(get(path)).await.json();
            assert_eq!(found["data"][0]["amount"], minor, "{id} in {unit} units");
        }
    }
}
