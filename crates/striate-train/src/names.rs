//! Enumerations with the names of the command line.

/// Gives an enumeration `NAMES`, `Display` and `FromStr`; an unknown name is answered with those there are.
macro_rules! names {
    ($kind:ty, $what:literal, $($variant:ident = $name:literal),+ $(,)?) => {
        impl $kind {
            /// All names, as on the command line.
            pub const NAMES: &'static [&'static str] = &[$($name),+];
        }
        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$variant => $name),+ })
            }
        }
        impl std::str::FromStr for $kind {
            type Err = String;
            fn from_str(name: &str) -> Result<Self, String> {
                match name {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(format!("there is no {} '{name}'; there are {}", $what, Self::NAMES.join(", "))),
                }
            }
        }
    };
}
pub(crate) use names;
