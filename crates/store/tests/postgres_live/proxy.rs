//! What lies between a store and its server: it cuts, delays, freezes and loses answers.
//!
//! It reads the frontend's messages (PostgreSQL 18, section 54.2) as far as it must to see a
//! `COMMIT` go by, and of the backend's only whether one ends a commit. It changes no byte.

use semel_core::exactly_once::conformance::Rng;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// What becomes of a connection when a `COMMIT` comes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is cut, and the server never sees the `COMMIT`.
    CutBefore,
    /// The `COMMIT` goes on and the connection is cut at the same time.
    CutWith,
    /// The server's answers are dropped up to the one to `COMMIT`; then the connection is cut.
    Swallow,
    /// The server's answers are dropped, and the connection stays as it is.
    Mute,
    /// Everything takes a little longer.
    Delay,
}

/// A message of the frontend in so many is cut off, where faults are random.
const CUT_ONE_IN: u64 = 60;
/// A commit in so many goes wrong, where faults are random.
const FAULT_ONE_IN: u64 = 3;
const DELAY: Duration = Duration::from_millis(20);
/// Between two messages that trickle: less than the server lets a step be idle.
const TRICKLE: Duration = Duration::from_millis(900);

/// A listener before a server.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    server: u16,
    script: Mutex<Script>,
    fired: AtomicU64,
    swallowed: AtomicU64,
    /// Bytes that clients received.
    told: AtomicU64,
    /// For all connections: whether they are held back, and how often all were cut.
    frozen: watch::Sender<bool>,
    trickles: AtomicBool,
    cuts: watch::Sender<u64>,
}

#[derive(Default)]
struct Script {
    planned: VecDeque<Fault>,
    random: Option<Rng>,
}

impl Proxy {
    /// Before the server that `url` names.
    pub async fn before(url: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            server: port_of(url),
            script: Mutex::default(),
            fired: AtomicU64::new(0),
            swallowed: AtomicU64::new(0),
            told: AtomicU64::new(0),
            frozen: watch::channel(false).0,
            trickles: AtomicBool::new(false),
            cuts: watch::channel(0).0,
        });
        let theirs = Arc::downgrade(&shared);
        tokio::spawn(async move {
            while let (Ok((client, _)), Some(shared)) = (listener.accept().await, theirs.upgrade())
            {
                tokio::spawn(connection(client, shared));
            }
        });
        Proxy { port, shared }
    }

    /// `url`, by way of this.
    pub fn url(&self, url: &str) -> String {
        url.replacen(&format!(":{}/", port_of(url)), &format!(":{}/", self.port), 1)
    }

    /// Let each of `faults` come about at one of the next commits.
    pub fn plan(&self, faults: &[Fault]) {
        self.shared.script.lock().unwrap().planned.extend(faults);
    }

    /// Let anything go wrong at any time, as `seed` decides; nothing more without one.
    pub fn random(&self, seed: Option<u64>) {
        self.shared.script.lock().unwrap().random = seed.map(Rng::new);
    }

    /// How much has gone wrong.
    pub fn fired(&self) -> u64 {
        self.shared.fired.load(SeqCst)
    }

    /// How many answers to `COMMIT` the server gave that nobody received.
    pub fn swallowed(&self) -> u64 {
        self.shared.swallowed.load(SeqCst)
    }

    /// How many bytes the server told.
    pub fn told(&self) -> u64 {
        self.shared.told.load(SeqCst)
    }

    /// Hold everything back, in both directions.
    pub fn freeze(&self) {
        self.shared.frozen.send_replace(true);
    }

    /// Let what was held back go on.
    pub fn thaw(&self) {
        self.shared.frozen.send_replace(false);
    }

    /// Let every message of a client take its time from now on.
    pub fn trickle(&self) {
        self.shared.trickles.store(true, SeqCst);
    }

    /// Cut all connections; new ones are let through.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }
}

fn port_of(url: &str) -> u16 {
    let host = url.rsplit_once('/').unwrap().0;
    host.rsplit_once(':').unwrap().1.parse().unwrap()
}

impl Shared {
    fn at_commit(&self) -> Option<Fault> {
        use Fault::{CutBefore, CutWith, Delay, Swallow};
        let mut script = self.script.lock().unwrap();
        let fault = script.planned.pop_front().or_else(|| {
            let rng = script.random.as_mut()?;
            let kind = [CutBefore, CutWith, Swallow, Delay][rng.below(4) as usize];
            (rng.below(FAULT_ONE_IN) == 0).then_some(kind)
        });
        self.fired.fetch_add(u64::from(fault.is_some()), SeqCst);
        fault
    }

    fn cuts_here(&self) -> bool {
        let mut script = self.script.lock().unwrap();
        let cuts = script.random.as_mut().is_some_and(|rng| rng.below(CUT_ONE_IN) == 0);
        self.fired.fetch_add(u64::from(cuts), SeqCst);
        cuts
    }
}

/// One connection, until either end or a fault ends it.
async fn connection(client: TcpStream, shared: Arc<Shared>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", shared.server)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let told = Arc::new(watch::channel(None).0);
    let mut cut = shared.cuts.subscribe();
    // Ends with the first of them; the sockets close then.
    tokio::select! {
        () = requests(from_client, to_server, &shared, &told) => {}
        () = answers(from_server, to_client, &shared, &told) => {}
        _ = cut.changed() => {}
    }
}

/// Carry what the client says to the server, message by message.
async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    told: &watch::Sender<Option<Fault>>,
) {
    let (mut frozen, mut cut) = (shared.frozen.subscribe(), shared.cuts.subscribe());
    let (mut held, mut is_begun) = (Vec::new(), false);
    while from.read_buf(&mut held).await.is_ok_and(|read| read > 0) {
        while let Some(length) = message(&held, is_begun) {
            let one: Vec<u8> = held.drain(..length).collect();
            if frozen.wait_for(|is| !is).await.is_err() {
                return;
            }
            if shared.trickles.load(SeqCst) {
                let _cut = timeout(TRICKLE, cut.changed()).await;
            }
            let fault = match is_begun && one.ends_with(b"COMMIT\0") && one[0] == b'Q' {
                true => shared.at_commit(),
                false if is_begun && shared.cuts_here() => return,
                false => None,
            };
            is_begun = true;
            match fault {
                Some(Fault::CutBefore) => return,
                Some(Fault::Delay) => {
                    let _cut = timeout(DELAY, cut.changed()).await;
                }
                Some(fault) => drop(told.send_replace(Some(fault))),
                None => {}
            }
            if to.write_all(&one).await.is_err() || fault == Some(Fault::CutWith) {
                return;
            }
        }
    }
}

/// The length of the first message in `held`, once all of it is there. The very first of a
/// connection has no type.
fn message(held: &[u8], is_begun: bool) -> Option<usize> {
    let from = usize::from(is_begun);
    let length: [u8; 4] = held.get(from..from + 4)?.try_into().unwrap();
    let whole = from + u32::from_be_bytes(length) as usize;
    (whole <= held.len()).then_some(whole)
}

/// Carry what the server says to the client.
async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    told: &watch::Sender<Option<Fault>>,
) {
    /// `ReadyForQuery`, outside of an SQL transaction.
    const READY: &[u8] = b"Z\0\0\0\x05I";
    let mut frozen = shared.frozen.subscribe();
    let mut said = Vec::new();
    while from.read_buf(&mut said).await.is_ok_and(|read| read > 0) {
        if frozen.wait_for(|is| !is).await.is_err() {
            return;
        }
        let fault = *told.borrow();
        match fault {
            Some(Fault::Swallow | Fault::Mute) => {
                if said.ends_with(READY) {
                    shared.swallowed.fetch_add(1, SeqCst);
                    if fault == Some(Fault::Swallow) {
                        return;
                    }
                }
                // Its end may come in two pieces.
                let kept = said.len().saturating_sub(READY.len());
                said.drain(..kept);
            }
            _ if to.write_all(&said).await.is_err() => return,
            _ => {
                shared.told.fetch_add(said.len() as u64, SeqCst);
                said.clear();
            }
        }
    }
}
