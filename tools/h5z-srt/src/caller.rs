//! The libhdf5 that calls: its functions, its stack of errors.
//!
//! A process may have several (h5py and netCDF4 bring one each), loaded so that their names are no one else's. The one that calls is known
//! by the address that the call returns to.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::mem::MaybeUninit;

use srt::{ByteOrder, Dtype, Element, Error, Result, dtype_dispatch};

use crate::chunk::{Chunk, MOST_WORDS, asked};
use srt_h5_params::FILTER_ID;

/// Most axes of an HDF5 dataset.
const MOST_AXES: usize = 32;
/// `H5T_FLOAT` of `H5T_class_t`.
const CLASS_FLOAT: c_int = 1;
/// `H5T_INTEGER` of the same.
const CLASS_INTEGER: c_int = 0;
/// `H5T_SGN_NONE` and `H5T_SGN_2` of `H5T_sign_t`.
const UNSIGNED: c_int = 0;
const SIGNED: c_int = 1;
/// `H5T_ORDER_LE`, `H5T_ORDER_BE`.
const LITTLE_ENDIAN: c_int = 0;
const BIG_ENDIAN: c_int = 1;
/// `H5D_FILL_VALUE_USER_DEFINED`.
const FILL_BY_USER: c_int = 2;

type GetOfType = unsafe extern "C" fn(i64) -> c_int;
type GetSize = unsafe extern "C" fn(i64) -> usize;
type GetFields =
    unsafe extern "C" fn(i64, *mut usize, *mut usize, *mut usize, *mut usize, *mut usize) -> c_int;
type GetChunk = unsafe extern "C" fn(i64, c_int, *mut u64) -> c_int;
type FillDefined = unsafe extern "C" fn(i64, *mut c_int) -> c_int;
type GetFill = unsafe extern "C" fn(i64, i64, *mut c_void) -> c_int;
type GetFilter = unsafe extern "C" fn(
    i64,
    c_int,
    *mut c_uint,
    *mut usize,
    *mut c_uint,
    usize,
    *mut c_char,
    *mut c_uint,
) -> c_int;
type ModifyFilter = unsafe extern "C" fn(i64, c_int, c_uint, usize, *const c_uint) -> c_int;
type Push = unsafe extern "C" fn(
    i64,
    *const c_char,
    *const c_char,
    c_uint,
    i64,
    i64,
    i64,
    *const c_char,
    ...
) -> c_int;

/// The library that calls; it stays loaded for as long as its call lasts.
pub(crate) struct Caller {
    handle: *mut c_void,
}

impl Drop for Caller {
    fn drop(&mut self) {
        // SAFETY: `dlopen` gave the handle, and this is the only place that gives it back.
        unsafe { libc::dlclose(self.handle) };
    }
}

impl Caller {
    /// The library in which an address lies.
    pub(crate) fn at(address: *const c_void) -> Result<Self> {
        let mut found = MaybeUninit::<libc::Dl_info>::uninit();
        // SAFETY: `dladdr` takes any address and fills in what it returns other than 0 for.
        let name = unsafe {
            if libc::dladdr(address, found.as_mut_ptr()) == 0 {
                std::ptr::null()
            } else {
                found.assume_init().dli_fname
            }
        };
        if name.is_null() {
            return Err(Error::unsupported(
                "the HDF5 library that calls is not known",
            ));
        }
        let flags = libc::RTLD_LAZY | libc::RTLD_NOLOAD;
        // SAFETY: a name that the loader has given; nothing is loaded. A program that HDF5 is linked into has no name to
        // open it by: null stands for that.
        let handle = unsafe {
            let handle = libc::dlopen(name, flags);
            if handle.is_null() {
                libc::dlopen(std::ptr::null(), flags)
            } else {
                handle
            }
        };
        if handle.is_null() {
            return Err(Error::unsupported(
                "the HDF5 library that calls cannot be asked",
            ));
        }
        Ok(Self { handle })
    }

    fn symbol(&self, name: &CStr) -> Result<*mut c_void> {
        // SAFETY: an open handle and a name that ends with a zero.
        let found = unsafe { libc::dlsym(self.handle, name.as_ptr()) };
        if found.is_null() {
            let name = name.to_string_lossy();
            return Err(Error::unsupported(format!(
                "the HDF5 library that calls has no {name}"
            )));
        }
        Ok(found)
    }

    /// One of its functions.
    ///
    /// # Safety
    /// `F` is the type of that function, by the documentation of HDF5.
    unsafe fn function<F: Copy>(&self, name: &CStr) -> Result<F> {
        const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
        let found = self.symbol(name)?;
        // SAFETY: a pointer to a function, not null, of the type that the caller promises.
        Ok(unsafe { std::mem::transmute_copy::<*mut c_void, F>(&found) })
    }

    /// What chunks of a dataset that is made with `dcpl` and of `kind` are.
    pub(crate) fn chunk(&self, dcpl: i64, kind: i64) -> Result<Chunk> {
        let (dtype, order) = self.dtype(kind)?;
        Ok(Chunk {
            dtype,
            order,
            shape: self.shape(dcpl)?,
            fill: self.fill(dcpl, kind, (dtype, order))?,
            params: asked(&self.words(dcpl)?.1)?,
        })
    }

    /// A type, where it is one of IEEE's or an integer that fills its bytes: there are others of the same size.
    fn dtype(&self, kind: i64) -> Result<(Dtype, ByteOrder)> {
        // SAFETY: functions of HDF5 by their documentation.
        let (class, size, order) = unsafe {
            (
                self.function::<GetOfType>(c"H5Tget_class")?(kind),
                self.function::<GetSize>(c"H5Tget_size")?(kind),
                self.function::<GetOfType>(c"H5Tget_order")?(kind),
            )
        };
        let dtype = match class {
            CLASS_FLOAT => self.float(kind, size)?,
            CLASS_INTEGER => self.integer(kind, size)?,
            _ => {
                return Err(Error::invalid(
                    "floats or integers expected, another type found",
                ));
            }
        };
        let order = match order {
            LITTLE_ENDIAN => ByteOrder::Little,
            BIG_ENDIAN => ByteOrder::Big,
            _ => return Err(Error::invalid("little or big endian values expected")),
        };
        Ok((dtype, order))
    }

    fn float(&self, kind: i64, size: usize) -> Result<Dtype> {
        let (mut sign, mut exponent, mut exponent_bits, mut mantissa, mut mantissa_bits) =
            (0usize, 0usize, 0usize, 0usize, 0usize);
        // SAFETY: a function of HDF5 by its documentation, and numbers that are there.
        let fields = unsafe {
            self.function::<GetFields>(c"H5Tget_fields")?(
                kind,
                &raw mut sign,
                &raw mut exponent,
                &raw mut exponent_bits,
                &raw mut mantissa,
                &raw mut mantissa_bits,
            )
        };
        if fields < 0 {
            return Err(Error::invalid("a type without fields"));
        }
        let layout = (sign, exponent, exponent_bits, mantissa, mantissa_bits);
        match (size, layout) {
            (2, (15, 10, 5, 0, 10)) => Ok(Dtype::F16),
            (4, (31, 23, 8, 0, 23)) => Ok(Dtype::F32),
            (8, (63, 52, 11, 0, 52)) => Ok(Dtype::F64),
            _ => Err(Error::invalid(format!(
                "floats of IEEE 754 of 2, 4 or 8 bytes expected, others of {size} found"
            ))),
        }
    }

    fn integer(&self, kind: i64, size: usize) -> Result<Dtype> {
        // SAFETY: functions of HDF5 by their documentation.
        let (sign, bits) = unsafe {
            (
                self.function::<GetOfType>(c"H5Tget_sign")?(kind),
                self.function::<GetSize>(c"H5Tget_precision")?(kind),
            )
        };
        match (size, sign) {
            _ if bits != 8 * size => Err(Error::invalid(format!(
                "integers of all bits of their bytes expected, of {bits} in {size} found"
            ))),
            (1, UNSIGNED) => Ok(Dtype::U8),
            (1, SIGNED) => Ok(Dtype::I8),
            (2, UNSIGNED) => Ok(Dtype::U16),
            (2, SIGNED) => Ok(Dtype::I16),
            (4, UNSIGNED) => Ok(Dtype::U32),
            (4, SIGNED) => Ok(Dtype::I32),
            _ => Err(Error::invalid(format!(
                "integers of up to 4 bytes expected, of {size} found"
            ))),
        }
    }

    fn shape(&self, dcpl: i64) -> Result<srt::Shape> {
        let mut extents = [0u64; MOST_AXES];
        // SAFETY: a function of HDF5 by its documentation; no dataset has more axes.
        let rank = unsafe {
            let get = self.function::<GetChunk>(c"H5Pget_chunk")?;
            get(dcpl, MOST_AXES as c_int, extents.as_mut_ptr())
        };
        let rank = usize::try_from(rank).unwrap_or_default();
        let missing = || Error::invalid("a dataset in chunks expected");
        Chunk::shape(extents.get(..rank).ok_or_else(missing)?)
    }

    /// The fill value that a user has given.
    fn fill(
        &self,
        dcpl: i64,
        kind: i64,
        (dtype, order): (Dtype, ByteOrder),
    ) -> Result<Option<f64>> {
        let mut defined = 0;
        let mut bytes = [0u8; 8];
        // SAFETY: functions of HDF5 by their documentation; values of the type take 8 bytes at most.
        let done = unsafe {
            self.function::<FillDefined>(c"H5Pfill_value_defined")?(dcpl, &raw mut defined);
            if defined != FILL_BY_USER {
                return Ok(None);
            }
            self.function::<GetFill>(c"H5Pget_fill_value")?(dcpl, kind, bytes.as_mut_ptr().cast())
        };
        if done < 0 {
            return Err(Error::invalid("a fill value that is none"));
        }
        // The value stands first; what is behind it is 0.
        let bits = match order {
            ByteOrder::Little => u64::from_le_bytes(bytes),
            ByteOrder::Big => u64::from_be_bytes(bytes) >> (64 - 8 * dtype.size()),
        };
        let value = dtype_dispatch!(dtype, E => E::from_bits64(bits).to_f64());
        Ok(Some(value))
    }

    /// Flags and numbers of the filter.
    fn words(&self, dcpl: i64) -> Result<(c_uint, Vec<c_uint>)> {
        let (mut flags, mut config) = (0, 0);
        let mut words = [0; MOST_WORDS];
        let mut count = words.len();
        // SAFETY: a function of HDF5 by its documentation; there is room for `count` numbers and for no name.
        let done = unsafe {
            self.function::<GetFilter>(c"H5Pget_filter_by_id2")?(
                dcpl,
                FILTER_ID,
                &raw mut flags,
                &raw mut count,
                words.as_mut_ptr(),
                0,
                std::ptr::null_mut(),
                &raw mut config,
            )
        };
        let missing = || Error::invalid("numbers of the filter expected: see srt h5-params");
        if done < 0 {
            return Err(missing());
        }
        Ok((flags, words.get(..count).ok_or_else(missing)?.to_vec()))
    }

    /// Stores what chunks are beside what the user has asked for.
    pub(crate) fn store(&self, dcpl: i64, chunk: &Chunk) -> Result<()> {
        let (flags, _) = self.words(dcpl)?;
        let words = chunk.words();
        // SAFETY: a function of HDF5 by its documentation, and numbers that are there.
        let done = unsafe {
            let modify = self.function::<ModifyFilter>(c"H5Pmodify_filter")?;
            modify(dcpl, FILTER_ID, flags, words.len(), words.as_ptr())
        };
        if done < 0 {
            return Err(Error::invalid("the filter's numbers cannot be stored"));
        }
        Ok(())
    }

    /// Tells HDF5 what is wrong, which shows it to the user.
    pub(crate) fn tell(&self, error: &Error) -> Result<()> {
        let text = format!("srt: {error}").replace('\0', "");
        let text = CString::new(text).unwrap_or_default();
        let number = |name: &CStr| {
            let found = self.symbol(name)?.cast::<i64>();
            // SAFETY: a variable of HDF5 of the type `hid_t`, by its documentation.
            Ok::<i64, Error>(unsafe { found.read() })
        };
        let class = number(c"H5E_ERR_CLS_g")?;
        let (major, minor) = (number(c"H5E_PLINE_g")?, number(c"H5E_CANTFILTER_g")?);
        // SAFETY: a function of HDF5 by its documentation; the text takes the place of the one `%s`.
        unsafe {
            let push = self.function::<Push>(c"H5Epush2")?;
            let (file, name) = (c"h5z-srt".as_ptr(), c"srt".as_ptr());
            push(
                0,
                file,
                name,
                0,
                class,
                major,
                minor,
                c"%s".as_ptr(),
                text.as_ptr(),
            );
        }
        Ok(())
    }
}
