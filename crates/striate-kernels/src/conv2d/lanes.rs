//! Sixteen neighbouring channels as one value: what transforms and depthwise convolutions are written in.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m256bh, __m256i, __m512, __m512bh, __m512i, _mm_loadu_si128, _mm256_add_epi32, _mm256_add_ps,
    _mm256_and_si256, _mm256_castps_si256, _mm256_castsi256_ps, _mm256_cvtepu16_epi32, _mm256_fmadd_ps,
    _mm256_loadu_ps, _mm256_loadu_si256, _mm256_max_ps, _mm256_mul_ps, _mm256_or_si256, _mm256_packus_epi32,
    _mm256_permute4x64_epi64, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps, _mm256_slli_epi32,
    _mm256_srli_epi32, _mm256_storeu_ps, _mm256_storeu_si256, _mm256_sub_ps, _mm512_add_epi32, _mm512_add_ps,
    _mm512_and_si512, _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cvtepi32_epi16, _mm512_cvtepu16_epi32,
    _mm512_cvtne2ps_pbh, _mm512_cvtneps_pbh, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_max_ps,
    _mm512_mul_ps, _mm512_or_si512, _mm512_permutexvar_epi16, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_slli_epi32, _mm512_srli_epi32, _mm512_storeu_ps, _mm512_sub_ps,
};

#[cfg(target_arch = "x86_64")]
use std::mem;

use crate::bf16::{bf16, from_f32, to_f32};

/// Values of one [`Lanes`].
pub(super) const LANES: usize = 16;

/// Sixteen `f32`. A value of a type of vectors only exists where their instruction set does: [`Lanes::load`] and
/// [`Lanes::splat`] ask for it, and all else needs a value.
pub(super) trait Lanes: Copy {
    /// # Safety
    /// Sixteen values at `from` may be read, and the instruction set is available.
    unsafe fn load(from: *const f32) -> Self;
    /// # Safety
    /// The instruction set is available.
    unsafe fn splat(value: f32) -> Self;
    /// # Safety
    /// Sixteen values at `to` may be written.
    unsafe fn store(self, to: *mut f32);
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, factor: f32) -> Self;
    /// `self + a * b`.
    fn plus_product(self, a: Self, b: Self) -> Self;
    /// `self + a * factor`.
    fn plus_times(self, a: Self, factor: f32) -> Self;
    /// Zero for what is below; NaN stays.
    fn relu(self) -> Self;
    /// Sixteen bf16, widened.
    ///
    /// # Safety
    /// They may be read, and the instruction set is available.
    unsafe fn load_bf16(from: *const bf16) -> Self;
    /// Rounds to bf16 as [`from_f32`], but for NaN, which stays one only if its lower half is 0 (of numbers that come from
    /// bf16 it is), and for numbers below 2^-126, which may become 0.
    ///
    /// # Safety
    /// Sixteen bf16 may be written.
    unsafe fn store_bf16(self, to: *mut bf16);
    /// Words of bf16, rounded likewise: these values in the lower halves, `other` in the upper ones.
    fn paired(self, other: Self) -> Self;
}

/// How the numbers of an image are stored.
pub(super) trait Stored: bytemuck::Pod + Send + Sync {
    /// Of them in a word of the tiles.
    const PER_WORD: usize;
    /// # Safety
    /// Sixteen may be read, and the instruction set is available.
    unsafe fn load<L: Lanes>(from: *const Self) -> L;
    /// # Safety
    /// Sixteen may be written.
    unsafe fn store<L: Lanes>(values: L, to: *mut Self);
}

impl Stored for f32 {
    const PER_WORD: usize = 1;
    #[inline(always)]
    unsafe fn load<L: Lanes>(from: *const Self) -> L {
        // SAFETY: passed on.
        unsafe { L::load(from) }
    }
    #[inline(always)]
    unsafe fn store<L: Lanes>(values: L, to: *mut Self) {
        // SAFETY: passed on.
        unsafe { values.store(to) };
    }
}

impl Stored for bf16 {
    const PER_WORD: usize = 2;
    #[inline(always)]
    unsafe fn load<L: Lanes>(from: *const Self) -> L {
        // SAFETY: passed on.
        unsafe { L::load_bf16(from) }
    }
    #[inline(always)]
    unsafe fn store<L: Lanes>(values: L, to: *mut Self) {
        // SAFETY: passed on.
        unsafe { values.store_bf16(to) };
    }
}

impl Lanes for [f32; LANES] {
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: passed on; arrays of `f32` need no more than the alignment of one.
        unsafe { from.cast::<Self>().read() }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        [value; LANES]
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: passed on.
        unsafe { to.cast::<Self>().write(self) };
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] + other[i])
    }
    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] - other[i])
    }
    #[inline(always)]
    fn times(self, factor: f32) -> Self {
        self.map(|x| x * factor)
    }
    #[inline(always)]
    fn plus_product(self, a: Self, b: Self) -> Self {
        std::array::from_fn(|i| self[i] + a[i] * b[i])
    }
    #[inline(always)]
    fn plus_times(self, a: Self, factor: f32) -> Self {
        self.plus(a.times(factor))
    }
    #[inline(always)]
    fn relu(self) -> Self {
        self.map(|x| if x < 0.0 { 0.0 } else { x })
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const bf16) -> Self {
        // SAFETY: passed on.
        unsafe { from.cast::<[bf16; LANES]>().read() }.map(to_f32)
    }
    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut bf16) {
        // SAFETY: passed on.
        unsafe { to.cast::<[bf16; LANES]>().write(self.map(from_f32)) };
    }
    #[inline(always)]
    fn paired(self, other: Self) -> Self {
        let upper = |x: f32| u32::from(from_f32(x).to_bits());
        std::array::from_fn(|i| f32::from_bits(upper(self[i]) | upper(other[i]) << 16))
    }
}

/// A vector of AVX-512; `ROUNDS` where the machine has an instruction that rounds to bf16.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Vector512<const ROUNDS: bool>(__m512);

#[cfg(target_arch = "x86_64")]
impl<const ROUNDS: bool> Lanes for Vector512<ROUNDS> {
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: passed on.
        Self(unsafe { _mm512_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: passed on.
        Self(unsafe { _mm512_set1_ps(value) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: passed on.
        unsafe { _mm512_storeu_ps(to, self.0) };
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        // SAFETY: there is a value, so there is the instruction set; here and below.
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn times(self, factor: f32) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_mul_ps(self.0, _mm512_set1_ps(factor)) })
    }
    #[inline(always)]
    fn plus_product(self, a: Self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_fmadd_ps(a.0, b.0, self.0) })
    }
    #[inline(always)]
    fn plus_times(self, a: Self, factor: f32) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_fmadd_ps(a.0, _mm512_set1_ps(factor), self.0) })
    }
    #[inline(always)]
    fn relu(self) -> Self {
        // SAFETY: as above. Of a NaN and a number, the instruction returns its second operand.
        Self(unsafe { _mm512_max_ps(_mm512_setzero_ps(), self.0) })
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const bf16) -> Self {
        // SAFETY: passed on.
        let values = unsafe { _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast())) };
        // SAFETY: as above.
        Self(unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<16>(values)) })
    }
    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut bf16) {
        // SAFETY: passed on; with `ROUNDS` there is the instruction.
        unsafe {
            let rounded = match ROUNDS {
                true => mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(self.0)),
                false => _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(rounded_512(self.0))),
            };
            _mm256_storeu_si256(to.cast(), rounded);
        }
    }
    #[inline(always)]
    fn paired(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe {
            if ROUNDS {
                // These values in the lower half of the vector, the others in the upper one; then in turn.
                let halves = mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(other.0, self.0));
                let places = _mm512_loadu_si512(IN_TURN.as_ptr().cast());
                return Self(_mm512_castsi512_ps(_mm512_permutexvar_epi16(places, halves)));
            }
            let (lower, upper) = (_mm512_srli_epi32::<16>(rounded_512(self.0)), rounded_512(other.0));
            let upper = _mm512_and_si512(upper, _mm512_set1_epi32(UPPER_HALF));
            Self(_mm512_castsi512_ps(_mm512_or_si512(lower, upper)))
        }
    }
}

/// The places of two halves of sixteen, one of each in turn.
#[cfg(target_arch = "x86_64")]
const IN_TURN: [u16; 2 * LANES] = {
    let mut places = [0; 2 * LANES];
    let mut i = 0;
    while i < places.len() {
        places[i] = (i / 2 + i % 2 * LANES) as u16;
        i += 1;
    }
    places
};

/// The mask of the bits that make a bf16.
#[cfg(target_arch = "x86_64")]
const UPPER_HALF: i32 = -1 << 16;

/// The bits of values whose upper halves are rounded to bf16.
///
/// # Safety
/// The instruction set is available.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn rounded_512(x: __m512) -> __m512i {
    // SAFETY: passed on.
    unsafe {
        let bits = _mm512_castps_si512(x);
        let last = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
        _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), last)
    }
}

/// [`rounded_512`] of eight values.
///
/// # Safety
/// The instruction set is available.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn rounded_256(x: __m256) -> __m256i {
    // SAFETY: passed on.
    unsafe {
        let bits = _mm256_castps_si256(x);
        let last = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
        _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), last)
    }
}

// No closures here: they would be compiled without the instruction set.
#[cfg(target_arch = "x86_64")]
impl Lanes for [__m256; 2] {
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: passed on.
        unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))] }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: passed on.
        unsafe { [_mm256_set1_ps(value); 2] }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: passed on.
        unsafe {
            _mm256_storeu_ps(to, self[0]);
            _mm256_storeu_ps(to.add(8), self[1]);
        }
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        // SAFETY: there is a value, so there is the instruction set; here and below.
        unsafe { [_mm256_add_ps(self[0], other[0]), _mm256_add_ps(self[1], other[1])] }
    }
    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { [_mm256_sub_ps(self[0], other[0]), _mm256_sub_ps(self[1], other[1])] }
    }
    #[inline(always)]
    fn times(self, factor: f32) -> Self {
        // SAFETY: as above.
        unsafe {
            let factor = _mm256_set1_ps(factor);
            [_mm256_mul_ps(self[0], factor), _mm256_mul_ps(self[1], factor)]
        }
    }
    #[inline(always)]
    fn plus_product(self, a: Self, b: Self) -> Self {
        // SAFETY: as above.
        unsafe { [_mm256_fmadd_ps(a[0], b[0], self[0]), _mm256_fmadd_ps(a[1], b[1], self[1])] }
    }
    #[inline(always)]
    fn plus_times(self, a: Self, factor: f32) -> Self {
        // SAFETY: as above.
        self.plus_product(a, unsafe { [_mm256_set1_ps(factor); 2] })
    }
    #[inline(always)]
    fn relu(self) -> Self {
        // SAFETY: as above. Of a NaN and a number, the instruction returns its second operand.
        unsafe {
            let zero = _mm256_setzero_ps();
            [_mm256_max_ps(zero, self[0]), _mm256_max_ps(zero, self[1])]
        }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const bf16) -> Self {
        // SAFETY: passed on.
        unsafe {
            let (low, high) = (_mm_loadu_si128(from.cast()), _mm_loadu_si128(from.add(8).cast()));
            let (low, high) = (_mm256_cvtepu16_epi32(low), _mm256_cvtepu16_epi32(high));
            [_mm256_castsi256_ps(_mm256_slli_epi32::<16>(low)), _mm256_castsi256_ps(_mm256_slli_epi32::<16>(high))]
        }
    }
    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut bf16) {
        // SAFETY: passed on; as above.
        unsafe {
            let low = _mm256_srli_epi32::<16>(rounded_256(self[0]));
            let high = _mm256_srli_epi32::<16>(rounded_256(self[1]));
            // Packing works in halves of the vector; then the middle quarters change places.
            let packed = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi32(low, high));
            _mm256_storeu_si256(to.cast(), packed);
        }
    }
    #[inline(always)]
    fn paired(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { [paired_256(self[0], other[0]), paired_256(self[1], other[1])] }
    }
}

/// [`Lanes::paired`] of eight values.
///
/// # Safety
/// The instruction set is available.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn paired_256(x: __m256, other: __m256) -> __m256 {
    // SAFETY: passed on.
    unsafe {
        let (lower, upper) = (_mm256_srli_epi32::<16>(rounded_256(x)), rounded_256(other));
        _mm256_castsi256_ps(_mm256_or_si256(lower, _mm256_and_si256(upper, _mm256_set1_epi32(UPPER_HALF))))
    }
}

/// Defines `name(isa, arguments)` as the function `body::<L>(arguments)` over [`Lanes`], compiled as a whole for the instruction
/// set of `isa`: `body`, and all of its parts, are marked `#[inline(always)]`. Its further generic parameters stand in brackets, then
/// their names.
macro_rules! over_lanes {
    ($(#[$attribute:meta])* $visibility:vis unsafe fn $name:ident[$($generics:tt)*][$($names:tt)*]($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? = $body:ident;) => {
        $(#[$attribute])*
        $visibility unsafe fn $name<$($generics)*>(isa: $crate::arch::TileIsa, $($argument: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2<$($generics)*>($($argument: $type),*) $(-> $result)? {
                // SAFETY: passed on; the instruction set is available.
                unsafe { $body::<[std::arch::x86_64::__m256; 2], $($names)*>($($argument),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512bw,avx512dq")]
            unsafe fn avx512<$($generics)*>($($argument: $type),*) $(-> $result)? {
                // SAFETY: as above.
                unsafe { $body::<$crate::conv2d::lanes::Vector512<false>, $($names)*>($($argument),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512bw,avx512dq,avx512bf16")]
            unsafe fn avx512_bf16<$($generics)*>($($argument: $type),*) $(-> $result)? {
                // SAFETY: as above.
                unsafe { $body::<$crate::conv2d::lanes::Vector512<true>, $($names)*>($($argument),*) }
            }
            // SAFETY: passed on; an instruction set whose tiles are asked for is available.
            unsafe {
                #[cfg(target_arch = "x86_64")]
                if isa == $crate::arch::TileIsa::Bf16($crate::arch::Bf16Isa::Avx512Dot) {
                    return avx512_bf16::<$($names)*>($($argument),*);
                }
                match isa.vectors() {
                    #[cfg(target_arch = "x86_64")]
                    $crate::arch::Isa::Avx512 => avx512::<$($names)*>($($argument),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::arch::Isa::Avx2 => avx2::<$($names)*>($($argument),*),
                    _ => $body::<[f32; $crate::conv2d::lanes::LANES], $($names)*>($($argument),*),
                }
            }
        }
    };
}
pub(super) use over_lanes;
