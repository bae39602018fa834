//! Currencies and amounts: whole minor units, exact or refused.
//!
//! An [`Amount`] is positive and bounded by construction, so no code behind this file asks again
//! whether a movement of money is zero, negative or near the end of its integer. Decimals become
//! minor units by moving digits, in time linear in the text, without floats or big numbers.
//!
//! Deliberately absent: arithmetic (balances are sums of their own type), negative amounts (the
//! direction of a movement is its two accounts), conversion between currencies, rounding.

mod decimal;
mod iso4217;
#[cfg(test)]
mod tests;

use core::fmt;

pub(crate) use decimal::Decimal;

use crate::reason::Reason;

/// A current ISO 4217 currency that has a minor unit.
///
/// Codes without one (`XXX`, `XAU`) and codes out of use (`HRK`) are no currencies here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    /// Place in the sorted table, so that the order of currencies is the order of their codes. It
    /// is never stored: the table may grow.
    index: u8,
}

impl Currency {
    /// The currency of a three-letter code in upper case.
    pub fn parse(code: &str) -> Option<Currency> {
        let index = iso4217::TABLE.binary_search_by(|row| row.0.cmp(code)).ok()?;
        let index = u8::try_from(index).expect("a const assertion bounds the table");
        Some(Currency { index })
    }

    /// The three upper-case letters.
    pub fn code(self) -> &'static str {
        iso4217::TABLE[usize::from(self.index)].0
    }

    /// How many decimal places the major unit has: USD 2, JPY 0, KWD 3.
    pub fn exponent(self) -> u8 {
        iso4217::TABLE[usize::from(self.index)].1
    }
}

/// A positive amount of money in minor units, at most [`Amount::MAX_MINOR`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

impl Amount {
    /// The largest amount: 10^17 minor units.
    pub const MAX_MINOR: i64 = 100_000_000_000_000_000;

    /// An amount of `minor` units.
    pub const fn new(minor: i64) -> Result<Amount, AmountError> {
        match minor {
            ..=0 => Err(AmountError::NotPositive),
            1..=Amount::MAX_MINOR => Ok(Amount(minor)),
            _ => Err(AmountError::TooLarge),
        }
    }

    /// The amount in minor units, 1 to [`Amount::MAX_MINOR`].
    pub const fn minor(self) -> i64 {
        self.0
    }
}

/// Why something is no amount, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountError {
    /// No decimal at all.
    WrongType,
    /// Zero or below, whatever its decimal places.
    NotPositive,
    /// Not a whole number of minor units.
    Inexact,
    /// Above [`Amount::MAX_MINOR`].
    TooLarge,
}

impl AmountError {
    /// The stable word for it: `amount_not_positive`.
    pub fn reason(self) -> &'static str {
        Reason::from(self).as_str()
    }
}

impl From<AmountError> for Reason {
    fn from(error: AmountError) -> Reason {
        match error {
            AmountError::WrongType => Reason::WrongType,
            AmountError::NotPositive => Reason::AmountNotPositive,
            AmountError::Inexact => Reason::AmountInexact,
            AmountError::TooLarge => Reason::AmountTooLarge,
        }
    }
}

/// Reads a decimal in major units of the currency: `12.34` USD is 1,234.
///
/// The text is a number as JSON writes it (RFC 8259, section 6), so `1e2` is one and `+1`, `.5`,
/// `012.34` and `1,000.00` are none. Trailing zeros are exact: `12.340` USD is 1,234.
pub fn parse_major(text: &str, currency: Currency) -> Result<Amount, AmountError> {
    Decimal::parse(text).ok_or(AmountError::WrongType)?.amount(currency.exponent())
}

/// Reads a decimal in minor units; `4999.0` is 4,999 and `49.5` is inexact.
pub fn parse_minor(text: &str) -> Result<Amount, AmountError> {
    Decimal::parse(text).ok_or(AmountError::WrongType)?.amount(0)
}

/// The value of a JSON number token without fraction and exponent; None for any other text.
///
/// Beyond 64 bits it is `i64::MIN` or `i64::MAX`, which validation refuses with the right reason.
pub fn minor_from_integer_token(token: &str) -> Option<i64> {
    let digits = token.strip_prefix('-').unwrap_or(token);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    if !plain || leading_zero {
        return None;
    }
    let saturated = if digits.len() < token.len() { i64::MIN } else { i64::MAX };
    // Digits fail to parse for one cause only: they are too many.
    Some(token.parse().unwrap_or(saturated))
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AmountError::WrongType => "not a decimal number",
            AmountError::NotPositive => "not above zero",
            AmountError::Inexact => "not a whole number of minor units",
            AmountError::TooLarge => "above 10^17 minor units",
        })
    }
}

impl core::error::Error for AmountError {}
