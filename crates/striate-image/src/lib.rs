//! Image processing on ndarray views
