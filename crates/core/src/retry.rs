//! Backoff as data: exponential, capped, with full jitter.
//!
//! Pure: the caller brings the randomness and the clock.

use core::time::Duration;

/// A schedule of waits.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// The longest first wait.
    pub base: Duration,
    /// The longest wait of all.
    pub cap: Duration,
}

impl Schedule {
    /// For steps on a store: 10 ms, 20 ms, 40 ms … up to 2 s.
    pub const STORE: Schedule =
        Schedule { base: Duration::from_millis(10), cap: Duration::from_secs(2) };

    /// How long to wait after `failed` failures (0 for the first): between nothing and
    /// `base · 2^failed`, at most `cap`, as `jitter` says (0 none of it, `u32::MAX` all of it).
    pub fn wait(&self, failed: u32, jitter: u32) -> Duration {
        let longest = self.base.saturating_mul(1_u32 << failed.min(31)).min(self.cap);
        let nanos = longest.as_nanos() * u128::from(jitter) / u128::from(u32::MAX);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_jitter_takes_a_share() {
        const HALF: u32 = u32::MAX / 2;
        for (failed, jitter, millis) in [
            (0, u32::MAX, 10),
            (1, u32::MAX, 20),
            (3, u32::MAX, 80),
            (8, u32::MAX, 2_000),
            (u32::MAX, u32::MAX, 2_000),
            (3, 0, 0),
            (3, HALF, 39),
        ] {
            let wait = Schedule::STORE.wait(failed, jitter);
            assert_eq!(wait.as_millis(), millis, "failed {failed}, jitter {jitter}");
        }
    }
}
