//! Payments, batches and refunds, as they are asked for and as they are answered.

use utoipa::ToSchema;

use super::Problem;

/// A request to pay.
#[derive(ToSchema)]
pub struct PaymentRequest {
    /// Minor units.
    #[schema(minimum = 1, maximum = 100_000_000_000_000_000_i64)]
    pub amount: i64,
    /// ISO 4217, upper case.
    #[schema(example = "USD")]
    pub currency: String,
    /// Where money leaves.
    #[schema(min_length = 1, max_length = 64)]
    pub debit_account: String,
    /// Where money goes.
    #[schema(min_length = 1, max_length = 64)]
    pub credit_account: String,
    /// For people.
    #[schema(max_length = 1024)]
    pub description: Option<String>,
    /// Any JSON object up to 16 KiB.
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Payments to make in one request.
#[derive(ToSchema)]
pub struct BatchRequest {
    /// Each with a key of its own.
    #[schema(min_items = 1, max_items = 1000)]
    pub payments: Vec<BatchItem>,
}

/// A payment of a batch.
#[derive(ToSchema)]
pub struct BatchItem {
    /// The client's name for this payment.
    #[schema(min_length = 1, max_length = 255)]
    pub idempotency_key: String,
    /// The payment.
    #[serde(flatten)]
    pub payment: PaymentRequest,
}

/// The answers to a batch.
#[derive(ToSchema)]
pub struct BatchAnswer {
    /// In the order of the items.
    pub results: Vec<BatchResult>,
}

/// The answer to an item of a batch.
#[derive(ToSchema)]
pub struct BatchResult {
    /// As an HTTP status.
    pub status: u16,
    /// Whether the payment was there before; absent where there is none.
    pub replayed: Option<bool>,
    /// The payment, or the problem.
    pub body: BatchBody,
}

/// What an item of a batch is answered with.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum BatchBody {
    /// It was recorded.
    Payment(Payment),
    /// It was not.
    Problem(Problem),
}

/// A request to refund.
#[derive(ToSchema)]
pub struct RefundRequest {
    /// Minor units; absent: all that is left.
    #[schema(minimum = 1, maximum = 100_000_000_000_000_000_i64)]
    pub amount: Option<i64>,
}

/// A payment as it was first answered.
#[derive(ToSchema)]
pub struct Payment {
    /// `pay_…`
    pub id: String,
    /// `succeeded`, `declined`, `pending`, `captured` or `voided`.
    pub state: String,
    /// Why it was declined.
    pub decline_code: Option<String>,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// Where money left.
    pub debit_account: String,
    /// Where money went.
    pub credit_account: String,
    /// For people.
    #[schema(required = true)]
    pub description: Option<String>,
    /// As it was sent, in canonical form.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// The key of its request.
    pub idempotency_key: String,
    /// The ingest that it came by; absent for this door.
    pub ingest: Option<String>,
    /// RFC 3339.
    pub created_at: String,
}

/// A payment as it is now.
#[derive(ToSchema)]
pub struct CurrentPayment {
    /// The payment.
    #[serde(flatten)]
    pub payment: Payment,
    /// What really moved, in minor units.
    pub amount_moved: i64,
    /// What moved back, in minor units.
    pub amount_refunded: i64,
}

/// A refund.
#[derive(ToSchema)]
pub struct Refund {
    /// `ref_…`
    pub id: String,
    /// The payment whose money went back.
    pub payment_id: String,
    /// `succeeded` or `declined`.
    pub state: String,
    /// Why it was declined.
    pub decline_code: Option<String>,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// Where money left: the payment's credit account.
    pub debit_account: String,
    /// Where money went: the payment's debit account.
    pub credit_account: String,
    /// The key of its request.
    pub idempotency_key: String,
    /// The ingest that it came by; absent for this door.
    pub ingest: Option<String>,
    /// RFC 3339.
    pub created_at: String,
}
