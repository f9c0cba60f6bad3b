//! Round trips through every layout of file, and files that are not what they say.

use std::fs;
use std::io::Write;
use std::path::Path;

use half::f16;
use proptest::prelude::*;

use super::*;
use crate::base::dtype::{ByteOrder, Dtype, Element};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::grid::Shape;
use crate::base::limits::Limits;
use crate::volume::io::npy;

/// A `.npy` file as numpy would write it in any version, order and byte order.
fn npy_file<T: Element>(
    version: u8,
    order: ByteOrder,
    fortran: bool,
    extents: &[usize],
    c_order: &[T],
) -> Vec<u8> {
    let descr = format!(
        "{}f{}",
        if order == ByteOrder::Little { '<' } else { '>' },
        T::DTYPE.size()
    );
    let shape: String = extents.iter().map(|n| format!("{n}, ")).collect();
    let dict = format!(
        "{{'descr': '{descr}', 'fortran_order': {}, 'shape': ({shape}), }}",
        if fortran { "True" } else { "False" }
    );
    let mut file = with_header(version, &dict);
    let values = match fortran {
        true => to_fortran(extents, c_order),
        false => c_order.to_vec(),
    };
    let size = T::DTYPE.size();
    let mut bytes = Vec::new();
    T::encode_le(&values, &mut bytes);
    if order == ByteOrder::Big {
        bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
    file.extend_from_slice(&bytes);
    file
}

fn with_header(version: u8, dict: &str) -> Vec<u8> {
    let start = if version == 1 { 10 } else { 12 };
    let len = (start + dict.len() + 1).next_multiple_of(64) - start;
    let mut file = npy::MAGIC.to_vec();
    file.extend_from_slice(&[version, 0]);
    match version {
        1 => file.extend_from_slice(&(len as u16).to_le_bytes()),
        _ => file.extend_from_slice(&(len as u32).to_le_bytes()),
    }
    file.extend_from_slice(dict.as_bytes());
    file.resize(start + len - 1, b' ');
    file.push(b'\n');
    file
}

/// The definition of Fortran order, one index at a time.
fn to_fortran<T: Copy>(extents: &[usize], c_order: &[T]) -> Vec<T> {
    let mut out = c_order.to_vec();
    for (i, &value) in c_order.iter().enumerate() {
        let (mut rest, mut stride, mut at) = (i, c_order.len(), 0);
        for &n in extents.iter().rev() {
            stride /= n;
            at += rest % n * stride;
            rest /= n;
        }
        out[at] = value;
    }
    out
}

fn read(bytes: &[u8]) -> Result<Input> {
    Input::from_reader(bytes, None, None, &Limits::default())
}

fn kind_of(bytes: &[u8]) -> (ErrorKind, String) {
    let error = read(bytes).expect_err("must not be read");
    (error.kind(), error.to_string())
}

fn check_round_trip<T: Element>(
    version: u8,
    order: ByteOrder,
    fortran: bool,
    extents: &[usize],
    values: &[T],
) {
    let bytes = npy_file(version, order, fortran, extents, values);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("field.dat");
    fs::write(&path, &bytes).unwrap();
    for input in [
        read(&bytes).unwrap(),
        Input::open(&path, None, None).unwrap(),
    ] {
        assert_eq!(input.shape(), Shape::new(extents).unwrap());
        assert_eq!(input.dtype(), T::DTYPE);
        assert_eq!(&*input.as_slice::<T>().unwrap(), values);
    }
    // An independent reader agrees about our file.
    let mut ours = Vec::new();
    write_npy(&mut ours, Shape::new(extents).unwrap(), values).unwrap();
    let theirs = npyz::NpyFile::new(&ours[..]).unwrap();
    let shape: Vec<u64> = extents.iter().map(|&n| n as u64).collect();
    assert_eq!(theirs.shape(), shape);
    assert_eq!(&*read(&ours).unwrap().as_slice::<T>().unwrap(), values);
}

fn layouts() -> impl Strategy<Value = (u8, ByteOrder, bool)> {
    (
        1u8..=3,
        prop_oneof![Just(ByteOrder::Little), Just(ByteOrder::Big)],
        any::<bool>(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_layout_reads_back(
        (version, order, fortran) in layouts(),
        extents in prop::collection::vec(1usize..=40, 2..=3),
        seed in any::<u32>(),
    ) {
        let len: usize = extents.iter().product();
        let value = |i: usize| f64::from(seed.wrapping_mul(2_654_435_761).wrapping_add(i as u32) % 2001) - 1000.0;
        let f64s: Vec<f64> = (0..len).map(value).collect();
        let f32s: Vec<f32> = f64s.iter().map(|&v| v as f32).collect();
        let f16s: Vec<f16> = f64s.iter().map(|&v| f16::from_f64(v)).collect();
        check_round_trip(version, order, fortran, &extents, &f64s);
        check_round_trip(version, order, fortran, &extents, &f32s);
        check_round_trip(version, order, fortran, &extents, &f16s);
    }

    #[test]
    fn damaged_headers_err_and_never_panic(
        (version, order, fortran) in layouts(),
        flips in prop::collection::vec((0usize..140, any::<u8>()), 1..8),
        cut in 0usize..200,
    ) {
        let mut bytes = npy_file(version, order, fortran, &[2, 3], &[1.0f32; 6]);
        for (at, byte) in flips {
            bytes[at] = byte;
        }
        let _ = read(&bytes).map(|input| input.to_volume());
        bytes.truncate(cut);
        let _ = read(&bytes).map(|input| input.to_volume());
    }

    #[test]
    fn any_text_as_header_errs_or_reads(text in "[\\[\\](){}'\":, 0-9a-zA-Z<>_\\\\-]{0,80}") {
        let _ = read(&with_header(1, &text));
        let _ = read(&with_header(1, &format!("{{'descr': '<f4', 'shape': {text}, }}")));
    }
}

#[test]
fn every_prefix_is_truncated() {
    let bytes = npy_file(1, ByteOrder::Little, false, &[2, 3], &[1.0f32; 6]);
    for len in npy::MAGIC.len()..bytes.len() {
        assert_eq!(kind_of(&bytes[..len]).0, ErrorKind::Truncated, "{len}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(kind_of(&longer).0, ErrorKind::Corrupt);
}

#[test]
fn hostile_headers_err_at_once() {
    for open in ["(", "[", "{", "{'a':", "{{'shape':("] {
        let text = open.repeat(20_000 / open.len());
        assert_ne!(kind_of(&with_header(1, &text)).0, ErrorKind::Io);
    }
    // Lengths and shapes that nothing backs.
    let mut long = npy::MAGIC.to_vec();
    long.extend_from_slice(&[2, 0, 0xff, 0xff, 0xff, 0xff, b'{']);
    assert_eq!(kind_of(&long).0, ErrorKind::Unsupported);
    let huge = |shape: &str| {
        let dict = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
        kind_of(&with_header(1, &dict)).0
    };
    assert_eq!(huge("(65536, 65536, 65536)"), ErrorKind::LimitExceeded);
    assert_eq!(huge("(65536, 65536)"), ErrorKind::Truncated);
    assert_eq!(
        huge("(4294967295, 4294967295, 4294967295)"),
        ErrorKind::InvalidArgument
    );
    assert_eq!(huge("(99999999999999999999999, 2)"), ErrorKind::Corrupt);
    assert_eq!(huge("(-2, 2)"), ErrorKind::Corrupt);
    assert_eq!(huge("(0, 2)"), ErrorKind::InvalidArgument);
}

#[test]
fn other_types_and_ranks_are_named() {
    let found = |descr: &str, shape: &str| {
        let dict = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}");
        kind_of(&with_header(1, &dict))
    };
    for (descr, word) in [
        ("'<i8'", "integers of more than 32 bits"),
        ("'>u8'", "integers of more than 32 bits"),
        ("'<c16'", "complex"),
        ("'|b1'", "booleans"),
        ("'<f16'", "'<f16'"),
        ("[('a', '<f4'), ('b', '<f4', (3,))]", "structured"),
    ] {
        let (kind, message) = found(descr, "(2, 2)");
        assert_eq!(kind, ErrorKind::Unsupported, "{message}");
        assert!(
            message.contains(word) && message.contains("accepted"),
            "{message}"
        );
    }
    for (shape, rank) in [("()", 0), ("(2, 2, 2, 2)", 4), ("(2L, 1, 2, 2, 2)", 5)] {
        let (kind, message) = found("'<f4'", shape);
        assert_eq!(kind, ErrorKind::InvalidArgument);
        assert!(message.contains(&format!("rank {rank}")), "{message}");
    }
    let (kind, message) = kind_of(b"\x93NUMPY\x04\x00\x10\x00\x00\x00");
    assert_eq!(kind, ErrorKind::Unsupported);
    assert!(message.contains("4.0"), "{message}");
}

#[test]
fn spare_leading_axes_of_one_are_dropped() {
    let bytes = npy_file(
        3,
        ByteOrder::Big,
        true,
        &[1, 1, 1, 2, 3],
        &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    );
    let input = read(&bytes).unwrap();
    assert_eq!(input.shape(), Shape::new(&[1, 2, 3]).unwrap());
    assert_eq!(&*input.as_f64().unwrap(), &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(
        input.as_f32().unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn native_files_are_borrowed_from_the_map() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    let values = [1.5f32, -0.0, f32::NAN, f32::INFINITY, 1e-42, 6.0];
    let shape = Shape::new(&[2, 3]).unwrap();
    let mut out = AtomicFile::create(&path, Overwrite::Refuse).unwrap();
    write_field(&mut out, FieldFormat::Npy, shape, &values).unwrap();
    out.commit().unwrap();
    let input = Input::open_npy(&path).unwrap();
    let read = input.as_f32().unwrap();
    assert!(matches!(read, std::borrow::Cow::Borrowed(_)) || cfg!(target_endian = "big"));
    assert!(
        read.iter()
            .zip(&values)
            .all(|(a, b)| a.to_bits() == b.to_bits())
    );
    // The safe twin of the cast.
    let bytes = &fs::read(&path).unwrap()[128 - 64..];
    let decoded = f32::decode(&bytes[bytes.len() - 24..], ByteOrder::Little);
    assert!(
        decoded
            .iter()
            .zip(&values)
            .all(|(a, b)| a.to_bits() == b.to_bits())
    );
}

#[test]
fn raw_files_need_shape_type_and_the_right_length() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("field.npy"); // the name does not matter
    let shape = Shape::new(&[2, 3]).unwrap();
    let mut bytes = Vec::new();
    write_raw(&mut bytes, shape, &[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    fs::write(&path, &bytes).unwrap();
    let open = |shape: Option<Shape>, dtype| Input::open(&path, shape, dtype);
    let input = open(Some(shape), Some(Dtype::F32)).unwrap();
    assert_eq!(input.as_f32().unwrap()[5], 6.0);
    let fails = |e: Result<Input>| {
        let e = e.unwrap_err();
        (e.kind(), e.to_string())
    };
    assert_eq!(
        fails(open(None, Some(Dtype::F32))).0,
        ErrorKind::InvalidArgument
    );
    assert_eq!(fails(open(Some(shape), None)).0, ErrorKind::InvalidArgument);
    let (kind, message) = fails(open(Some(shape), Some(Dtype::F64)));
    assert_eq!(kind, ErrorKind::Truncated);
    assert!(
        message.contains("48 bytes expected") && message.contains("24 found"),
        "{message}"
    );
    assert_eq!(
        fails(open(Some(shape), Some(Dtype::F16))).0,
        ErrorKind::InvalidArgument
    );
    let stream =
        |dtype| Input::from_reader(&bytes[..], Some(shape), Some(dtype), &Limits::default());
    assert_eq!(stream(Dtype::F32).unwrap().as_f32().unwrap()[0], 1.0);
    assert_eq!(fails(stream(Dtype::F64)).0, ErrorKind::Truncated);
    assert_eq!(fails(stream(Dtype::F16)).0, ErrorKind::InvalidArgument);
    assert_eq!(fails(Input::open_npy(&path)).0, ErrorKind::InvalidArgument);
    assert_eq!(
        fails(Input::open(dir.path(), None, None)).0,
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        fails(Input::open("no such file", None, None)).0,
        ErrorKind::Io
    );
}

#[test]
fn what_is_given_must_agree_with_the_header() {
    let bytes = npy_file(1, ByteOrder::Little, false, &[2, 3], &[1.0f32; 6]);
    let with = |shape: &[usize], dtype| {
        let shape = Shape::new(shape).unwrap();
        Input::from_reader(&bytes[..], Some(shape), Some(dtype), &Limits::default())
    };
    assert!(with(&[2, 3], Dtype::F32).is_ok());
    assert!(with(&[3, 2], Dtype::F32).is_err());
    assert!(with(&[2, 3], Dtype::F64).is_err());
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn dropped_or_failed_outputs_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.raw");
    let mut out = AtomicFile::create(&path, Overwrite::Refuse).unwrap();
    out.write_all(&[1; 1 << 20]).unwrap();
    assert_eq!(names(dir.path()).len(), 1);
    drop(out);
    assert!(names(dir.path()).is_empty());
    let failing = || -> Result<()> {
        let mut out = AtomicFile::create(&path, Overwrite::Refuse)?;
        out.write_all(b"half")?;
        Err(Error::corrupt("something went wrong"))
    };
    assert!(failing().is_err());
    assert!(names(dir.path()).is_empty());
    assert!(AtomicFile::create(dir.path(), Overwrite::Replace).is_err());
    assert!(AtomicFile::create(dir.path().join("no/such/dir"), Overwrite::Replace).is_err());
}

#[test]
fn existing_files_are_kept_unless_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.raw");
    // Taken between create and commit.
    let mut late = AtomicFile::create(&path, Overwrite::Refuse).unwrap();
    late.write_all(b"late").unwrap();
    fs::write(&path, b"first").unwrap();
    assert_eq!(
        late.commit().unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
    let refused = AtomicFile::create(&path, Overwrite::Refuse).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    assert_eq!(fs::read(&path).unwrap(), b"first");
    let mut out = AtomicFile::create(&path, Overwrite::Replace).unwrap();
    out.write_all(b"second").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"first");
    out.commit().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"second");
    assert_eq!(names(dir.path()), ["out.raw"]);
}

#[cfg(unix)]
#[test]
fn permissions_links_and_devices_are_respected() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let write = |path: &Path| {
        let mut out = AtomicFile::create(path, Overwrite::Replace).unwrap();
        out.write_all(b"x").unwrap();
        out.commit().unwrap();
    };
    let dir = tempfile::tempdir().unwrap();
    let [ordinary, ours, link] = ["a", "b", "c"].map(|n| dir.path().join(n));
    fs::write(&ordinary, b"").unwrap();
    write(&ours);
    assert_eq!(mode(&ours), mode(&ordinary));
    fs::set_permissions(&ours, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&ours, &link).unwrap();
    write(&link);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(mode(&ours), 0o640);
    // Through two links to a file that is not there yet.
    symlink("new", dir.path().join("d")).unwrap();
    symlink("d", dir.path().join("e")).unwrap();
    write(&dir.path().join("e"));
    assert!(
        fs::symlink_metadata(dir.path().join("new"))
            .unwrap()
            .is_file()
    );
    assert!(
        fs::symlink_metadata(dir.path().join("d"))
            .unwrap()
            .is_symlink()
    );
    write(Path::new("/dev/null"));
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn written_samples_must_fill_the_shape() {
    let shape = Shape::new(&[2, 3]).unwrap();
    assert!(write_npy(&mut Vec::new(), shape, &[0.0f32; 5]).is_err());
    assert!(write_raw(&mut Vec::new(), shape, &[0.0f32; 7]).is_err());
}

#[test]
fn fields_follow_each_other_in_a_stream() {
    let field = |first: f32| {
        let values: Vec<f32> = (0..6).map(|i| first + i as f32).collect();
        npy_file(1, ByteOrder::Little, false, &[2, 3], &values)
    };
    let bytes = [field(0.0), field(10.0), field(20.0)].concat();
    let mut stream = FieldStream::new(&bytes[..], None, None, Limits::default());
    for first in [0.0, 10.0, 20.0] {
        let input = stream.next_field().unwrap().unwrap();
        assert_eq!(input.as_f32().unwrap()[0], first);
    }
    assert!(stream.next_field().unwrap().is_none());
    // What is no field after a field.
    for (behind, kind) in [
        (&b"more"[..], ErrorKind::Corrupt),
        (&bytes[..20], ErrorKind::Truncated),
    ] {
        let bytes = [&field(0.0), behind].concat();
        let mut stream = FieldStream::new(&bytes[..], None, None, Limits::default());
        assert!(stream.next_field().unwrap().is_some());
        assert_eq!(stream.next_field().unwrap_err().kind(), kind);
    }
    // Raw fields shorter than what tells an npy header.
    let shape = Shape::new(&[1, 2]).unwrap();
    let bytes: Vec<u8> = (0..20).collect();
    let raw = |bytes| FieldStream::new(bytes, Some(shape), Some(Dtype::F16), Limits::default());
    let mut stream = raw(&bytes[..]);
    for first in (0..20).step_by(4) {
        let input = stream.next_field().unwrap().unwrap();
        let bits = input.as_f16().unwrap()[0].to_bits();
        assert_eq!(bits, u16::from_le_bytes([first, first + 1]));
    }
    assert!(stream.next_field().unwrap().is_none());
    let mut stream = raw(&bytes[..6]);
    assert!(stream.next_field().unwrap().is_some());
    for mut short in [stream, raw(&[])] {
        let error = short.next_field().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated);
    }
}

/// The values of step `number` of an array whose `axis` counts steps, in C order.
fn of_step(extents: &[usize], axis: usize, c_order: &[u16], number: usize) -> Vec<u16> {
    let inner: usize = extents[axis + 1..].iter().product();
    let place = |at: usize| at / inner % extents[axis];
    let picked = c_order.iter().enumerate();
    let picked = picked.filter(|(at, _)| place(*at) == number);
    picked.map(|(_, value)| *value).collect()
}

proptest! {
    #[test]
    fn steps_of_an_array_are_its_slices(
        extents in proptest::collection::vec(1usize..6, 2..=4),
        axis in 0usize..4,
        big: bool,
        fortran: bool,
    ) {
        let axis = axis % extents.len();
        let values: Vec<u16> = (0..extents.iter().product::<usize>()).map(|i| i as u16).collect();
        let order = if big { ByteOrder::Big } else { ByteOrder::Little };
        let file = npy_file(1, order, fortran, &extents, &values);
        // What writes floats is told of integers.
        let file = replaced(&file, b"f2", b"u2");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        fs::write(&path, &file).unwrap();
        let mut of_field = extents.clone();
        let count = of_field.remove(axis);
        let steps = Input::open_steps(&path, None, None, Some(axis)).unwrap();
        prop_assert_eq!(steps.len(), count);
        for (number, step) in steps.iter().enumerate() {
            prop_assert_eq!(step.shape(), Shape::new(&of_field).unwrap());
            let found = step.as_slice::<u16>().unwrap();
            prop_assert_eq!(&found[..], &of_step(&extents, axis, &values, number)[..]);
        }
        let cut = &file[..file.len() - 1];
        fs::write(&path, cut).unwrap();
        let error = Input::open_steps(&path, None, None, Some(axis)).unwrap_err();
        prop_assert_eq!(error.kind(), ErrorKind::Truncated);
    }
}

fn replaced(bytes: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let at = bytes.windows(what.len()).position(|part| part == what);
    let mut out = bytes.to_vec();
    out[at.unwrap()..][..with.len()].copy_from_slice(with);
    out
}

#[test]
fn arrays_of_rank_4_are_steps_and_others_fields_unless_an_axis_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let open = |extents: &[usize], given: Option<&[usize]>, axis| {
        let values: Vec<f32> = (0..extents.iter().product::<usize>())
            .map(|i| i as f32)
            .collect();
        let file = match given {
            None => npy_file(1, ByteOrder::Little, false, extents, &values),
            Some(_) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        };
        fs::write(&path, file).unwrap();
        Input::open_steps(&path, given, given.map(|_| Dtype::F32), axis)
    };
    let count =
        |extents: &[usize], given, axis| open(extents, given, axis).map(|steps| steps.len());
    let raw: Option<&[usize]> = Some(&[3, 2, 4, 5]);
    for given in [None, raw] {
        assert_eq!(count(&[3, 2, 4, 5], given, None).unwrap(), 3);
        assert_eq!(count(&[3, 2, 4, 5], given, Some(2)).unwrap(), 4);
    }
    assert_eq!(count(&[3, 4, 5], None, None).unwrap(), 1);
    assert_eq!(count(&[3, 4, 5], None, Some(0)).unwrap(), 3);
    assert_eq!(count(&[1, 3, 4, 5], None, None).unwrap(), 1);
    for (extents, axis) in [(&[3, 4, 5][..], 3), (&[7], 0), (&[2, 2, 2, 2, 2], 0)] {
        let error = open(extents, None, Some(axis)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{extents:?}");
    }
    let error = Input::open_steps(&path, raw, Some(Dtype::F64), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "another type");
}
