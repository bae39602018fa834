//! Sums that tell whether two lists hold the same pairs, whatever their orders.
//!
//! Kept are the number of pairs and the sum over a bijection of them. One pair more, less or
//! different always leaves something; several leave nothing once in 2^128.

/// What one list has more than the other.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pairs: i64,
    sum: u128,
}

impl Sum {
    /// Both lists hold the same.
    pub(super) const NOTHING: Sum = Sum { pairs: 0, sum: 0 };

    /// Count a pair of the one list.
    pub(super) fn add(&mut self, pair: (u64, u64)) {
        self.pairs += 1;
        self.sum = self.sum.wrapping_add(mix(pair));
    }

    /// Count a pair of the other list.
    pub(super) fn take_away(&mut self, pair: (u64, u64)) {
        self.pairs -= 1;
        self.sum = self.sum.wrapping_sub(mix(pair));
    }
}

/// A bijection of pairs: two that differ have different values, as far apart as chance would.
fn mix((left, right): (u64, u64)) -> u128 {
    const ODD: [u128; 2] =
        [0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835, 0xd6e8_feb8_6659_fd93_2545_f491_4f6c_dd1d];
    let mut value = u128::from(left) << 64 | u128::from(right);
    for odd in ODD {
        value ^= value >> 65;
        value = value.wrapping_mul(odd);
    }
    value ^ value >> 64
}
