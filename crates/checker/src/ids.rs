//! Ids and moments as the outside sees them, made from a row's time, ledger and seq.
//!
//! An id is a prefix and a UUID of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, the
//! microseconds within the millisecond in the 12 bits behind the version, and behind the variant
//! 22 bits of the ledger's number and 40 bits of seq.
//! Deliberately absent: reading an id apart. What has to stand there is made and compared.

/// `prefix_…`, for the event `seq` of the ledger numbered `ledger`, written at `at` microseconds
/// since 1970.
pub fn id(prefix: &str, at: i64, ledger: u64, seq: u64) -> String {
    let (millis, micros) = (at.div_euclid(1_000) as u64, at.rem_euclid(1_000) as u64);
    let low = (0b10 << 62) | (ledger << 40) | seq;
    format!(
        "{prefix}_{:08x}-{:04x}-7{micros:03x}-{:04x}-{:012x}",
        millis >> 16,
        millis & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff,
    )
}

/// RFC 3339 in UTC with six digits of a second; `at` in microseconds since 1970.
///
/// Days become a date by Howard Hinnant's `civil_from_days`.
pub fn moment(at: i64) -> String {
    let (days, micros) = (at.div_euclid(86_400_000_000), at.rem_euclid(86_400_000_000));
    // Years begin in March here, so that a leap day is a year's last.
    let from_era = days + 719_468;
    let (era, day_of_era) = (from_era.div_euclid(146_097), from_era.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_as_the_calendar_has_them() {
        for (at, expected) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399_999_999, "2000-02-28T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (1_709_251_200_000_000, "2024-03-01T00:00:00.000000Z"),
            (1_735_689_599_000_000, "2024-12-31T23:59:59.000000Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
        ] {
            assert_eq!(moment(at), expected);
        }
    }

    #[test]
    fn an_id_says_when_where_and_which() {
        let at = 0x0123_4567_89ab_i64 * 1_000 + 0x123;
        assert_eq!(id("evt", at, 3, 5), "evt_01234567-89ab-7123-8000-030000000005");
        let last = id("pay", 0, (1 << 22) - 1, (1 << 40) - 1);
        assert_eq!(last, "pay_00000000-0000-7000-bfff-ffffffffffff");
    }
}
