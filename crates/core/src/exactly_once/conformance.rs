//! The suite that proves the law on any target.
