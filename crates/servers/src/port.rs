//! Ports for servers: free ones, where no client's outgoing connection takes them.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

/// A port that nobody listens on now.
///
/// It lies below those that systems hand out for outgoing connections: another process's client, or
/// a client of this very server that retries while it is down, must not take it between two starts.
pub fn free() -> u16 {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let anywhere = || 15_000 + u16::try_from(chance() % 17_000).expect("less than 17,000");
    let tries = std::iter::repeat_with(anywhere).take(1000);
    tries.into_iter().find(is_free).expect("among a thousand ports one is free")
}

/// The standard library's one source of chance.
pub fn chance() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::free;

    #[test]
    fn a_free_port_is_below_those_of_outgoing_connections() {
        for _ in 0..100 {
            assert!((15_000..32_000).contains(&free()));
        }
    }
}
