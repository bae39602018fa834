//! MurmurHash2, 32 bits, with the seed of the Java client's default partitioner.
//!
//! Written from the algorithm and not from the core, whose own is held against it.

const SEED: u32 = 0x9747_b28c;
const MIX: u32 = 0x5bd1_e995;

/// The hash of a key.
pub(super) fn hash(key: &[u8]) -> u32 {
    let whole = key.chunks_exact(4);
    let rest = whole.remainder();
    let hash = whole.fold(SEED ^ key.len() as u32, |hash, four| {
        let number = four.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte));
        let mixed = number.wrapping_mul(MIX);
        hash.wrapping_mul(MIX) ^ (mixed ^ mixed >> 24).wrapping_mul(MIX)
    });
    let number = rest.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte));
    let hash = if rest.is_empty() { hash } else { (hash ^ number).wrapping_mul(MIX) };
    let hash = (hash ^ hash >> 13).wrapping_mul(MIX);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    /// From the tests of the Java client.
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
            assert_eq!(super::hash(key.as_bytes()) as i32, expected, "{key}");
        }
    }
}
