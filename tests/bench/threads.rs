//! What two threads gain over one, beside what this machine can gain: two runs of one thread each at the
//! same time. Fastest of many runs, since other work on the machine only ever adds time.
#![allow(missing_docs, clippy::unwrap_used)]

use std::borrow::Cow;
use std::thread;
use std::time::Instant;

use srt::container::Bound;
use srt::frame::code_at_step;
use srt::options::pool;
use srt::volume::Values;
use srt::volume::io::Input;
use srt::{Decoder, EncodeOptions, Model};
use srt::{VolumeView, encode_with_report};

#[path = "../common/mirror.rs"]
mod mirror;

/// Seconds of the fastest of `runs`.
fn fastest(runs: usize, mut work: impl FnMut()) -> f64 {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    (0..runs).map(time).fold(f64::INFINITY, f64::min)
}

/// One line of the table: `work` is given a number of threads, 1 or 2.
fn line(name: &str, bytes: usize, runs: usize, work: impl Fn(usize) + Sync) -> f64 {
    let one = fastest(runs, || work(1));
    let two = fastest(runs, || work(2));
    let beside = fastest(runs, || {
        thread::scope(|scope| {
            scope.spawn(|| work(1));
            work(1);
        });
    });
    println!(
        "{name:<34}{:>8.1} ms{:>8.0} MB/s{:>8.2}x{:>8.2}x",
        one * 1e3,
        bytes as f64 / one / 1e6,
        one / two,
        2.0 * one / beside
    );
    one
}

fn main() {
    let argument = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let (name, shape, field) = match argument {
        Some(path) => {
            let input = Input::open(&path, None, None).unwrap();
            let field = input.as_f32().unwrap().to_vec();
            (path, input.shape(), field)
        }
        None => {
            let (shape, field) = mirror::sample_128();
            ("the sample, mirrored".into(), shape, field)
        }
    };
    let values = Values::F32(Cow::Borrowed(&field));
    println!(
        "{shape} of {name}, 40 dB\n{:<34}{:>11}{:>13}{:>9}{:>9}",
        "", "1 thread", "", "2", "limit"
    );
    let bytes = 4 * field.len();
    for (label, model, runs) in [("none", Model::None, 60), ("default", Model::Default, 10)] {
        let options = |threads| {
            EncodeOptions::new(Bound::Psnr(40.0))
                .with_model(model.clone())
                .with_threads(threads)
        };
        let encode = |threads| {
            encode_with_report(
                VolumeView::new(shape, &values).unwrap(),
                &options(threads),
                Vec::new(),
            )
            .unwrap()
            .0
        };
        let file = encode(2);
        let step = step_of(file.len() as u64, |step| {
            code_at_step(shape, &values, &options(2), step).unwrap()
        });
        let pass = line(
            &format!("{label}: encode at a fixed step"),
            bytes,
            runs,
            |threads| {
                code_at_step(shape, &values, &options(threads), step).unwrap();
            },
        );
        let search = line(
            &format!("{label}: encode --psnr 40"),
            bytes,
            runs / 5,
            |threads| {
                encode(threads);
            },
        );
        line(&format!("{label}: decode"), bytes, runs, |threads| {
            let decoder = Decoder::new(&file).unwrap();
            pool(Some(threads))
                .unwrap()
                .install(|| decoder.frame_at(0).and_then(|frame| frame.read_any()))
                .unwrap();
        });
        println!(
            "{label}: a search takes as long as {:.1} passes",
            search / pass
        );
    }
}

/// The step at which a pass makes about `bytes`.
fn step_of(bytes: u64, pass: impl Fn(f64) -> u64) -> f64 {
    let (mut fine, mut coarse) = (1e-4f64, 1e2f64);
    for _ in 0..12 {
        let step = (fine * coarse).sqrt();
        let side = if pass(step) > bytes {
            &mut fine
        } else {
            &mut coarse
        };
        *side = step;
    }
    (fine * coarse).sqrt()
}
