//! Rows of a SQLite file and of a PostgreSQL server are read alike, by the schemas of a release.

use semel_checker::database::{self, Account, Event, Ledger};
use std::hash::{BuildHasher, RandomState};

const SQLITE: &str = include_str!("../../store/schema/sqlite/V1__ledgers.sql");
const POSTGRES: &str = include_str!("../../store/schema/postgres/V1__ledgers.sql");

/// Two accounts and a refused payment, in columns that both schemas have; 1099511627776 is 1 << 40.
const ROWS: &str = r#"
    INSERT INTO event (pos, at, kind, format, namespace, debit, credit, amount, currency, code, ref,
        debit_prev, credit_prev, extra) VALUES
      (1099511627777, 101, 1, 1, '', 1, NULL, 0, 'USD', 0, NULL, 0, 0, '{"id":"customer:1"}'),
      (1099511627778, 102, 1, 1, '', 2, NULL, 0, 'USD', 0, NULL, 0, 0, NULL),
      (1099511627779, 103, 6, 1, 'shop', 1, 2, 500, 'USD', 2, 9, 0, 0, NULL),
      (2199023255553, 104, 1, 1, '', 1, NULL, 0, 'EUR', 0, NULL, 0, 0, NULL);
    INSERT INTO account (pos, ledger, id, currency, overdraft, closed, debits, credits,
        pending_debits, pending_credits, last_seq) VALUES
      (1099511627777, 1, 'customer:1', 'USD', -2, FALSE, 4, 3, 2, 1, 1),
      (1099511627778, 1, 'merchant:9', 'USD', -1, TRUE, 0, 0, 0, 0, 2);
"#;

fn check(ledgers: &[Ledger], accounts_seq: Option<u64>) {
    let [main, other] = ledgers else { panic!("{ledgers:?}") };
    assert_eq!((main.no, &*main.id, main.next_seq, main.tail), (1, "main", 4, [7; 32]));
    assert_eq!((&*other.id, other.events.len(), other.events[0].seq), ("other", 1, 1));
    assert_eq!((main.accounts_seq, &main.anchors), (accounts_seq, &vec![(3, [8; 32])]));
    let refused = Event {
        seq: 3,
        at: 103,
        kind: 6,
        namespace: "shop".into(),
        debit: Some(1),
        credit: Some(2),
        amount: 500,
        currency: "USD".into(),
        code: 2,
        reference: Some(9),
        ..Event::default()
    };
    assert_eq!(main.events[2], refused);
    assert_eq!(main.events[0].extra.as_deref(), Some(r#"{"id":"customer:1"}"#));
    let account = |id: &str, closed, totals, last_seq| {
        let (id, currency) = (id.into(), "USD".into());
        Account { id, currency, closed, totals, last_seq }
    };
    let accounts = [
        (1, account("customer:1", false, [4, 3, 2, 1], 1)),
        (2, account("merchant:9", true, [0; 4], 2)),
    ];
    assert_eq!(main.accounts, accounts.into());
}

#[tokio::test]
async fn a_file_is_read() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("semel.db");
    let connection = rusqlite::Connection::open(&path).expect("it is made");
    let hash = |byte: u8| format!("x'{}'", format!("{byte:02x}").repeat(32));
    let ledgers = format!(
        "INSERT INTO ledger (no, id, next_seq, tail, indexed_seq) VALUES
           (1, 'main', 4, {tail}, 0), (2, 'other', 2, {tail}, 0);
         INSERT INTO anchor VALUES (1099511627779, {});",
        hash(8),
        tail = hash(7),
    );
    for batch in ["PRAGMA journal_mode = WAL;", SQLITE, ROWS, &ledgers] {
        connection.execute_batch(batch).expect("it is SQL");
    }
    // The one who writes has it open.
    let url = format!("sqlite:{}", path.display());
    check(&database::read(&url).await.expect("it is there"), None);
    let written = database::written(&url).await.expect("it is there");
    assert_eq!(written, [("main".to_string(), 3), ("other".to_string(), 1)].into());
    let missing = format!("sqlite:{}", folder.path().join("other.db").display());
    assert_eq!(database::read(&missing).await.expect_err("there is none").what, "database");
}

#[tokio::test]
async fn a_server_is_read() {
    let Some(url) = semel_servers::postgres_for_tests() else { return };
    let name = format!("checker_{}", RandomState::new().hash_one("a database"));
    let admin = connect(&url).await;
    admin.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("it is made");
    let (server, _) = url.rsplit_once('/').expect("a URL ends with a database");
    let own = format!("{server}/{name}");
    let client = connect(&own).await;
    let hash = |byte: u8| format!("decode(repeat('{byte:02x}', 32), 'hex')");
    let ledgers = format!(
        "INSERT INTO ledger (no, id, next_seq, tail, accounts_seq, timeline) VALUES
           (1, 'main', 4, {tail}, 2, ''), (2, 'other', 2, {tail}, 0, '');
         INSERT INTO anchor VALUES (1099511627779, {});",
        hash(8),
        tail = hash(7),
    );
    for batch in [POSTGRES, ROWS, &ledgers] {
        client.batch_execute(batch).await.expect("it is SQL");
    }
    check(&database::read(&own).await.expect("it is there"), Some(2));
    drop(client);
    admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.expect("it goes");
    assert_eq!(database::read(&own).await.expect_err("it is gone").what, "database");
}

async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("the server answers");
    tokio::spawn(connection);
    client
}
