//! The law: how an effect comes to exist exactly once, whatever crashes, repeats or overlaps.
//!
//! A *source* is a sequence of items at positions. A *target* holds effects and, beside them, one
//! *cursor* per source.
//!
//! 1. **Together.** A step's effects and the cursor's move become durable in one atomic act, or
//!    neither does.
//! 2. **In order, without gaps.** A step commits only if the cursor still equals the step's start.
//! 3. **Fenced.** [`Target::claim`] tells the cursor and makes every earlier claim on that source
//!    unable to commit, for ever.
//! 4. **Unknown is resolved by claiming.** When a commit's outcome is not known, the next claim's
//!    cursor is either the start or the end of that step, never between.
//! 5. **Stable reading.** Once a source has returned the item at position *p*, it never returns
//!    another item at *p*, nor a new one below it.
//!
//! Therefore each item's effects are in the target once: a step that is repeated starts where the
//! cursor stands, and the cursor stands behind every step that happened (1, 4). Two owners cannot
//! both move it from the same place (2), the elder cannot move it at all (3), and what is read
//! again is what was read before (5).
//!
//! **Doors.** A request over HTTP has an identity but no position. A door is a target without a
//! source: its claim fences nobody and its cursor stays at [`Cursor::START`], so laws 2 to 5 say
//! nothing there. Identity takes their place: the key is looked up inside the step, under the
//! ledger's lock, so running the same step again is always safe ([`door`]).
//!
//! **Where it ends.** Exactly-once effects between the request, the ledger and its events. A call
//! to the world outside is no effect of a step; it is at least once, with a stable key.
//!
//! **How the types police it.** `begin` consumes the claim and `commit` consumes the step, so a
//! step cannot commit twice and a stale claim cannot be kept. A claim *owns* its session, so a
//! step dropped half-way takes the session with it; none goes back half-open to a pool.
//! [`Decide::decide`] is no future and cannot fail, so nothing waits and nothing breaks between
//! the snapshot and the commit but the process itself.
//!
//! [`pump`] turns the law into progress in five verbs: *claim, read, begin, decide, commit*. The
//! suite in `conformance` proves the law on any target; every target of this project runs it.
//!
//! Deliberately absent: clocks, deadlines and owners. Whether a claim is *granted* is a target's
//! affair (it may answer [`Failure::Fenced`] while another owner's deadline has not passed); what
//! a granted claim *means* is the law's.

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod door;
pub mod pump;

pub use crate::failure::Failure;

use crate::chain::Hash;
use alloc::vec::Vec;
use core::future::Future;

/// How far a target has come in a source.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    /// The position of the next item to take.
    pub next: u64,
    /// What the source said of everything before `next`: a hash, zeros at the start.
    pub tail: Hash,
    /// Where to look first. A convenience of the source; never compared.
    pub hint: u64,
}

impl Cursor {
    /// Before the first item of any source.
    pub const START: Cursor = Cursor { next: 0, tail: Hash::ZERO, hint: 0 };
}

impl PartialEq for Cursor {
    fn eq(&self, other: &Cursor) -> bool {
        (self.next, self.tail) == (other.next, other.tail)
    }
}

impl Eq for Cursor {}

/// Items that follow each other in a source, and the cursor behind the last.
#[derive(Debug)]
pub struct Batch<I> {
    /// Never empty.
    pub items: Vec<I>,
    /// Where a target stands that has taken all of them.
    pub to: Cursor,
}

/// Where items come from. Keeps law 5.
pub trait Source: Send {
    /// What stands at a position.
    type Item: Send + Sync;

    /// At most `limit` items from `from` on; `None` when there is nothing more to do.
    ///
    /// # Errors
    /// `Permanent` when what lies before `from` is not what `from.tail` says, or is gone:
    /// a source never skips.
    fn read(
        &mut self,
        from: &Cursor,
        limit: usize,
    ) -> impl Future<Output = Result<Option<Batch<Self::Item>>, Failure>> + Send;
}

/// Where steps become durable, for one source (or, at a door, for none). Keeps laws 1 to 4.
pub trait Target: Sync {
    /// The right to commit.
    type Claim: Claim;

    /// Take the source over, fence every earlier claim, and learn where to go on.
    ///
    /// Waits until a step of an earlier claim that is already committing has been decided.
    ///
    /// # Errors
    /// `Fenced` while somebody else's claim still holds.
    fn claim(&self) -> impl Future<Output = Result<Self::Claim, Failure>> + Send;
}

/// The right to commit; owns the session (an SQL connection, a writer's handle, a producer).
pub trait Claim: Sized + Send {
    /// What a step wants to see.
    type Keys: Send;
    /// An open step of this claim.
    type Step: Step<Claim = Self>;

    /// Where the target stands in the source.
    fn cursor(&self) -> &Cursor;

    /// Open a step: lock the ledger, check the claim, look up what `keys` name.
    ///
    /// # Errors
    /// `Fenced` when a newer claim exists. Nothing has happened, whatever the error.
    fn begin(self, keys: Self::Keys) -> impl Future<Output = Result<Self::Step, Failure>> + Send;
}

/// An open step. Dropped uncommitted, it ends its session and nothing has happened.
pub trait Step: Sized + Send {
    /// What a commit gives back.
    type Claim;
    /// What the keys name, as it is under the lock.
    type Snapshot;
    /// What a step can do.
    type Effect: Send;

    /// What was looked up, unchanged until the commit.
    fn snapshot(&self) -> &Self::Snapshot;

    /// Make the effects and the cursor's move to `to` durable, together.
    ///
    /// Whoever drops this future half-way is left as by `Unknown`: the next claim tells.
    ///
    /// # Errors
    /// `Unknown` when it may have happened; after any other error it has not.
    fn commit(
        self,
        effects: Vec<Self::Effect>,
        to: Cursor,
    ) -> impl Future<Output = Result<Self::Claim, Failure>> + Send;
}

/// The keys of a target's steps.
pub type KeysOf<T> = <<T as Target>::Claim as Claim>::Keys;
/// The open step of a target.
pub type StepOf<T> = <<T as Target>::Claim as Claim>::Step;
/// The snapshot of a target's steps.
pub type SnapshotOf<T> = <StepOf<T> as Step>::Snapshot;
/// The effects of a target's steps.
pub type EffectOf<T> = <StepOf<T> as Step>::Effect;

/// What items mean: pure and total. Bad items have effects too (a dead letter); there is no error.
pub trait Decide<I, T: Target>: Sync {
    /// What has to be looked up to decide `items`. Runs before the lock is taken.
    fn keys(&self, items: &[I]) -> KeysOf<T>;

    /// What `items` do to a target that looks like `snapshot`.
    fn decide(&self, items: &[I], snapshot: &SnapshotOf<T>) -> Vec<EffectOf<T>>;
}
