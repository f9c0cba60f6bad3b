//! Start values of the adaptive tables.

use super::model::{BINS, ESCAPE_GROUP, EXPONENTS, SIGNS, Start, UNARY};

pub(super) static START: Start = Start {
    magnitude: [[(1 << 15, 0); UNARY]; BINS],
    escape: [[(1 << 15, 0); EXPONENTS]; BINS / ESCAPE_GROUP],
    sign: [[(1 << 15, 0); SIGNS]; 8],
};
