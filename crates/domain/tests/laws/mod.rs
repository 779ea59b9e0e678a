//! Laws that hold for any input at all.
