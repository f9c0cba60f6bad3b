//! Fits the start of one adaptive bit to its counts in many bricks.
//!
//! An adaptive estimate that starts at `p` with the trust of `s` bits codes a brick about as well as
//! a Beta prior of mean `p` and weight `s` predicts it, so `p` and `s` are chosen by the likelihood
//! of the counts under the Beta-binomial distribution.

/// Trusts to choose from.
const TRUSTS: [u8; 12] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128];
/// Counts beyond this say nothing about the start: the estimate has adapted by then.
const HORIZON: u32 = 200;

/// The best start: probability of a one in 1/65536, and trust.
pub(crate) fn start(counts: &[[u32; 2]]) -> (u16, u8) {
    let counts: Vec<[f64; 2]> = counts
        .iter()
        .filter(|[zeros, ones]| zeros + ones > 0)
        .map(|&[zeros, ones]| {
            let scale = f64::from(HORIZON) / f64::from((zeros + ones).max(HORIZON));
            [f64::from(zeros) * scale, f64::from(ones) * scale]
        })
        .collect();
    let total = counts
        .iter()
        .fold([0.5, 0.5], |t, c| [t[0] + c[0], t[1] + c[1]]);
    let mean = total[1] / (total[0] + total[1]);
    let candidates = (-6..=6).map(|k| {
        let odds = mean / (1.0 - mean) * 1.3f64.powi(k);
        odds / (1.0 + odds)
    });
    let mut best = (f64::NEG_INFINITY, (1 << 15, 0));
    for p in candidates {
        for trust in TRUSTS {
            let weight = f64::from(trust);
            let score: f64 = counts
                .iter()
                .map(|&[n0, n1]| log_likelihood(n0, n1, p, weight))
                .sum();
            if score > best.0 {
                best = (
                    score,
                    ((p * 65536.0).round().clamp(24.0, 65512.0) as u16, trust),
                );
            }
        }
    }
    best.1
}

fn log_likelihood(zeros: f64, ones: f64, p: f64, weight: f64) -> f64 {
    let (a, b) = (p * weight, (1.0 - p) * weight);
    let beta = |a: f64, b: f64| ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
    beta(a + ones, b + zeros) - beta(a, b)
}

/// Stirling's series after shifting the argument above 8.
fn ln_gamma(x: f64) -> f64 {
    let mut x = x;
    let mut shift = 0.0;
    while x < 8.0 {
        shift += x.ln();
        x += 1.0;
    }
    let r = 1.0 / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + r / 12.0
        - r.powi(3) / 360.0
        - shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_counts_earn_trust_and_scattered_ones_do_not() {
        let steady = start(&[[90, 10]; 20]);
        assert!(
            (i32::from(steady.0) - 6554).abs() < 700 && steady.1 >= 64,
            "{steady:?}"
        );
        let scattered: Vec<[u32; 2]> = (0..20)
            .map(|i| if i % 2 == 0 { [95, 5] } else { [5, 95] })
            .collect();
        assert!(start(&scattered).1 <= 3);
        assert_eq!(start(&[]), (32768, 1));
    }

    #[test]
    fn ln_gamma_of_integers() {
        assert!((ln_gamma(5.0) - 24f64.ln()).abs() < 1e-9);
        assert!(ln_gamma(0.5).exp().powi(2) - std::f64::consts::PI < 1e-6);
    }
}
