//! Texts that no column can keep: refused as any value is, and nobody else is held up.

use super::{Command, Outcome, Shop, ask, command, pay, store};
use semel_core::ledger::Refusal;
use semel_store::rows::LetterFilter;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_with_a_nul_is_one_bad_value_of_one_request() {
    let Some(shop) = Shop::open().await else { return };
    let store = store(&shop.url).await;
    let Command::Pay(identity, bad) = command("bad") else { unreachable!() };
    let bad = Command::Pay(
        identity,
        semel_core::payment::Pay { debit_account: "customer\0one".into(), ..bad },
    );
    let outcomes = ask(&store, shop.ledger, &[bad, command("good")]).await.unwrap();
    assert!(matches!(outcomes[0], Outcome::Refused(Refusal::Invalid(_))), "{:?}", outcomes[0]);
    assert!(matches!(outcomes[1], Outcome::Recorded { .. }), "{:?}", outcomes[1]);
    assert_eq!(store.stopped(), None);
    assert!(!pay(&store, shop.ledger, "next").await.unwrap().1);
    assert_eq!(shop.keys().await, ["good", "next"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_for_by_a_text_with_a_nul_is_not_there() {
    let Some(shop) = Shop::open().await else { return };
    let store = store(&shop.url).await;
    pay(&store, shop.ledger, "one").await.unwrap();
    let after = |after| {
        let accounts = store.reader().accounts(shop.ledger, Some(after), 9).unwrap();
        accounts.iter().map(|account| account.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(after("\0"), ["customer:1", "merchant:1"]);
    assert_eq!(after("customer:\0"), ["customer:1", "merchant:1"]);
    assert_eq!(after("customer:1\0"), ["merchant:1"]);
    let filter = LetterFilter { ingest: Some("in\0gest".into()), ..LetterFilter::default() };
    assert!(store.reader().letters(shop.ledger, &filter, 0, 9).unwrap().rows.is_empty());
    assert_eq!(store.reader().ingest(shop.ledger, "in\0gest").unwrap(), None);
}
