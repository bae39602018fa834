//! Mappings by tables: what a configuration may say, and what becomes of messages.

mod columns;
mod records;
mod shapes;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Mapping;

/// The mapping of most tests.
const SHOP: &str = r#"
    idempotency_key = { at = "/orderId" }
    amount = { at = "/amount", unit = "major" }
    currency = { at = "/currency" }
    debit_account = { at = "/userId", prefix = "customer:" }
    credit_account = { value = "merchant:shop" }
    description = { at = "/note" }
    metadata = { at = "/meta" }
"#;

fn shop() -> Mapping {
    toml::from_str(SHOP).unwrap()
}

/// SHOP with another source for one field; an empty one leaves the field out.
fn shop_with(field: &str, source: &str) -> Result<Mapping, String> {
    let mut lines: Vec<String> =
        SHOP.lines().filter(|line| !line.trim().starts_with(field)).map(String::from).collect();
    if !source.is_empty() {
        lines.push([field, " = ", source].concat());
    }
    toml::from_str(&lines.join("\n")).map_err(|error| error.to_string())
}
