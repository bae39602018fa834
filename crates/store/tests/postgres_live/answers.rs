//! Answers to `COMMIT` that nobody receives. The commit is unknown; the next claim tells, or the
//! key does, and nothing is doubled.

use super::load::{Book, Feed, carry, knock, knock_and_note};
use super::proxy::{Fault, Proxy};
use super::{Shop, binding, store, take};
use semel_core::exactly_once::conformance::Rng;
use semel_core::exactly_once::{Claim, Failure, Target};
use semel_store::postgres::{Options, Postgres};
use semel_store::rows::Binding;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_claim_tells_what_no_answer_told() {
    let Some(shop) = Shop::open().await else { return };
    let proxy = Proxy::before(&shop.url).await;
    let near = store(&proxy.url(&shop.url)).await;
    let leg = near.leg(shop.ledger, binding("source")).await.unwrap();
    let mut keys = Vec::new();
    for (at, (fault, happened)) in [
        (Fault::CutBefore, Some(false)),
        (Fault::Swallow, Some(true)),
        (Fault::CutWith, None),
        (Fault::CutBefore, Some(false)),
        (Fault::Mute, Some(true)),
        (Fault::CutWith, None),
    ]
    .into_iter()
    .enumerate()
    {
        let claim = leg.claim().await.unwrap();
        let start = claim.cursor().next;
        assert_eq!(start, keys.len() as u64);
        proxy.plan(&[fault]);
        let step = ["a", "b", "c"].map(|name| format!("{name}-{at}"));
        let outcome = take(claim, &step.each_ref().map(|key| &**key)).await.map(drop);
        assert!(matches!(outcome, Err(Failure::Unknown(_))), "{fault:?}: {outcome:?}");
        let told = leg.claim().await.unwrap().cursor().next;
        assert!([start, start + 3].contains(&told), "{fault:?}: {told} lies between");
        assert!(happened.is_none_or(|is| is == (told > start)), "{fault:?}: {told}");
        if told > start {
            keys.extend(step);
        }
        assert_eq!(shop.shell_keys().await, keys, "{fault:?}");
    }
    assert_eq!(proxy.swallowed(), 2);
    assert_eq!(near.stopped(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_a_door_the_key_tells_what_no_answer_told() {
    let Some(shop) = Shop::open().await else { return };
    let proxy = Proxy::before(&shop.url).await;
    let near = store(&proxy.url(&shop.url)).await;
    let (book, own) = (Book::default(), |name: &str| vec![name.to_owned(), "shared".to_owned()]);
    use Fault::{CutBefore, Swallow};
    #[rustfmt::skip]
    let cases: [(&str, &[Fault], [bool; 2]); 4] = [
        // key, what goes wrong                     there before the answer
        ("a", &[CutBefore, CutBefore],              [false, false]),
        ("b", &[Swallow],                           [true, true]),
        ("c", &[Swallow, Swallow, CutBefore],       [true, true]),
        ("d", &[],                                  [false, true]),
    ];
    for (key, faults, expected) in cases {
        proxy.plan(faults);
        let tries = faults.len() as u32 + 1;
        let answered = knock_and_note(&near, shop.ledger, &own(key), tries, &book).await;
        assert_eq!(answered, Ok(expected.to_vec()), "{faults:?}");
    }
    // Given up before the answer came: nobody is told that nothing happened.
    proxy.plan(&[Swallow]);
    let given_up = knock(&near, shop.ledger, &own("e"), 1).await.unwrap_err();
    assert!(matches!(given_up.told(), Failure::Unknown(_)));
    assert_eq!(shop.keys().await, ["a", "shared", "b", "c", "d", "e"]);
    let other = store(&shop.url).await;
    for key in ["a", "b", "c", "d"] {
        let replayed = knock_and_note(&other, shop.ledger, &own(key), 1, &book).await;
        assert_eq!(replayed, Ok(vec![true, true]));
    }
}

/// Of every process: how long its legs' claims hold.
const DEADLINE: Duration = Duration::from_millis(150);
const PROCESSES: u64 = 3;
/// Payments that the doors bring, all by each process, and those that the legs bring.
const PAYMENTS: u64 = 2_400;
const LINES: u64 = 350;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_on_the_way_every_payment_is_there_once() {
    let Some(shop) = Shop::open().await else { return };
    let book = Book::default();
    let (mut proxies, mut stores) = (Vec::new(), Vec::new());
    for seed in 0..PROCESSES {
        let proxy = Proxy::before(&shop.url).await;
        let options = Options { leg_deadline: DEADLINE, ..Options::default() };
        stores.push(Postgres::open_with(&proxy.url(&shop.url), options).await.unwrap());
        proxy.random(Some(seed));
        proxies.push(proxy);
    }
    let tasks = stores.iter().zip(0..).map(|(store, seed)| {
        let (shop, book) = (&shop, &book);
        async move { tokio::join!(call(store, shop, book, seed), own(store, shop)) }
    });
    futures_util::future::join_all(tasks).await;
    let fired: u64 = proxies.iter().map(Proxy::fired).sum();
    assert!(fired > 50, "only {fired} faults");
    assert!(proxies.iter().any(|proxy| proxy.swallowed() > 0));

    let told = book.told();
    assert_eq!(told.len() as u64, PAYMENTS);
    let events = shop.proved().await;
    assert_eq!(events.iter().filter(|event| event.key.is_some()).count(), {
        PAYMENTS as usize + Feed(LINES).keys()
    });
    for (key, seq) in told {
        assert_eq!(events[seq as usize - 1].key.as_deref(), Some(&*key));
    }
    let ask = "SELECT read, accepted, duplicates FROM leg";
    let row = shop.shell.query_one(ask, &[]).await.unwrap();
    let accepted = Feed(LINES).keys() as i64;
    let counts = [0, 1, 2].map(|at| row.get::<_, i64>(at));
    assert_eq!(counts, [LINES as i64, accepted, LINES as i64 - accepted]);
    for store in stores {
        assert_eq!(store.stopped(), None);
    }
}

/// Bring all payments in steps of many sizes and in an order of one's own, each until answered.
async fn call(store: &Postgres, shop: &Shop, book: &Book, seed: u64) {
    let mut rng = Rng::new(seed);
    let mut keys: Vec<String> = (0..PAYMENTS).map(|number| format!("key-{number}")).collect();
    for last in (1..keys.len()).rev() {
        keys.swap(last, rng.below(last as u64 + 1) as usize);
    }
    let mut rest = &keys[..];
    while !rest.is_empty() {
        // Steps with so many keys do not look all of them up.
        let most = if rng.below(8) == 0 { 800 } else { 60 };
        let (step, later) = rest.split_at(rest.len().min(1 + rng.below(most) as usize));
        // Now and then one gives up, and comes again.
        let tries = 1 + rng.below(4) as u32;
        match knock_and_note(store, shop.ledger, step, tries, book).await {
            Ok(_) => rest = later,
            Err(given_up) => {
                assert!(!matches!(given_up.last, Failure::Permanent(_)), "{given_up:?}")
            }
        }
    }
}

/// Carry the one source of the ledger, whoever else does so too.
async fn own(store: &Postgres, shop: &Shop) {
    let binding = Binding { ingest: "source".into(), ..binding("source") };
    let leg = loop {
        match store.leg(shop.ledger, binding.clone()).await {
            Ok(leg) => break leg,
            Err(Failure::Permanent(stop)) => panic!("{stop}"),
            Err(_) => super::load::pace().await,
        }
    };
    carry(&leg, "source", &mut Feed(LINES), |_| {}).await.unwrap();
}
