! Steps of a field to a file and back, and a box of a coarse level.
program example
    use, intrinsic :: iso_c_binding
    use srt_codec
    implicit none
    integer, parameter :: nx = 36, ny = 30, nz = 24
    real(c_float) :: u(nx, ny, nz), back(nx, ny, nz), corner(5, 6, 7)
    real(c_double) :: d(nx, ny, nz)
    real(c_float), allocatable :: coarse(:, :, :)
    type(srt_options) :: options
    type(srt_description) :: about
    type(c_ptr) :: writer, file
    integer(c_size_t) :: frame
    integer(c_int64_t) :: length
    integer :: step, grid(3)

    call check(srt_bounded(options, srt_max_error, 1d-3), "options")
    options%networks = 0
    call check(srt_create("fortran.srt", options, [nx, ny, nz], writer), "create")
    call check(srt_field(writer, "u", "m/s", srt_f32), "field")
    call check(srt_placement(writer, [0.1d0, 0.2d0, 0.3d0], [1d0, 2d0, 3d0], "m"), "placement")
    do step = 0, 2
        call make(step)
        call check(srt_write(writer, 1, step, 0.5d0 * step, u), "write")
    end do
    call check(srt_finish(writer, length), "finish")
    call check(srt_writer_close(writer), "close")

    call check(srt_open("fortran.srt", file), "open")
    call check(srt_describe(file, about), "describe")
    call expect(all(about%extents == [nx, ny, nz]) .and. about%frames == 3, "extents and frames")
    call expect(all(abs(about%spacing - [0.1d0, 0.2d0, 0.3d0]) < 1d-12), "spacing, x first")
    call check(srt_find(file, "u", 2, frame), "find")
    call check(srt_read(file, frame, 0, [1, 1, 1], back), "read")
    call expect(maxval(abs(real(back, c_double) - u)) <= 1d-3, "the bound")
    call check(srt_read(file, frame, 0, [3, 4, 5], corner), "box")
    call expect(all(.not. abs(corner - back(3:7, 4:9, 5:11)) > 0), "the box")
    call check(srt_grid(file, frame, 0, grid), "grid")
    allocate(coarse(grid(1), grid(2), grid(3)))
    call check(srt_read(file, frame, 0, [1, 1, 1], coarse), "level")
    call expect(all(.not. abs(coarse - back) > 0), "the level")
    call expect(srt_read(file, frame, 0, [1, 1, 1], d) == srt_status_invalid_argument, "another type")
    call expect(len(srt_message()) > 0, "a message")
    call expect(srt_read(file, frame, 0, [30, 1, 1], back) == srt_status_invalid_argument, "a box outside")
    call check(srt_file_close(file), "close")
    call expect(srt_describe(file, about) == srt_status_dead_handle, "a closed file is known as such")
    print '(a)', "done"

contains

    subroutine make(step)
        integer, intent(in) :: step
        integer :: i, j, k
        do k = 1, nz
            do j = 1, ny
                do i = 1, nx
                    u(i, j, k) = sin(0.2 * i + 0.3 * step) * cos(0.1 * j) + 0.02 * k
                end do
            end do
        end do
    end subroutine

    subroutine check(status, what)
        integer(c_int32_t), intent(in) :: status
        character(*), intent(in) :: what
        if (status == srt_status_ok) return
        print '(a, a, i0, a, a)', what, ": ", status, ": ", srt_message()
        stop 1
    end subroutine

    subroutine expect(holds, what)
        logical, intent(in) :: holds
        character(*), intent(in) :: what
        if (holds) return
        print '(a, a)', "does not hold: ", what
        stop 1
    end subroutine
end program example
