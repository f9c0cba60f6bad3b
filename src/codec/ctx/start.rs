//! Start values of the adaptive tables.

use super::model::{BINS, SIGNS, Start, UNARY};

pub(super) static START: Start = Start {
    magnitude: [[(1 << 15, 0); UNARY]; BINS],
    sign: [[(1 << 15, 0); SIGNS]; 8],
};
