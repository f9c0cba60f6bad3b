//! Checks of the CUDA kernels.
//!
//! | module | job |
//! |---|---|
//! | [`emulator`] | the kernels on the host, thread by thread: for machines without a GPU |
//! | [`cases`] | networks, inputs and the comparison with the CPU, for emulator and GPU |
//! | [`levels`] | the same for the inverse wavelet and residuals |
//! | [`report`] | what the compiler says about the kernels |
//! | [`gpu`] | the checks and the benchmark on a GPU |

pub mod cases;
pub mod emulator;
pub mod gpu;
pub mod levels;
pub mod report;
