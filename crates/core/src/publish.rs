//! The publish leg: the ledger's events on the wire, in order, confirmed by reading the wire back.
//!
//! Two halves that meet in the store. [`mod@confirm`] reads the wire with the reader's own rule and
//! moves a durable cursor for each partition: it knows what the wire really holds. `send` starts
//! behind those cursors and goes on from there; it keeps no cursor and never decides what was sent.
//! All that it hears from the other half is whether that is still looking.
//! So every way in which a wire fails is one case: what is not confirmed is sent again, promise P3.
//!
//! Two publishers of one ledger only repeat. The first partition's claim says whose turn it is.
//! Deliberately absent: acknowledgements. What a broker says it took is not what readers find.

pub mod compare;
pub mod confirm;
mod lanes;
mod message;
mod send;
mod walk;

pub use message::Key;
pub use walk::Log;

use crate::Text;
use crate::exactly_once::Cursor;
use crate::failure::{Failure, Stop};
use crate::ledger::door::LedgerTarget;
use crate::leg::{self, COMPETE, Pace};
use crate::problem::Code;
use crate::wire::{About, Topic};
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use confirm::{Confirm, Note, Tally};
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::AtomicBool;
use futures_util::future::select_all;

/// What is published, and how.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The ledger's number in its store.
    pub ledger: u32,
    /// The ledger's id.
    pub name: Text,
    /// The topic's name.
    pub topic: Text,
    /// What decides the partition and is the record's key.
    pub key: Key,
    /// Whether a flat row goes beside each message, to another topic.
    pub beside: bool,
}

impl Publication {
    /// The name of the leg that confirms `partition` of the topic whose id is `topic`.
    pub fn source(&self, topic: &str, partition: u32) -> Text {
        format!("publish:{}:{topic}/{partition}", self.name).into()
    }

    /// How the ledger is spread over its topic, as a leg that never moves: the name of the leg, and
    /// where it stands.
    ///
    /// It goes by the topic's name: events that are on their way may reach a topic that is made
    /// again, and have to fit there.
    pub fn spread(&self, partitions: u32) -> (Text, Cursor) {
        let stands = Cursor { next: partitions.into(), tail: self.key.hash(), hint: 0 };
        (format!("spread:{}:{}", self.name, self.topic).into(), stands)
    }
}

/// How many records are read for a confirming step.
const STEP: usize = 5_000;

/// Publish for as long as this process may and the topic stays the same; why it ended.
///
/// `targets` binds the leg of that name to the ledger, once and for ever, at that cursor if it is
/// new, and gives its target.
/// `Fenced` means that somebody else publishes this ledger, `Retryable` that it is to be begun
/// anew.
pub async fn publish<T, L, P, B, F>(
    publication: &Publication,
    (topic, log, pace): (&T, &L, &P),
    tally: &Tally,
    targets: impl Fn(Text, Cursor) -> F,
) -> Failure
where
    T: Topic,
    L: Log,
    P: Pace,
    B: LedgerTarget,
    F: Future<Output = Result<B, Failure>>,
{
    let opened = match open(publication, (topic, log), targets).await {
        Ok(opened) => opened,
        Err(failure) => return failure,
    };
    let by = (topic, log, pace);
    let mut halves: Vec<Pin<Box<dyn Future<Output = Failure> + Send + '_>>> = Vec::new();
    for partition in opened.partitions() {
        halves.push(Box::pin(confirm(publication, by, (tally, &opened), partition)));
    }
    halves.push(Box::pin(send(publication, by, (tally, &opened))));
    halves.push(Box::pin(leg::changed(topic, &opened.about, pace)));
    select_all(halves).await.0
}

/// A topic that this process may publish to.
pub struct Opened<B> {
    /// What the broker says of it.
    pub about: About,
    legs: Vec<B>,
    /// By partition, whether who confirms it is on the way to what was sent.
    looking: Vec<AtomicBool>,
}

impl<B> Opened<B> {
    /// The partitions, by number.
    pub fn partitions(&self) -> impl Iterator<Item = u32> + use<B> {
        0..self.about.partitions
    }
}

/// Find out whether this process may publish, and bind what it needs for that.
///
/// # Errors
/// As [`publish`] ends.
pub async fn open<T, L, B, F>(
    publication: &Publication,
    (topic, log): (&T, &L),
    targets: impl Fn(Text, Cursor) -> F,
) -> Result<Opened<B>, Failure>
where
    T: Topic,
    L: Log,
    B: LedgerTarget,
    F: Future<Output = Result<B, Failure>>,
{
    let about = topic.about().await?;
    let legs = bind(publication, &about, log, targets).await?;
    // Whose turn it is. The claim is made again, by the same owner, before it is over.
    drop(legs[0].claim().await?);
    let looking = legs.iter().map(|_| AtomicBool::new(true)).collect();
    Ok(Opened { about, legs, looking })
}

/// The targets of all partitions, by number.
async fn bind<L: Log, B, F>(
    publication: &Publication,
    about: &About,
    log: &L,
    targets: impl Fn(Text, Cursor) -> F,
) -> Result<Vec<B>, Failure>
where
    F: Future<Output = Result<B, Failure>>,
{
    if about.compacted {
        let detail = format!("ledger {} is published to topic {}", publication.name, about.id);
        return Err(Stop::new(Code::TopicCompacted, detail).into());
    }
    // Bound before anything is sent, and never again: whoever comes later finds it.
    let (source, spread) = publication.spread(about.partitions);
    drop(targets(source.clone(), spread).await?);
    match log.cursor(&source).await? {
        Some(first) if first == spread => {}
        Some(first) => return Err(spread_changed(publication, spread, first).into()),
        None => return Err(Failure::Retryable("the store was rewound".into())),
    }
    // The first one last: what a store that is rewound forgets of them begins with that, and who
    // loses it binds all of them again.
    let mut legs = Vec::new();
    for partition in (0..about.partitions).rev() {
        legs.push(targets(publication.source(&about.id, partition), Cursor::START).await?);
    }
    legs.reverse();
    Ok(legs)
}

/// The stop that says how the ledger would be spread now, and how it was at first.
pub fn spread_changed(publication: &Publication, now: Cursor, first: Cursor) -> Stop {
    let [now, first] = [now, first].map(|spread| {
        let key = Key::ALL.into_iter().find(|key| key.hash() == spread.tail);
        format!("by {} over {} partitions", key.map_or("?", Key::as_str), spread.next)
    });
    let Publication { name, topic, .. } = publication;
    let detail = format!("ledger {name}, topic {topic}: {now}, at first {first}");
    Stop::new(Code::SpreadChanged, detail)
}

/// The sending half; why it ended. As [`publish`], of which it is a part: whoever has several
/// processors runs the parts beside each other, and [`leg::changed`] with them.
pub async fn send<T, L, P, B>(
    publication: &Publication,
    (topic, log, pace): (&T, &L, &P),
    (tally, Opened { about, looking, .. }): (&Tally, &Opened<B>),
) -> Failure
where
    T: Topic,
    L: Log,
    P: Pace,
    B: LedgerTarget,
{
    send::Sender { publication, about, topic, log, pace, tally, looking }.run().await
}

/// The confirming half of one partition. Who loses the first partition has lost the ledger; the
/// others follow it when the former owner's deadline passes.
///
/// # Panics
/// When the topic has no such partition.
pub async fn confirm<T, L, P, B>(
    publication: &Publication,
    by: (&T, &L, &P),
    (tally, opened): (&Tally, &Opened<B>),
    partition: u32,
) -> Failure
where
    T: Topic,
    L: Log,
    P: Pace,
    B: LedgerTarget,
{
    let (pace, at) = (by.2, partition as usize);
    let (target, told) = (&opened.legs[at], (tally, &opened.looking[at]));
    let mut source = Confirm::new(publication, (&opened.about.id, partition), by, told);
    loop {
        match leg::keep(&mut source, target, &Note, STEP, pace).await {
            Failure::Fenced if partition > 0 => pace.sleep(COMPETE).await,
            failure => return failure,
        }
    }
}
