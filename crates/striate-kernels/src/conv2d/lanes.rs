//! Sixteen neighbouring channels as one value: what transforms and depthwise convolutions are written in.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m512, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_mul_ps, _mm256_set1_ps,
    _mm256_setzero_ps, _mm256_storeu_ps, _mm256_sub_ps, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_max_ps,
    _mm512_mul_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps, _mm512_sub_ps,
};

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
    /// Zero for what is below; NaN stays.
    fn relu(self) -> Self;
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
    fn relu(self) -> Self {
        self.map(|x| if x < 0.0 { 0.0 } else { x })
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for __m512 {
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: passed on.
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: passed on.
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: passed on.
        unsafe { _mm512_storeu_ps(to, self) };
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        // SAFETY: there is a value, so there is the instruction set; here and below.
        unsafe { _mm512_add_ps(self, other) }
    }
    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_sub_ps(self, other) }
    }
    #[inline(always)]
    fn times(self, factor: f32) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_mul_ps(self, _mm512_set1_ps(factor)) }
    }
    #[inline(always)]
    fn plus_product(self, a: Self, b: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_fmadd_ps(a, b, self) }
    }
    #[inline(always)]
    fn relu(self) -> Self {
        // SAFETY: as above. Of a NaN and a number, the instruction returns its second operand.
        unsafe { _mm512_max_ps(_mm512_setzero_ps(), self) }
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
    fn relu(self) -> Self {
        // SAFETY: as above. Of a NaN and a number, the instruction returns its second operand.
        unsafe {
            let zero = _mm256_setzero_ps();
            [_mm256_max_ps(zero, self[0]), _mm256_max_ps(zero, self[1])]
        }
    }
}

/// Defines `name(isa, arguments)` as the function `body::<L>(arguments)` over [`Lanes`], compiled as a whole for the instruction
/// set of `isa`: `body`, and all of its parts, are marked `#[inline(always)]`. Constants of `body` stand in brackets.
macro_rules! over_lanes {
    ($(#[$attribute:meta])* $visibility:vis unsafe fn $name:ident[$($constant:ident: $kind:ty),*]($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? = $body:ident;) => {
        $(#[$attribute])*
        $visibility unsafe fn $name<$(const $constant: $kind),*>(isa: $crate::arch::TileIsa, $($argument: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2<$(const $constant: $kind),*>($($argument: $type),*) $(-> $result)? {
                // SAFETY: passed on; the instruction set is available.
                unsafe { $body::<[std::arch::x86_64::__m256; 2], $($constant),*>($($argument),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512bw,avx512dq")]
            unsafe fn avx512<$(const $constant: $kind),*>($($argument: $type),*) $(-> $result)? {
                // SAFETY: as above.
                unsafe { $body::<std::arch::x86_64::__m512, $($constant),*>($($argument),*) }
            }
            // SAFETY: passed on; an instruction set whose tiles are asked for is available.
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    $crate::arch::TileIsa::F32($crate::arch::Isa::Avx512) => avx512::<$($constant),*>($($argument),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::arch::TileIsa::F32($crate::arch::Isa::Avx2) => avx2::<$($constant),*>($($argument),*),
                    _ => $body::<[f32; $crate::conv2d::lanes::LANES], $($constant),*>($($argument),*),
                }
            }
        }
    };
}
pub(super) use over_lanes;
