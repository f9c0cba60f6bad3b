/* The library srt for C and C++: scientific fields under an error bound to .srt files and back.
 *
 * Made from tools/capi/src by cbindgen; do not edit.
 *
 * Every function that can fail returns an srt_status; srt_error_last says in words what was wrong. All may be called from many
 * threads at once. Handles are known as dead after they were closed. Axes go from the slowest to the fastest, as in C:
 * z, y, x. Bytes of files never bring a program down, whatever is in them.
 */

#ifndef SRT_CODEC_H
#define SRT_CODEC_H

#include <stddef.h>
#include <stdint.h>

// What became of a call. Numbers keep their meaning; new ones may come.
enum srt_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Done.
  SRT_STATUS_OK = 0,
  // The bytes contradict the format or a checksum.
  SRT_STATUS_CORRUPT = 1,
  // The file ends before it should.
  SRT_STATUS_TRUNCATED = 2,
  // Valid as far as can be told, but newer than this reader.
  SRT_STATUS_UNSUPPORTED = 3,
  // A budget of memory or size would be exceeded.
  SRT_STATUS_LIMIT_EXCEEDED = 4,
  // An argument makes no sense: a null pointer, a box that leaves the grid, another type than the field has.
  SRT_STATUS_INVALID_ARGUMENT = 5,
  // The error bound asked for cannot be reached.
  SRT_STATUS_BOUND_NOT_MET = 6,
  // The file names networks that are not at hand.
  SRT_STATUS_MISSING_WEIGHTS = 7,
  // An accelerator is missing or failed.
  SRT_STATUS_DEVICE = 8,
  // The operating system reported an error.
  SRT_STATUS_IO = 9,
  // The handle is closed, was never opened, or is one of another kind.
  SRT_STATUS_DEAD_HANDLE = 10,
  // A function of the caller's asked to stop.
  SRT_STATUS_STOPPED = 11,
  // A defect of the library; the handle is of no use afterwards.
  SRT_STATUS_INTERNAL = 12,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum srt_status srt_status;
#else
typedef int32_t srt_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Types of values.
enum srt_value_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Half precision: its 16 bits, as `uint16_t`.
  SRT_VALUE_TYPE_F16 = 1,
  // `float`.
  SRT_VALUE_TYPE_F32 = 2,
  // `double`.
  SRT_VALUE_TYPE_F64 = 3,
  // `uint8_t`.
  SRT_VALUE_TYPE_U8 = 4,
  // `int8_t`.
  SRT_VALUE_TYPE_I8 = 5,
  // `uint16_t`.
  SRT_VALUE_TYPE_U16 = 6,
  // `int16_t`.
  SRT_VALUE_TYPE_I16 = 7,
  // `uint32_t`.
  SRT_VALUE_TYPE_U32 = 8,
  // `int32_t`.
  SRT_VALUE_TYPE_I32 = 9,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum srt_value_type srt_value_type;
#else
typedef int32_t srt_value_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What is promised of a field.
enum srt_bound
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // At least so many dB.
  SRT_BOUND_PSNR = 1,
  // At least so much.
  SRT_BOUND_SSIM = 2,
  // No value is further off than this, in the field's unit; 0 gives back every bit.
  SRT_BOUND_MAX_ERROR = 3,
  // No value is further off than this part of the field's range.
  SRT_BOUND_REL_ERROR = 4,
  // The field's bytes by those of the file.
  SRT_BOUND_RATIO = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum srt_bound srt_bound;
#else
typedef int32_t srt_bound;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Texts of a file.
enum srt_text
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Name of a field.
  SRT_TEXT_FIELD_NAME = 1,
  // Unit of a field.
  SRT_TEXT_FIELD_UNIT = 2,
  // Unit of spacing and origin.
  SRT_TEXT_LENGTH_UNIT = 3,
  // Unit of times.
  SRT_TEXT_TIME_UNIT = 4,
  // What else is known: a JSON object, or nothing.
  SRT_TEXT_ATTRIBUTES = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum srt_text srt_text;
#else
typedef int32_t srt_text;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A file that is open. Many threads may read by one handle at once.
typedef struct srt_file srt_file;

// A file that is made. Calls by one handle follow each other.
typedef struct srt_writer srt_writer;

// How a field is encoded: `srt_options_init` fills it in, then `bound` and `bound_value` are set, and what else is wanted.
typedef struct srt_options {
  // Bytes of this structure: by them a library knows which header the program was compiled with.
  size_t struct_size;
  // An `srt_bound`; 0, as it is filled in, is refused: what may get lost is for the caller to say.
  int32_t bound;
  // How much; its unit follows from the bound.
  double bound_value;
  // How much time may be taken, from 1 to 9. Default 5.
  int32_t effort;
  // Threads; 0, the default: all cores, or one beside other calls.
  int32_t threads;
  // Whether the built-in networks are tried: 1, the default, or 0.
  int32_t networks;
  // Whether `mask_value` marks values that are none. Default 0.
  int32_t has_mask_value;
  // Comes back as it is; NaN and infinities do so by themselves.
  double mask_value;
  // Whether PSNR and relative errors refer to the range that follows rather than to the field's own. Default 0.
  int32_t has_range;
  // Smallest value of that range.
  double range_min;
  // Largest value of that range.
  double range_max;
  // Axes along which the field repeats: letters of `zyx`, `none`, or null, the default, for those that are found.
  const char *periodic;
  // Plan along the slowest axis: `levels`, `dct`, `wavelet`, `slices`, or null, the default, for the one a sample tells.
  const char *plan;
  // Form: `wavelet`, `raster`, or null, the default, for the one a sample tells.
  const char *form;
  // Of so many frames of a field one is coded by itself, and those after it may be predicted from the ones before. Default 16;
  // 1: each by itself.
  uint32_t key_interval;
  // Bytes of memory to keep to; 0, the default: a field may take five times its size.
  uint64_t memory;
} srt_options;

// What a file describes.
typedef struct srt_description {
  // Axes: 2 or 3.
  size_t rank;
  // Extents of level 0, slowest axis first; as many as there are axes, then 0.
  size_t shape[3];
  // Fields.
  size_t fields;
  // Frames: one field at one step each.
  size_t frames;
  // Whether the file says where its voxels lie.
  int32_t has_placement;
  // Distance of voxels along each axis, 1 where the file does not say it.
  double spacing[3];
  // Place of the first voxel, 0 where the file does not say it.
  double origin[3];
} srt_description;

// What a file says of a frame.
typedef struct srt_frame_description {
  // Number of its field.
  size_t field;
  // Its step.
  uint64_t step;
  // Whether its time is known.
  int32_t has_time;
  // Its time, or NaN.
  double time;
  // Smallest value of the field that was encoded.
  double min;
  // Largest value of it.
  double max;
  // The `srt_bound` that was asked for.
  int32_t bound;
  // Its value.
  double bound_value;
  // Largest error that was reached.
  double max_error;
  // PSNR in dB that was reached, or NaN where the file does not say it.
  double psnr_db;
} srt_frame_description;

// Gives the next bytes of a file: at most `capacity` of them go to `bytes`. Returns how many these are, 0 at the end, a negative
// number on failure.
typedef ptrdiff_t (*srt_source)(void *user, uint8_t *bytes, size_t capacity);

// A field that has arrived.
typedef struct srt_stream_field {
  // Number of the field.
  size_t field;
  // Its name.
  const char *name;
  // Its step.
  uint64_t step;
  // Whether its time is known.
  int32_t has_time;
  // Its time, or NaN.
  double time;
  // Where along the slowest axis of level 0 it begins: 0, but where a frame comes in slabs.
  uint64_t first_plane;
  // Downscaling level; 0 is the field itself, and the last that comes of it.
  size_t level;
  // Axes: 2 or 3.
  size_t rank;
  // Extents of the level, slowest axis first; as many as there are axes, then 0.
  size_t shape[3];
  // An `srt_value_type`.
  int32_t value_type;
  // The values, fastest axis last.
  const void *values;
  // How many these are.
  size_t count;
} srt_stream_field;

// Takes a field at a level, which is there until it returns. Returns 0 to go on, anything else to stop.
typedef int32_t (*srt_sink)(void *user, const struct srt_stream_field *field);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// What was wrong with the last call of this thread that failed: English, in UTF-8, empty before any. It stays until the
// next call of this thread that fails, and is not to be freed.
const char *srt_error_last(void);

// What was wrong with the last call on a handle that failed, in whichever thread: at most `capacity` bytes with a zero at
// the end go to `message`. `length`, which may be null, gets the bytes of the whole, without the zero.
//
// Safety:
// `message` has room for `capacity` bytes; `length` is null or valid.
srt_status srt_error_of(const void *handle, char *message, size_t capacity, size_t *length);

// Fills in the defaults. `struct_size` is `sizeof(srt_options)`.
//
// Safety:
// `options` is null or valid for `struct_size` bytes.
srt_status srt_options_init(struct srt_options *options, size_t struct_size);

// Opens a file, whose bytes are mapped and not read. On failure `*file` is null.
//
// Safety:
// `name` ends with a zero, `file` is valid. Nobody makes the file shorter while it is open.
srt_status srt_file_open(const char *name, struct srt_file **file);

// Opens a file in memory, of which a copy is made. On failure `*file` is null.
//
// Safety:
// `length` bytes lie at `bytes`, `file` is valid.
srt_status srt_file_open_memory(const uint8_t *bytes, size_t length, struct srt_file **file);

// Closes a file; null is none. Readings that other threads are at come to their end.
srt_status srt_file_close(struct srt_file *file);

// What the file describes.
//
// Safety:
// `out` is valid.
srt_status srt_file_describe(const struct srt_file *file, struct srt_description *out);

// The `srt_value_type` of a field.
//
// Safety:
// `value_type` is valid.
srt_status srt_file_field(const struct srt_file *file, size_t field, int32_t *value_type);

// A text of the file, `which` of `srt_text`, in UTF-8: at most `capacity` bytes with a zero at the end go to `text`, which may be
// null with a capacity of 0. `length`, which may be null, gets the bytes of the whole, without the zero. `field` is of no
// concern to texts of the whole file.
//
// Safety:
// `text` has room for `capacity` bytes; `length` is null or valid.
srt_status srt_file_text(const struct srt_file *file, int32_t which, size_t field, char *text, size_t capacity, size_t *length);

// What the file says of a frame, by its number in file order.
//
// Safety:
// `out` is valid.
srt_status srt_file_frame(const struct srt_file *file, size_t frame, struct srt_frame_description *out);

// The number of the frame of a field, by its name, at a step.
//
// Safety:
// `field` ends with a zero, `frame` is valid.
srt_status srt_file_find(const struct srt_file *file, const char *field, uint64_t step, size_t *frame);

// The coarsest downscaling level at which a frame can be had.
//
// Safety:
// `levels` is valid.
srt_status srt_file_levels(const struct srt_file *file, size_t frame, size_t *levels);

// Extents of a level, slowest axis first: as many numbers as there are axes.
//
// Safety:
// `extents` has room for them.
srt_status srt_file_grid(const struct srt_file *file, size_t frame, size_t level, size_t *extents);

// Where the voxels of a level lie: their distance along each axis and the place of the first, slowest axis first, in the file's
// unit of length, in voxels of level 0 where the file does not say where they lie.
//
// Safety:
// `spacing` and `origin` have room for as many numbers as there are axes.
srt_status srt_file_placement(const struct srt_file *file, size_t frame, size_t level, double *spacing, double *origin);

// Decodes a box of a level into `values`, fastest axis last: bit for bit what the whole level has there, from the bricks that the
// box touches alone. `start` and `size` have as many numbers as there are axes, slowest first; both null: all of the level.
// `value_type` is the field's own (`srt_file_field`), `count` the number of values that `values` has room for, which is that of
// the box. `threads` 0: all cores, or one beside other calls. When it fails, what is in `values` is not said.
//
// Safety:
// `start` and `size` are null or valid, `values` has room for `count` values.
srt_status srt_file_read(const struct srt_file *file,
                         size_t frame,
                         size_t level,
                         const size_t *start,
                         const size_t *size,
                         int32_t value_type,
                         void *values,
                         size_t count,
                         int32_t threads);

// Encodes one field to the bytes of a file, which `srt_bytes_free` takes back. `count` is the number of values, which is that of
// the grid. On failure `*bytes` is null.
//
// Safety:
// `options` and its texts are valid, `rank` numbers lie at `extents`, `count` values of the type at `field_values`, aligned as
// that type is; `bytes` and `length` are valid.
srt_status srt_encode(const struct srt_options *options,
                      const size_t *extents,
                      size_t rank,
                      int32_t value_type,
                      const void *field_values,
                      size_t count,
                      uint8_t **bytes,
                      size_t *length);

// Takes back what `srt_encode` has given; null is nothing.
srt_status srt_bytes_free(uint8_t *bytes);

// Begins a file of fields on one grid, which appears under its name when `srt_writer_finish` has made it whole. On failure
// `*writer` is null.
//
// Safety:
// `name` and texts of `options` end with zeros, `rank` numbers lie at `extents`, `writer` is valid.
srt_status srt_writer_create(const char *name,
                             const struct srt_options *options,
                             const size_t *extents,
                             size_t rank,
                             struct srt_writer **writer);

// Adds a field, before any frame is written: the first one is number 0. Null stands for no unit.
//
// Safety:
// `name` and `unit` end with zeros.
srt_status srt_writer_field(struct srt_writer *writer, const char *name, const char *unit, int32_t value_type);

// Says where the voxels lie, before any frame is written: their distance along each axis and the place of the first, slowest
// axis first. Null stands for no unit.
//
// Safety:
// `spacing` and `origin` have as many numbers as there are axes, `length_unit` ends with a zero.
srt_status srt_writer_placement(struct srt_writer *writer, const double *spacing, const double *origin, const char *length_unit);

// Says in which unit times are, before any frame is written.
//
// Safety:
// `time_unit` ends with a zero.
srt_status srt_writer_time_unit(struct srt_writer *writer, const char *time_unit);

// Encodes a field, by its number, at a step. `time` NaN: not known. `count` is the number of values, which is that of the grid.
//
// Safety:
// `count` values of the type lie at `field_values`, aligned as that type is.
srt_status srt_writer_write(struct srt_writer *writer,
                            size_t field,
                            uint64_t step,
                            double time,
                            int32_t value_type,
                            const void *field_values,
                            size_t count);

// Makes the file whole and lets it appear under its name. `length`, which may be null, gets its bytes. The handle is still to be
// closed.
//
// Safety:
// `length` is null or valid.
srt_status srt_writer_finish(struct srt_writer *writer, uint64_t *length);

// Closes a writer; null is none. What is not whole by then is given up, and nothing is left behind.
srt_status srt_writer_close(struct srt_writer *writer);

// Decodes a file as it arrives, frame by frame, in the thread of the caller, which alone calls `source` and `sink`. With
// `levels` 1 each frame comes first at its coarsest level, as soon as that has arrived, then finer and finer; with 0 it comes at
// level 0 alone. `threads` 0: all cores. What has arrived in whole before a failure has been handed out.
//
// Safety:
// `source` and `sink` keep to their descriptions, and neither throws an exception nor jumps out of it.
srt_status srt_stream_decode(srt_source source, srt_sink sink, void *user, int32_t levels, int32_t threads);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SRT_CODEC_H */
