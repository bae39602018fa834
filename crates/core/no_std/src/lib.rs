//! A program without `std`, around the core: it builds only if nothing the core needs links `std`.
//!
//! It has a panic handler of its own. `std` has one too, so the compiler refuses the pair (E0152,
//! duplicate lang item `panic_impl`) as soon as any crate below brings `std` in. That is as strong
//! as a target without `std`, and needs no target to be installed. Deliberately absent: behaviour.
#![no_std]

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;

/// Links the core with all that it depends on.
use semel_core as _;

struct NoMemory;

// SAFETY: null is the answer of an allocator that has no memory, and nothing is ever given back.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

#[panic_handler]
fn halt(_: &PanicInfo) -> ! {
    loop {}
}
