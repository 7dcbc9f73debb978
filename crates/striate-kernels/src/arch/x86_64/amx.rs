//! The tile registers of the hardware.
//!
//! Rust's intrinsics for them are not stable, so these are the instructions themselves. Register numbers are part of an
//! instruction, hence a match over them. The system gives a process the registers on request (Linux 5.16 and newer); the
//! threads it starts then have them too, and each must configure its own and should release them when it is done, so
//! that the system need not save them.

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count};
use std::cell::RefCell;
use std::sync::OnceLock;

use crate::arch::Tile;
use crate::arch::amx::{self, Availability, Shapes, TileRegisters};

thread_local! {
    static REGISTERS: RefCell<Hardware> = const { RefCell::new(Hardware { shapes: None }) };
}

/// The registers of this thread.
struct Hardware {
    /// What they are configured to, if they are.
    shapes: Option<Shapes>,
}

/// What `ldtilecfg` reads.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_per_row: [u16; 16],
    rows: [u8; 16],
}

/// One instruction for each register number.
macro_rules! for_register {
    ($register:expr, $text:literal $(, $($operand:tt)*)?) => {
        match $register {
            0 => asm!($text, t = const 0 $(, $($operand)*)?),
            1 => asm!($text, t = const 1 $(, $($operand)*)?),
            2 => asm!($text, t = const 2 $(, $($operand)*)?),
            3 => asm!($text, t = const 3 $(, $($operand)*)?),
            4 => asm!($text, t = const 4 $(, $($operand)*)?),
            5 => asm!($text, t = const 5 $(, $($operand)*)?),
            6 => asm!($text, t = const 6 $(, $($operand)*)?),
            _ => asm!($text, t = const 7 $(, $($operand)*)?),
        }
    };
}

impl TileRegisters for Hardware {
    fn configure(&mut self, shapes: &Shapes) {
        if self.shapes == Some(*shapes) {
            return;
        }
        let mut configuration =
            Configuration { palette: 1, start_row: 0, reserved: [0; 14], bytes_per_row: [0; 16], rows: [0; 16] };
        for (i, &(rows, words)) in shapes.0.iter().enumerate() {
            configuration.rows[i] = rows as u8;
            configuration.bytes_per_row[i] = 4 * words as u16;
        }
        // SAFETY: `Hardware` is used only where the processor has the instruction and the system gave the registers; the
        // configuration has the form it wants, with sizes of at most 16 rows of 64 bytes.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &configuration, options(nostack, readonly, preserves_flags)) };
        self.shapes = Some(*shapes);
    }

    #[inline]
    fn zero(&mut self, register: usize) {
        // SAFETY: the register is configured.
        unsafe { for_register!(register, "tilezero tmm{t}", options(nostack, nomem, preserves_flags)) };
    }

    #[inline]
    unsafe fn load(&mut self, register: usize, from: *const f32, stride: usize) {
        let stride = stride * size_of::<f32>();
        // SAFETY: the register is configured, and the caller promises its rows.
        unsafe {
            for_register!(register, "tileloadd tmm{t}, [{from} + {stride}*1]", from = in(reg) from,
                stride = in(reg) stride, options(nostack, readonly, preserves_flags));
        }
    }

    #[inline]
    unsafe fn store(&mut self, register: usize, to: *mut f32, stride: usize) {
        let stride = stride * size_of::<f32>();
        // SAFETY: as above.
        unsafe {
            for_register!(register, "tilestored [{to} + {stride}*1], tmm{t}", to = in(reg) to,
                stride = in(reg) stride, options(nostack, preserves_flags));
        }
    }

    #[inline]
    fn multiply(&mut self, sums: usize, a: usize, b: usize) {
        // SAFETY: the registers are configured to sizes that fit each other.
        unsafe {
            match (sums, a, b) {
                (0, 4, 6) => asm!("tdpbf16ps tmm0, tmm4, tmm6", options(nostack, nomem, preserves_flags)),
                (1, 4, 7) => asm!("tdpbf16ps tmm1, tmm4, tmm7", options(nostack, nomem, preserves_flags)),
                (2, 5, 6) => asm!("tdpbf16ps tmm2, tmm5, tmm6", options(nostack, nomem, preserves_flags)),
                (3, 5, 7) => asm!("tdpbf16ps tmm3, tmm5, tmm7", options(nostack, nomem, preserves_flags)),
                other => unreachable!("no tile multiplies the registers {other:?}"),
            }
        }
    }
}

/// Releases the registers of this thread, if it has used them.
pub(in crate::arch) fn release() {
    REGISTERS.with_borrow_mut(|registers| {
        if registers.shapes.take().is_some() {
            // SAFETY: they were configured, so the processor has the instruction.
            unsafe { asm!("tilerelease", options(nostack, nomem, preserves_flags)) };
        }
    });
}

/// Whether AMX can be used: asks the processor, then the system, then tries it.
pub(in crate::arch) fn availability() -> &'static Availability {
    static AVAILABILITY: OnceLock<Availability> = OnceLock::new();
    AVAILABILITY.get_or_init(|| {
        if !is_reported() {
            return Availability::Absent;
        }
        if let Err(reason) = request_permission() {
            return Availability::Refused(reason);
        }
        let tested = REGISTERS.with_borrow_mut(amx::self_test);
        release();
        tested.map_or_else(Availability::Refused, |()| Availability::Works)
    })
}

/// Whether the processor has tiles and their bf16 product, and the system saves their registers.
fn is_reported() -> bool {
    const OSXSAVE: u32 = 1 << 27;
    const AMX_BF16: u32 = 1 << 22;
    const AMX_TILE: u32 = 1 << 24;
    /// Configuration and data of the tiles in the register XCR0.
    const TILE_STATE: u32 = 0b11 << 17;
    #[allow(unused_unsafe, reason = "safe since Rust 1.94")]
    // SAFETY: every x86-64 processor has the instruction.
    let (most, basic, extended) = unsafe { (__cpuid(0).eax, __cpuid(1).ecx, __cpuid_count(7, 0).edx) };
    if most < 7 || basic & OSXSAVE == 0 || extended & AMX_BF16 == 0 || extended & AMX_TILE == 0 {
        return false;
    }
    let state: u32;
    // SAFETY: OSXSAVE says that the instruction may be used.
    unsafe { asm!("xgetbv", in("ecx") 0, out("eax") state, out("edx") _, options(nostack, nomem, preserves_flags)) };
    state & TILE_STATE == TILE_STATE
}

/// Asks Linux for the tile registers, for all threads of the process.
#[cfg(target_os = "linux")]
fn request_permission() -> Result<(), String> {
    const ARCH_PRCTL: usize = 158;
    const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
    const XFEATURE_XTILEDATA: usize = 18;
    let answer: isize;
    // SAFETY: this system call reads two numbers and no memory; it clobbers `rcx` and `r11`.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => answer,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    if answer == 0 { Ok(()) } else { Err(format!("the system refuses the tile registers (error {})", -answer)) }
}

#[cfg(not(target_os = "linux"))]
fn request_permission() -> Result<(), String> {
    Err("not known on this system".to_owned())
}

/// # Safety
/// As [`Tile::run`]; [`availability`] is `Works`.
#[inline]
pub(in crate::arch) unsafe fn tile(t: &Tile, rows: usize) {
    REGISTERS.with_borrow_mut(|registers| {
        // SAFETY: passed on.
        unsafe { amx::tile(registers, t, rows) };
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hardware_agrees_with_the_model() {
        match availability() {
            Availability::Works => {
                assert_eq!(REGISTERS.with_borrow_mut(amx::self_test), Ok(()));
                // Each thread has registers of its own.
                std::thread::spawn(|| {
                    assert_eq!(REGISTERS.with_borrow_mut(amx::self_test), Ok(()));
                    release();
                })
                .join()
                .expect("no panic");
                release();
            }
            Availability::Absent => eprintln!("SKIPPED: this processor has no AMX, only the model was tested"),
            Availability::Refused(reason) => eprintln!("SKIPPED: AMX is there but not used: {reason}"),
        }
    }
}
