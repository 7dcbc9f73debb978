//! The number types of files, and what becomes of them here.

use std::fmt;

use striate_tensor::Tensor;

/// How numbers are stored in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoredType {
    /// 64-bit float.
    F64,
    /// 32-bit float.
    F32,
    /// 16-bit float with 5 bits of exponent; read as f32, exactly.
    F16,
    /// 16-bit float with 8 bits of exponent; read as f32, exactly.
    Bf16,
    /// 64-bit integer.
    I64,
    /// 32-bit integer; read as i64, as are all integers but u8.
    I32,
    /// 16-bit integer.
    I16,
    /// 8-bit integer.
    I8,
    /// 32-bit integer without sign.
    U32,
    /// 16-bit integer without sign.
    U16,
    /// 8-bit integer without sign.
    U8,
    /// True or false, one byte each.
    Bool,
}

impl StoredType {
    const ALL: [Self; 12] = [
        Self::F64,
        Self::F32,
        Self::F16,
        Self::Bf16,
        Self::I64,
        Self::I32,
        Self::I16,
        Self::I8,
        Self::U32,
        Self::U16,
        Self::U8,
        Self::Bool,
    ];

    /// Bytes of one number.
    pub const fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// Its name here, as `bf16`; in PyTorch, as `bfloat16`; and in the names of PyTorch's storages, as `BFloat16`.
    const fn names(self) -> [&'static str; 3] {
        match self {
            Self::F64 => ["f64", "float64", "Double"],
            Self::F32 => ["f32", "float32", "Float"],
            Self::F16 => ["f16", "float16", "Half"],
            Self::Bf16 => ["bf16", "bfloat16", "BFloat16"],
            Self::I64 => ["i64", "int64", "Long"],
            Self::I32 => ["i32", "int32", "Int"],
            Self::I16 => ["i16", "int16", "Short"],
            Self::I8 => ["i8", "int8", "Char"],
            Self::U32 => ["u32", "uint32", "UInt32"],
            Self::U16 => ["u16", "uint16", "UInt16"],
            Self::U8 => ["u8", "uint8", "Byte"],
            Self::Bool => ["bool", "bool", "Bool"],
        }
    }

    pub(super) fn of_torch(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|own| own.names()[1] == name)
    }

    pub(super) fn of_storage(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|own| own.names()[2] == name)
    }

    /// As safetensors spells it: the name here in capitals.
    pub(super) fn of_safetensors(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|own| own.names()[0].eq_ignore_ascii_case(name))
    }

    /// The tensor whose numbers these little-endian bytes are, in order. They are as many as the shape needs.
    pub(super) fn tensor(self, bytes: &[u8], shape: &[usize]) -> Tensor {
        macro_rules! numbers {
            ($stored:ty => $read:expr) => {{
                let (words, _) = bytes.as_chunks();
                Tensor::from_vec(words.iter().map(|word| $read(<$stored>::from_le_bytes(*word))).collect(), shape)
            }};
        }
        match self {
            Self::F64 => numbers!(f64 => f64::from),
            Self::F32 => numbers!(f32 => f32::from),
            Self::F16 => numbers!(u16 => f16_to_f32),
            Self::Bf16 => numbers!(u16 => |bits| f32::from_bits(u32::from(bits) << 16)),
            Self::I64 => numbers!(i64 => i64::from),
            Self::I32 => numbers!(i32 => i64::from),
            Self::I16 => numbers!(i16 => i64::from),
            Self::I8 => numbers!(i8 => i64::from),
            Self::U32 => numbers!(u32 => i64::from),
            Self::U16 => numbers!(u16 => i64::from),
            Self::U8 => Tensor::from_slice(bytes, shape),
            Self::Bool => Tensor::from_vec(bytes.iter().map(|&byte| byte != 0).collect::<Vec<bool>>(), shape),
        }
    }
}

impl fmt::Display for StoredType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.names()[0])
    }
}

/// The value of an IEEE 754 half-precision number. Every one is an f32 too.
fn f16_to_f32(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), bits & 0x3ff);
    match exponent {
        0 => sign * f32::from(fraction) * 2f32.powi(-24),
        31 if fraction == 0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * f32::from(fraction | 0x400) * 2f32.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_floats() {
        let table = [
            (0x0000, 0.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x3c00, 1.0),
            (0x3555, 0.333_251_95),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0xfc00, f32::NEG_INFINITY),
        ];
        for (bits, value) in table {
            assert_eq!(f16_to_f32(bits), value, "{bits:#06x}");
        }
        assert!(f16_to_f32(0x8000).is_sign_negative());
        assert!(f16_to_f32(0x7e00).is_nan());
    }
}
