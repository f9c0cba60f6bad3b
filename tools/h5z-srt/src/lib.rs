//! The filter srt for HDF5 and netCDF-4: one library that links no libhdf5 and works with every one.
//!
//! | file | job |
//! |---|---|
//! | `border` | what HDF5 calls; nothing unwinds into it |
//! | `caller` | the libhdf5 that calls: its functions, its stack of errors |
//! | `chunk` | what a chunk is, in the numbers that are stored with a dataset |
//! | `coding` | bytes of a chunk to a file and back |
//! | `shim.c` | where a call comes from |

mod border;
mod caller;
mod chunk;
mod coding;

pub use border::{
    FilterClass, H5PLget_plugin_info, H5PLget_plugin_type, h5zsrt_check, h5zsrt_filter,
    h5zsrt_localise,
};
