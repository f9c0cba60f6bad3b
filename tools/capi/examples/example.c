/* Fields to a file and back, a box of a coarse level, a stream; C99 and C++.
 *
 * cc example.c $(pkg-config --cflags --libs srt-codec) -lm && ./a.out
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "srt.h"

enum { NZ = 24, NY = 40, NX = 36, COUNT = NZ * NY * NX };

static float values[COUNT];
static float back[COUNT];

static void check(srt_status status, const char *what) {
    if (status != SRT_STATUS_OK) {
        fprintf(stderr, "%s: %d: %s\n", what, (int)status, srt_error_last());
        exit(1);
    }
}

static void expect(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "does not hold: %s\n", what);
        exit(1);
    }
}

static void make(double time) {
    for (int z = 0; z < NZ; z++)
        for (int y = 0; y < NY; y++)
            for (int x = 0; x < NX; x++)
                values[(z * NY + y) * NX + x] = (float)(sin(0.2 * z + time) * cos(0.15 * y) + 0.01 * x);
}

static void write_steps(const char *path) {
    const size_t shape[3] = {NZ, NY, NX};
    const double spacing[3] = {0.5, 0.25, 0.25}, origin[3] = {0, 10, 20};
    srt_options options;
    srt_writer *writer;
    uint64_t length;
    check(srt_options_init(&options, sizeof options), "options");
    options.bound = SRT_BOUND_MAX_ERROR;
    options.bound_value = 1e-3;
    options.plan = "levels"; /* all axes are halved from level to level */
    options.form = "wavelet";
    check(srt_writer_create(path, &options, shape, 3, &writer), "create");
    check(srt_writer_field(writer, "u", "m/s", SRT_VALUE_TYPE_F32), "field");
    check(srt_writer_placement(writer, spacing, origin, "m"), "placement");
    check(srt_writer_time_unit(writer, "s"), "time unit");
    for (int step = 0; step < 2; step++) {
        make(0.5 * step);
        check(srt_writer_write(writer, 0, (uint64_t)step, 0.5 * step, SRT_VALUE_TYPE_F32, values, COUNT), "write");
    }
    check(srt_writer_finish(writer, &length), "finish");
    check(srt_writer_close(writer), "close");
    printf("%zu bytes of values in a file of %llu\n", 2 * sizeof values, (unsigned long long)length);
}

static void read_steps(const char *path) {
    srt_file *file;
    srt_description about;
    srt_frame_description frame;
    size_t number, levels, grid[3];
    char name[16];
    check(srt_file_open(path, &file), "open");
    check(srt_file_describe(file, &about), "describe");
    check(srt_file_text(file, SRT_TEXT_FIELD_NAME, 0, name, sizeof name, NULL), "name");
    expect(about.rank == 3 && about.shape[2] == NX && about.frames == 2 && about.origin[1] == 10, "the description");
    expect(strcmp(name, "u") == 0, "the name");
    check(srt_file_find(file, "u", 1, &number), "find");
    check(srt_file_frame(file, number, &frame), "frame");
    expect(frame.time == 0.5 && frame.max_error <= 1e-3, "the frame");
    check(srt_file_read(file, number, 0, NULL, NULL, SRT_VALUE_TYPE_F32, back, COUNT, 0), "read");
    for (int i = 0; i < COUNT; i++) expect(fabs((double)back[i] - (double)values[i]) <= 1e-3, "the bound");

    /* A box of the field, and the coarsest level of it. */
    {
        const size_t start[3] = {3, 4, 5}, size[3] = {7, 8, 9};
        float box[7 * 8 * 9];
        check(srt_file_read(file, number, 0, start, size, SRT_VALUE_TYPE_F32, box, 7 * 8 * 9, 1), "box");
        expect(box[(1 * 8 + 2) * 9 + 3] == back[((3 + 1) * NY + 4 + 2) * NX + 5 + 3], "the box");
    }
    check(srt_file_levels(file, number, &levels), "levels");
    expect(levels > 0, "coarse levels");
    check(srt_file_grid(file, number, levels, grid), "grid");
    {
        double spacing[3], origin[3];
        const size_t count = grid[0] * grid[1] * grid[2];
        float *coarse = (float *)malloc(count * sizeof *coarse);
        check(srt_file_read(file, number, levels, NULL, NULL, SRT_VALUE_TYPE_F32, coarse, count, 0), "coarse");
        check(srt_file_placement(file, number, levels, spacing, origin), "placement");
        printf("level %zu: %zu x %zu x %zu voxels, %g apart along x\n", levels, grid[0], grid[1], grid[2], spacing[2]);
        free(coarse);
    }
    check(srt_file_close(file), "close");
    expect(srt_file_describe(file, &about) == SRT_STATUS_DEAD_HANDLE, "a closed file is known as such");
}

struct arriving {
    FILE *file;
    int fields;
    int last_level;
};

static ptrdiff_t arrive(void *user, uint8_t *bytes, size_t capacity) {
    struct arriving *arriving = (struct arriving *)user;
    const size_t found = fread(bytes, 1, capacity, arriving->file);
    return ferror(arriving->file) ? -1 : (ptrdiff_t)found;
}

static int32_t take(void *user, const srt_stream_field *field) {
    struct arriving *arriving = (struct arriving *)user;
    arriving->fields++;
    arriving->last_level = (int)field->level;
    return field->value_type == SRT_VALUE_TYPE_F32 && strcmp(field->name, "u") == 0 ? 0 : 1;
}

static void read_stream(const char *path) {
    struct arriving arriving = {fopen(path, "rb"), 0, -1};
    expect(arriving.file != NULL, "the file opens");
    check(srt_stream_decode(arrive, take, &arriving, 1, 0), "stream");
    expect(arriving.fields > 2 && arriving.last_level == 0, "levels from coarse to fine");
    fclose(arriving.file);
}

/* What is wrong is said, and nothing crashes. */
static void misuse(void) {
    const size_t shape[3] = {NZ, NY, NX};
    srt_options options;
    srt_file *file;
    srt_writer *writer;
    uint8_t *bytes;
    size_t length;
    char text[64];
    check(srt_options_init(&options, sizeof options), "options");
    expect(srt_encode(&options, shape, 3, SRT_VALUE_TYPE_F32, values, COUNT, &bytes, &length) == SRT_STATUS_INVALID_ARGUMENT, "no bound");
    options.bound = SRT_BOUND_PSNR;
    options.bound_value = 50;
    expect(srt_encode(&options, shape, 4, SRT_VALUE_TYPE_F32, values, COUNT, &bytes, &length) == SRT_STATUS_INVALID_ARGUMENT, "rank 4");
    expect(srt_encode(&options, shape, 3, 10, values, COUNT, &bytes, &length) == SRT_STATUS_INVALID_ARGUMENT, "type 10");
    expect(srt_encode(&options, shape, 3, SRT_VALUE_TYPE_F32, NULL, COUNT, &bytes, &length) == SRT_STATUS_INVALID_ARGUMENT, "no values");
    expect(srt_encode(&options, shape, 3, SRT_VALUE_TYPE_F32, values, COUNT - 1, &bytes, &length) == SRT_STATUS_INVALID_ARGUMENT, "too few");
    expect(bytes == NULL && length == 0, "nothing is given");
    expect(srt_encode(NULL, shape, 3, SRT_VALUE_TYPE_F32, values, COUNT, &bytes, &length) == SRT_STATUS_INVALID_ARGUMENT, "no options");
    check(srt_encode(&options, shape, 3, SRT_VALUE_TYPE_F32, values, COUNT, &bytes, &length), "encode");
    check(srt_file_open_memory(bytes, length, &file), "open in memory");
    expect(srt_file_read(file, 0, 0, NULL, NULL, SRT_VALUE_TYPE_F64, back, COUNT / 2, 0) == SRT_STATUS_INVALID_ARGUMENT, "another type");
    check(srt_error_of(file, text, sizeof text, &length), "what was wrong");
    expect(length > 0 && strncmp(text, srt_error_last(), strlen(text)) == 0, "the message");
    expect(srt_file_read(file, 0, 0, NULL, NULL, SRT_VALUE_TYPE_F32, back, 5, 0) == SRT_STATUS_INVALID_ARGUMENT, "too little room");
    expect(srt_file_read(file, 7, 0, NULL, NULL, SRT_VALUE_TYPE_F32, back, COUNT, 0) == SRT_STATUS_INVALID_ARGUMENT, "frame 7");
    expect(srt_file_read(NULL, 0, 0, NULL, NULL, SRT_VALUE_TYPE_F32, back, COUNT, 0) == SRT_STATUS_DEAD_HANDLE, "null");
    expect(srt_writer_close((srt_writer *)file) == SRT_STATUS_DEAD_HANDLE, "a handle of another kind");
    check(srt_file_close(file), "close");
    expect(srt_file_close(file) == SRT_STATUS_DEAD_HANDLE, "closed twice");
    check(srt_file_close(NULL), "closing null");
    bytes[100] ^= 1;
    expect(srt_file_open_memory(bytes, 300, &file) != SRT_STATUS_OK && file == NULL, "a damaged file");
    check(srt_bytes_free(bytes), "free");
    expect(srt_bytes_free(bytes) == SRT_STATUS_DEAD_HANDLE, "freed twice");
    expect(srt_file_open("/no/such/file.srt", &file) == SRT_STATUS_IO, "no such file");
    expect(srt_file_open(NULL, &file) == SRT_STATUS_INVALID_ARGUMENT, "no name");
    expect(srt_file_open("x.srt", NULL) == SRT_STATUS_INVALID_ARGUMENT, "nowhere to put the handle");
    expect(srt_stream_decode(NULL, NULL, NULL, 0, 0) == SRT_STATUS_INVALID_ARGUMENT, "no functions");
    check(srt_writer_create("given-up.srt", &options, shape, 3, &writer), "create");
    check(srt_writer_close(writer), "give up");
    expect(fopen("given-up.srt", "rb") == NULL, "nothing is left behind");
    expect(srt_writer_field(writer, "u", NULL, SRT_VALUE_TYPE_F32) == SRT_STATUS_DEAD_HANDLE, "a closed writer");
}

int main(void) {
    write_steps("example.srt");
    read_steps("example.srt");
    read_stream("example.srt");
    misuse();
    puts("done");
    return 0;
}
