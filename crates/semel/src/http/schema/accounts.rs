//! Accounts and their entries.

use utoipa::ToSchema;

/// How far an account may be overdrawn.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum Overdraft {
    /// `none` or `unlimited`.
    Word(String),
    /// Minor units.
    Limit(i64),
}

/// A request to open an account.
#[derive(ToSchema)]
pub struct AccountRequest {
    /// The client's name for it: visible ASCII, not `.` or `..`.
    #[schema(min_length = 1, max_length = 64)]
    pub id: String,
    /// ISO 4217, upper case.
    pub currency: String,
    /// `none` where nothing is said.
    pub overdraft: Option<Overdraft>,
}

/// An account.
#[derive(ToSchema)]
pub struct Account {
    /// The client's name for it.
    pub id: String,
    /// ISO 4217.
    pub currency: String,
    /// How far it may be overdrawn.
    pub overdraft: Overdraft,
    /// True of a closed account; absent otherwise.
    pub closed: Option<bool>,
    /// What was moved.
    pub posted: Posted,
    /// What is held.
    pub pending: Pending,
}

/// What was moved, in minor units.
#[derive(ToSchema)]
pub struct Posted {
    /// Out of the account.
    pub debits: i64,
    /// Into the account.
    pub credits: i64,
    /// Credits − debits.
    pub balance: i64,
}

/// What is held, in minor units.
#[derive(ToSchema)]
pub struct Pending {
    /// To leave the account.
    pub debits: i64,
    /// To come into the account.
    pub credits: i64,
}

/// One side of a movement.
#[derive(ToSchema)]
pub struct Entry {
    /// The event that moved it: `evt_…`.
    pub id: String,
    /// The event's number in the ledger.
    pub seq: u64,
    /// The event's type.
    pub r#type: String,
    /// The payment that it belongs to.
    pub payment_id: String,
    /// Out of the account, in minor units.
    pub debit: i64,
    /// Into the account, in minor units.
    pub credit: i64,
    /// The account's balance after it.
    pub balance: i64,
    /// RFC 3339.
    pub created_at: String,
}
