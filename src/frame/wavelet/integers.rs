//! Quantised coefficients at rest: most fit a byte.

/// Integers in the narrowest type that holds all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Integers {
    Bytes(Vec<i8>),
    Shorts(Vec<i16>),
    Words(Vec<i32>),
}

impl Integers {
    /// Packs `values`.
    pub(crate) fn pack(values: Vec<i32>) -> Self {
        let largest = values.iter().fold(0, |m, v| m.max(v.unsigned_abs()));
        // Narrowing cannot lose anything: the largest magnitude fits.
        if largest <= i8::MAX as u32 {
            Self::Bytes(values.iter().map(|&v| v as i8).collect())
        } else if largest <= i16::MAX as u32 {
            Self::Shorts(values.iter().map(|&v| v as i16).collect())
        } else {
            Self::Words(values)
        }
    }

    /// The values again.
    pub(crate) fn unpack(&self) -> Vec<i32> {
        match self {
            Self::Bytes(values) => values.iter().map(|&v| i32::from(v)).collect(),
            Self::Shorts(values) => values.iter().map(|&v| i32::from(v)).collect(),
            Self::Words(values) => values.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_keeps_every_value() {
        for largest in [0, 1, 127, 128, 32767, 32768, (1 << 24) - 1] {
            for values in [vec![0, -largest, 1], vec![largest, 0, -1], Vec::new()] {
                let packed = Integers::pack(values.clone());
                assert_eq!(packed.unpack(), values);
            }
        }
        assert!(matches!(Integers::pack(vec![-127]), Integers::Bytes(_)));
        assert!(matches!(Integers::pack(vec![-128]), Integers::Shorts(_)));
    }
}
