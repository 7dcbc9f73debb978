//! The road to deep learning for visual recognition, as software you run
