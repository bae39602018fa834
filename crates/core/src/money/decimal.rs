//! A decimal as text, and the exact step from it to minor units.
//!
//! The number is `digits × 10^scale` throughout; only the scale is ever computed with, until it is
//! known that the value fits.

use super::{Amount, AmountError};

/// A number token (RFC 8259, section 6), taken apart and not yet weighed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    /// Saturated at ±[`EXPONENT_LIMIT`].
    exponent: i64,
}

/// No text is long enough for its digits to bring an exponent of this size back into range, so a
/// saturated exponent is refused for the same reason as the real one.
const EXPONENT_LIMIT: i64 = i64::MAX / 4;

impl<'a> Decimal<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Decimal<'a>> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let unsigned = mantissa.strip_prefix('-');
        let (whole, fraction) = match unsigned.unwrap_or(mantissa).split_once('.') {
            Some((whole, fraction)) => (whole, digits(fraction)?),
            None => (unsigned.unwrap_or(mantissa), ""),
        };
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        digits(whole).filter(|_| !leading_zero)?;
        Some(Decimal { negative: unsigned.is_some(), whole, fraction, exponent })
    }

    /// The amount that is `self × 10^places` minor units.
    ///
    /// Precedence as in [`AmountError`]: the sign first, since it needs no weighing, then
    /// exactness, then size.
    pub(crate) fn amount(&self, places: u8) -> Result<Amount, AmountError> {
        let figures = || self.whole.bytes().chain(self.fraction.bytes());
        let leading = figures().take_while(|&figure| figure == b'0').count();
        let trailing = figures().rev().take_while(|&figure| figure == b'0').count();
        let length = self.whole.len() + self.fraction.len();
        if self.negative || leading == length {
            return Err(AmountError::NotPositive);
        }

        let scale =
            self.exponent + i64::from(places) + signed(trailing) - signed(self.fraction.len());
        let significant = length - leading - trailing;
        if scale < 0 {
            return Err(AmountError::Inexact);
        }
        if scale.saturating_add(signed(significant)) > MAX_FIGURES {
            return Err(AmountError::TooLarge);
        }
        let value = figures()
            .skip(leading)
            .take(significant)
            .chain((0..scale).map(|_| b'0'))
            .fold(0, |value, figure| value * 10 + i64::from(figure - b'0'));
        Amount::new(value)
    }
}

/// The figures of [`Amount::MAX_MINOR`]; any number with as many fits an `i64`.
const MAX_FIGURES: i64 = 18;
const _: () = assert!(Amount::MAX_MINOR.ilog10() as i64 + 1 == MAX_FIGURES);

/// What follows `e`: a sign, if any, and at least one digit.
fn parse_exponent(text: &str) -> Option<i64> {
    let negative = text.starts_with('-');
    let figures = digits(text.strip_prefix(['-', '+']).unwrap_or(text))?;
    // Figures fail to parse for one cause only: they are too many.
    let magnitude = figures.parse().unwrap_or(EXPONENT_LIMIT).min(EXPONENT_LIMIT);
    Some(if negative { -magnitude } else { magnitude })
}

/// The text, if it is at least one digit and nothing else.
fn digits(text: &str) -> Option<&str> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then_some(text)
}

fn signed(length: usize) -> i64 {
    i64::try_from(length).expect("no text is longer than isize::MAX")
}
