//! Vision models built from striate-nn
