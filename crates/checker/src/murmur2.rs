//! MurmurHash2 of 32 bits with the Java client's seed, and the partition that its default
//! partitioner chooses by it.
//!
//! Written from the published algorithm, byte by byte. Deliberately absent: any other partitioner,
//! the client library's own one included, which is one more that could be wrong.

/// The partition, of `count`, in which a record with `key` has to stand.
///
/// # Panics
/// When `count` is 0: a topic has partitions.
pub fn partition(key: &[u8], count: u32) -> u32 {
    // Java's `toPositive` clears the sign and does not negate.
    (hash(key) & 0x7fff_ffff) % count
}

fn hash(key: &[u8]) -> u32 {
    const MIX: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c_u32 ^ (key.len() as u32);
    let mut rest = key;
    while let [a, b, c, d, after @ ..] = rest {
        let mut word = u32::from_le_bytes([*a, *b, *c, *d]).wrapping_mul(MIX);
        word = (word ^ (word >> 24)).wrapping_mul(MIX);
        hash = hash.wrapping_mul(MIX) ^ word;
        rest = after;
    }
    // The one to three bytes that are left, as the low end of a word.
    if let [first, others @ ..] = rest {
        hash ^= u32::from(*first);
        for (index, byte) in others.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * (index + 1));
        }
        hash = hash.wrapping_mul(MIX);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(MIX);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `UtilsTest.testMurmur2` of the Java client.
    #[test]
    fn hashes_as_the_java_client_does() {
        for (key, expected) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(hash(key.as_bytes()) as i32, expected, "{key}");
        }
    }

    #[test]
    fn a_negative_hash_loses_its_sign() {
        // -790332482 as bits is 0xd0e47bbe; without the sign it is 0x50e47bbe.
        assert_eq!(partition(b"foobar", 6), 1_357_151_166 % 6);
        assert_eq!(partition(b"abc", 6), 479_470_107 % 6);
    }
}
