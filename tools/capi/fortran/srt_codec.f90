! The library srt for Fortran: the functions of srt.h as they are, and a few around them that take arrays and texts.
!
! An array u(nx, ny, nz) lies in memory as C's u[nz][ny][nx], so that no value is moved: extents, boxes, spacing and origin are
! given here in the order of the array's own indices, x first, and are turned round on the way.
module srt_codec
    use, intrinsic :: iso_c_binding
    implicit none
    private

    integer(c_int32_t), parameter, public :: srt_status_ok = 0, srt_status_corrupt = 1, srt_status_truncated = 2, &
        srt_status_unsupported = 3, srt_status_limit_exceeded = 4, srt_status_invalid_argument = 5, &
        srt_status_bound_not_met = 6, srt_status_missing_weights = 7, srt_status_device = 8, srt_status_io = 9, &
        srt_status_dead_handle = 10, srt_status_stopped = 11, srt_status_internal = 12
    integer(c_int32_t), parameter, public :: srt_f16 = 1, srt_f32 = 2, srt_f64 = 3, &
        srt_u8 = 4, srt_i8 = 5, srt_u16 = 6, srt_i16 = 7, srt_u32 = 8, srt_i32 = 9
    integer(c_int32_t), parameter, public :: srt_psnr = 1, srt_ssim = 2, srt_max_error = 3, srt_rel_error = 4, srt_ratio = 5

    ! How a field is encoded; what each component means stands in srt.h.
    type, bind(c), public :: srt_options
        integer(c_size_t) :: struct_size
        integer(c_int32_t) :: bound
        real(c_double) :: bound_value
        integer(c_int32_t) :: effort, threads, networks, has_mask_value
        real(c_double) :: mask_value
        integer(c_int32_t) :: has_range
        real(c_double) :: range_min, range_max
        type(c_ptr) :: periodic, plan, form
        integer(c_int32_t) :: key_interval
        integer(c_int64_t) :: memory
    end type srt_options

    type, bind(c), public :: srt_description
        integer(c_size_t) :: rank, extents(3), fields, frames
        integer(c_int32_t) :: has_placement
        real(c_double) :: spacing(3), origin(3)
    end type srt_description

    interface
        integer(c_int32_t) function c_options_init(options, struct_size) bind(c, name="srt_options_init")
            import :: c_int32_t, c_size_t, srt_options
            type(srt_options), intent(out) :: options
            integer(c_size_t), value :: struct_size
        end function
        type(c_ptr) function c_error_last() bind(c, name="srt_error_last")
            import :: c_ptr
        end function
        integer(c_int32_t) function c_writer_create(name, options, extents, rank, writer) bind(c, name="srt_writer_create")
            import :: c_int32_t, c_char, c_size_t, c_ptr, srt_options
            character(kind=c_char), intent(in) :: name(*)
            type(srt_options), intent(in) :: options
            integer(c_size_t), intent(in) :: extents(*)
            integer(c_size_t), value :: rank
            type(c_ptr), intent(out) :: writer
        end function
        integer(c_int32_t) function c_writer_field(writer, name, unit, value_type) bind(c, name="srt_writer_field")
            import :: c_int32_t, c_char, c_ptr
            type(c_ptr), value :: writer
            character(kind=c_char), intent(in) :: name(*), unit(*)
            integer(c_int32_t), value :: value_type
        end function
        integer(c_int32_t) function c_writer_placement(writer, spacing, origin, unit) bind(c, name="srt_writer_placement")
            import :: c_int32_t, c_char, c_ptr, c_double
            type(c_ptr), value :: writer
            real(c_double), intent(in) :: spacing(*), origin(*)
            character(kind=c_char), intent(in) :: unit(*)
        end function
        integer(c_int32_t) function c_writer_write(writer, field, step, time, value_type, values, count) &
            bind(c, name="srt_writer_write")
            import :: c_int32_t, c_int64_t, c_size_t, c_ptr, c_double
            type(c_ptr), value :: writer, values
            integer(c_size_t), value :: field, count
            integer(c_int64_t), value :: step
            real(c_double), value :: time
            integer(c_int32_t), value :: value_type
        end function
        integer(c_int32_t) function c_writer_finish(writer, length) bind(c, name="srt_writer_finish")
            import :: c_int32_t, c_int64_t, c_ptr
            type(c_ptr), value :: writer
            integer(c_int64_t), intent(out) :: length
        end function
        integer(c_int32_t) function c_file_open(name, file) bind(c, name="srt_file_open")
            import :: c_int32_t, c_char, c_ptr
            character(kind=c_char), intent(in) :: name(*)
            type(c_ptr), intent(out) :: file
        end function
        integer(c_int32_t) function c_file_describe(file, about) bind(c, name="srt_file_describe")
            import :: c_int32_t, c_ptr, srt_description
            type(c_ptr), value :: file
            type(srt_description), intent(out) :: about
        end function
        integer(c_int32_t) function c_file_find(file, field, step, frame) bind(c, name="srt_file_find")
            import :: c_int32_t, c_int64_t, c_char, c_size_t, c_ptr
            type(c_ptr), value :: file
            character(kind=c_char), intent(in) :: field(*)
            integer(c_int64_t), value :: step
            integer(c_size_t), intent(out) :: frame
        end function
        integer(c_int32_t) function c_file_grid(file, frame, level, extents) bind(c, name="srt_file_grid")
            import :: c_int32_t, c_size_t, c_ptr
            type(c_ptr), value :: file
            integer(c_size_t), value :: frame, level
            integer(c_size_t), intent(out) :: extents(*)
        end function
        integer(c_int32_t) function c_file_read(file, frame, level, start, extents, value_type, values, count, threads) &
            bind(c, name="srt_file_read")
            import :: c_int32_t, c_size_t, c_ptr
            type(c_ptr), value :: file, values
            integer(c_size_t), value :: frame, level, count
            integer(c_size_t), intent(in) :: start(*), extents(*)
            integer(c_int32_t), value :: value_type, threads
        end function
        ! Closes a writer; what srt_finish has not made whole is given up.
        integer(c_int32_t) function srt_writer_close(writer) bind(c, name="srt_writer_close")
            import :: c_int32_t, c_ptr
            type(c_ptr), value :: writer
        end function
        ! Closes a file.
        integer(c_int32_t) function srt_file_close(file) bind(c, name="srt_file_close")
            import :: c_int32_t, c_ptr
            type(c_ptr), value :: file
        end function
        integer(c_size_t) function c_strlen(text) bind(c, name="strlen")
            import :: c_size_t, c_ptr
            type(c_ptr), value :: text
        end function
    end interface

    ! A field at a step, `u(nx, ny)` or `u(nx, ny, nz)`, in single or double precision.
    interface srt_write
        module procedure write_2_f32, write_3_f32, write_2_f64, write_3_f64
    end interface

    ! A box of a frame at a level: `start` counts from 1, and the array's extents are those of the box.
    interface srt_read
        module procedure read_2_f32, read_3_f32, read_2_f64, read_3_f64
    end interface

    public :: srt_bounded, srt_message, srt_create, srt_field, srt_placement, srt_write, srt_finish, srt_open, srt_describe, &
        srt_find, srt_grid, srt_read, srt_writer_close, srt_file_close

contains

    ! Default options with a bound.
    integer(c_int32_t) function srt_bounded(options, bound, bound_value) result(status)
        type(srt_options), intent(out) :: options
        integer(c_int32_t), intent(in) :: bound
        real(c_double), intent(in) :: bound_value
        status = c_options_init(options, c_sizeof(options))
        options%bound = bound
        options%bound_value = bound_value
    end function

    ! What was wrong with the last call of this thread that failed.
    function srt_message() result(message)
        character(:), allocatable :: message
        character(kind=c_char), pointer :: bytes(:)
        type(c_ptr) :: text
        integer :: i
        text = c_error_last()
        call c_f_pointer(text, bytes, [c_strlen(text)])
        allocate(character(size(bytes)) :: message)
        do i = 1, size(bytes)
            message(i:i) = bytes(i)
        end do
    end function

    integer(c_int32_t) function srt_create(name, options, extents, writer) result(status)
        character(*), intent(in) :: name
        type(srt_options), intent(in) :: options
        integer, intent(in) :: extents(:)
        type(c_ptr), intent(out) :: writer
        status = c_writer_create(trim(name)//c_null_char, options, turned(extents), size(extents, kind=c_size_t), writer)
    end function

    integer(c_int32_t) function srt_field(writer, name, unit, value_type) result(status)
        type(c_ptr), intent(in) :: writer
        character(*), intent(in) :: name, unit
        integer(c_int32_t), intent(in) :: value_type
        status = c_writer_field(writer, trim(name)//c_null_char, trim(unit)//c_null_char, value_type)
    end function

    integer(c_int32_t) function srt_placement(writer, spacing, origin, unit) result(status)
        type(c_ptr), intent(in) :: writer
        real(c_double), intent(in) :: spacing(:), origin(:)
        character(*), intent(in) :: unit
        status = c_writer_placement(writer, spacing(size(spacing):1:-1), origin(size(origin):1:-1), trim(unit)//c_null_char)
    end function

    integer(c_int32_t) function srt_finish(writer, length) result(status)
        type(c_ptr), intent(in) :: writer
        integer(c_int64_t), intent(out) :: length
        status = c_writer_finish(writer, length)
    end function

    integer(c_int32_t) function srt_open(name, file) result(status)
        character(*), intent(in) :: name
        type(c_ptr), intent(out) :: file
        status = c_file_open(trim(name)//c_null_char, file)
    end function

    ! What the file describes, x first.
    integer(c_int32_t) function srt_describe(file, about) result(status)
        type(c_ptr), intent(in) :: file
        type(srt_description), intent(out) :: about
        integer :: n
        status = c_file_describe(file, about)
        if (status /= srt_status_ok) return
        n = int(about%rank)
        about%extents(:n) = about%extents(n:1:-1)
        about%spacing(:n) = about%spacing(n:1:-1)
        about%origin(:n) = about%origin(n:1:-1)
    end function

    ! The number of the frame of a field at a step, as srt_grid and srt_read take it.
    integer(c_int32_t) function srt_find(file, field, step, frame) result(status)
        type(c_ptr), intent(in) :: file
        character(*), intent(in) :: field
        integer, intent(in) :: step
        integer(c_size_t), intent(out) :: frame
        status = c_file_find(file, trim(field)//c_null_char, int(step, c_int64_t), frame)
    end function

    ! Extents of a level, x first: as many as `extents` has.
    integer(c_int32_t) function srt_grid(file, frame, level, extents) result(status)
        type(c_ptr), intent(in) :: file
        integer(c_size_t), intent(in) :: frame
        integer, intent(in) :: level
        integer, intent(out) :: extents(:)
        integer(c_size_t) :: found(3)
        type(srt_description) :: about
        extents = 0
        status = c_file_describe(file, about)
        if (status /= srt_status_ok) return
        status = srt_status_invalid_argument
        if (about%rank /= size(extents)) return
        status = c_file_grid(file, frame, int(level, c_size_t), found)
        if (status == srt_status_ok) extents = int(found(size(extents):1:-1))
    end function

    function turned(extents)
        integer, intent(in) :: extents(:)
        integer(c_size_t) :: turned(size(extents))
        turned = int(extents(size(extents):1:-1), c_size_t)
    end function

    integer(c_int32_t) function write_any(writer, field, step, time, value_type, values, count) result(status)
        type(c_ptr), intent(in) :: writer, values
        integer, intent(in) :: field, step, count
        real(c_double), intent(in) :: time
        integer(c_int32_t), intent(in) :: value_type
        status = c_writer_write(writer, int(field - 1, c_size_t), int(step, c_int64_t), time, value_type, values, &
            int(count, c_size_t))
    end function

    ! Fields count from 1, in the order of srt_field.
    integer(c_int32_t) function write_2_f32(writer, field, step, time, u) result(status)
        type(c_ptr), intent(in) :: writer
        integer, intent(in) :: field, step
        real(c_double), intent(in) :: time
        real(c_float), intent(in), contiguous, target :: u(:, :)
        status = write_any(writer, field, step, time, srt_f32, c_loc(u), size(u))
    end function

    integer(c_int32_t) function write_3_f32(writer, field, step, time, u) result(status)
        type(c_ptr), intent(in) :: writer
        integer, intent(in) :: field, step
        real(c_double), intent(in) :: time
        real(c_float), intent(in), contiguous, target :: u(:, :, :)
        status = write_any(writer, field, step, time, srt_f32, c_loc(u), size(u))
    end function

    integer(c_int32_t) function write_2_f64(writer, field, step, time, u) result(status)
        type(c_ptr), intent(in) :: writer
        integer, intent(in) :: field, step
        real(c_double), intent(in) :: time
        real(c_double), intent(in), contiguous, target :: u(:, :)
        status = write_any(writer, field, step, time, srt_f64, c_loc(u), size(u))
    end function

    integer(c_int32_t) function write_3_f64(writer, field, step, time, u) result(status)
        type(c_ptr), intent(in) :: writer
        integer, intent(in) :: field, step
        real(c_double), intent(in) :: time
        real(c_double), intent(in), contiguous, target :: u(:, :, :)
        status = write_any(writer, field, step, time, srt_f64, c_loc(u), size(u))
    end function

    integer(c_int32_t) function read_any(file, frame, level, start, extents, value_type, values) result(status)
        type(c_ptr), intent(in) :: file, values
        integer(c_size_t), intent(in) :: frame
        integer, intent(in) :: level, start(:), extents(:)
        integer(c_int32_t), intent(in) :: value_type
        type(srt_description) :: about
        status = c_file_describe(file, about)
        if (status /= srt_status_ok) return
        status = srt_status_invalid_argument
        ! A box has as many numbers as the file has axes; another array, or one that starts below 1, is none.
        if (about%rank /= size(extents) .or. size(start) /= size(extents) .or. any(start < 1)) return
        status = c_file_read(file, frame, int(level, c_size_t), turned(start - 1), turned(extents), value_type, values, &
            product(int(extents, c_size_t)), 0_c_int32_t)
    end function

    integer(c_int32_t) function read_2_f32(file, frame, level, start, u) result(status)
        type(c_ptr), intent(in) :: file
        integer(c_size_t), intent(in) :: frame
        integer, intent(in) :: level, start(:)
        real(c_float), intent(inout), contiguous, target :: u(:, :)
        status = read_any(file, frame, level, start, shape(u), srt_f32, c_loc(u))
    end function

    integer(c_int32_t) function read_3_f32(file, frame, level, start, u) result(status)
        type(c_ptr), intent(in) :: file
        integer(c_size_t), intent(in) :: frame
        integer, intent(in) :: level, start(:)
        real(c_float), intent(inout), contiguous, target :: u(:, :, :)
        status = read_any(file, frame, level, start, shape(u), srt_f32, c_loc(u))
    end function

    integer(c_int32_t) function read_2_f64(file, frame, level, start, u) result(status)
        type(c_ptr), intent(in) :: file
        integer(c_size_t), intent(in) :: frame
        integer, intent(in) :: level, start(:)
        real(c_double), intent(inout), contiguous, target :: u(:, :)
        status = read_any(file, frame, level, start, shape(u), srt_f64, c_loc(u))
    end function

    integer(c_int32_t) function read_3_f64(file, frame, level, start, u) result(status)
        type(c_ptr), intent(in) :: file
        integer(c_size_t), intent(in) :: frame
        integer, intent(in) :: level, start(:)
        real(c_double), intent(inout), contiguous, target :: u(:, :, :)
        status = read_any(file, frame, level, start, shape(u), srt_f64, c_loc(u))
    end function
end module srt_codec
