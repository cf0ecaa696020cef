/* exciton: the Squeeze-and-Excitation block on any OpenCL or Vulkan-compute device, and on the host.
 *
 * Conventions of every declaration here
 *   Status     Every call returns exciton_status; EXCITON_OK is 0. Nothing aborts, exits or prints. After a failure
 *              exciton_last_error() is one line that names the culprit; outputs are set to NULL or zero.
 *   Structs    Every params struct begins with its size; 0 means this header's. A zero member is the documented default.
 *   Ownership  create/destroy and open/close come in pairs; NULL is legal in the second. A params struct, and what it
 *              points to, is read during the call only, unless its comment says otherwise.
 *   Order      Work on a device takes effect in call order: each submission, read, write and map sees all earlier ones.
 *              Destroying what is in flight is legal and deferred until the device is done with it.
 *   Threads    Context, device and plan calls may come from any thread; a binding, and a buffer's map, from one at a time.
 *   Units      Sizes and offsets of buffers in bytes, shapes in elements, times in nanoseconds.
 */
#ifndef EXCITON_EXCITON_H
#define EXCITON_EXCITON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && defined(EXCITON_BUILDING)
#  define EXCITON_API __declspec(dllexport)
#elif defined(_WIN32) /* an import library serves functions that aren't declared as imported */
#  define EXCITON_API
#elif defined(__GNUC__)
#  define EXCITON_API __attribute__((visibility("default")))
#else
#  define EXCITON_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define EXCITON_VERSION_MAJOR 0
#define EXCITON_VERSION_MINOR 1
#define EXCITON_VERSION_PATCH 0

/* The order of every sum and expression (docs/numbers.md). Another number, other bits. */
#ifndef EXCITON_NUMERICS
#define EXCITON_NUMERICS 1
#endif

/* ---- Status ---------------------------------------------------------------------------------------------------- */

typedef enum exciton_status {
    EXCITON_OK = 0,
    EXCITON_ERROR_ARGUMENT,    /* NULL, a wrong kind of handle, an enum or number outside its range */
    EXCITON_ERROR_SHAPE,       /* zero or mismatching sizes, a shape outside the plan's range */
    EXCITON_ERROR_OVERFLOW,    /* a product of sizes that does not fit */
    EXCITON_ERROR_OVERLAP,     /* tensors that overlap and are not exactly in place */
    EXCITON_ERROR_FOREIGN,     /* an object of another device or context */
    EXCITON_ERROR_STALE,       /* an object already destroyed (debug builds find it) */
    EXCITON_ERROR_MEMORY,      /* host or device memory, or the context's cap, is used up */
    EXCITON_ERROR_LIMIT,       /* a limit of the device, named in the line */
    EXCITON_ERROR_UNSUPPORTED, /* the device or this build can't do it; the field is named */
    EXCITON_ERROR_ABSENT,      /* the named device isn't there; the line lists what there is */
    EXCITON_ERROR_AMBIGUOUS,   /* more than one device has that name; the line lists them */
    EXCITON_ERROR_LOST,        /* the device is lost: sticky, every later call says so */
    EXCITON_ERROR_TIMEOUT,     /* the wait ended first; the work goes on */
    EXCITON_ERROR_DRIVER,      /* a driver call failed; the line has the call and its code */
    EXCITON_ERROR_COMPILE,     /* the driver's compiler refused a kernel */
    EXCITON_ERROR_FILE,        /* a file can't be opened, read or written */
    EXCITON_ERROR_FORMAT,      /* a file's content is not what its format allows; the offset is named */
    EXCITON_ERROR_NAME,        /* no such block, tensor, schedule or suite; the choices are listed */
    EXCITON_ERROR_CHECK        /* a comparison was made and failed */
} exciton_status;

/* "ok", "argument", …: a static string; "unknown status" for a number that is none. Any thread. */
EXCITON_API const char *exciton_status_text(exciton_status status);

/* The calling thread's last failure as one line without a newline: "what: where: why". Empty before the first.
 * The library's; valid until the thread's next failing call. */
EXCITON_API const char *exciton_last_error(void);

/* For libraries built on exciton: sets the thread's line and returns `status`. */
EXCITON_API exciton_status exciton_report(exciton_status status, const char *line);

/* "0.1.0" of the library that runs; EXCITON_NUMERICS of the library that runs. */
EXCITON_API const char *exciton_version(void);
EXCITON_API uint32_t exciton_numerics(void);

/* ---- Context --------------------------------------------------------------------------------------------------- */

typedef struct exciton_context exciton_context;
typedef struct exciton_device exciton_device;
typedef struct exciton_buffer exciton_buffer;
typedef struct exciton_plan exciton_plan;
typedef struct exciton_binding exciton_binding;

typedef enum exciton_log_level { EXCITON_LOG_DEBUG, EXCITON_LOG_INFO, EXCITON_LOG_WARNING, EXCITON_LOG_ERROR } exciton_log_level;

/* Gets one line without a newline, valid during the call; from any thread, several at a time. */
typedef void (*exciton_log_fn)(void *user, exciton_log_level level, const char *line);

/* All host memory of the library. `alignment` is a power of two; NULL from `allocate` means out of memory.
 * Both from any thread, several at a time. `release` gets NULL never. */
typedef struct exciton_allocator {
    void *user;
    void *(*allocate)(void *user, size_t size, size_t alignment);
    void (*release)(void *user, void *memory);
} exciton_allocator;

/* What a device can do, as data; zero means no (or unknown, for the sizes of hardware). Bytes unless said. */
typedef struct exciton_limits {
    uint64_t max_binding_range;   /* largest part of a buffer that one step may see */
    uint64_t max_allocation;      /* largest buffer */
    uint64_t max_memory;          /* of all live buffers together */
    uint32_t binding_alignment;   /* of a bound offset, a power of two */
    uint32_t max_group_size;      /* work-items (invocations) a work-group */
    uint32_t max_group_count;     /* work-groups a dispatch, first dimension */
    uint32_t local_memory;        /* a work-group's */
    uint32_t max_storage_buffers; /* bound to one step */
    uint32_t max_params;          /* bytes of scalars one step takes */
    uint32_t compute_units;       /* as reported; 0 unknown */
    uint32_t subgroup_size;       /* work-items that run in step, as reported; 0 unknown. No result depends on it */
    uint32_t max_iterations;      /* of all loops together that a work-item makes in a dispatch; 0: no limit. A driver
                                   * that counts them ends loops silently, docs/drivers.md */
    uint64_t cache_bytes;         /* the largest cache; 0: unknown */
    uint32_t max_texel_elements;  /* of a texel view of a buffer; 0: the device has none */
    bool mappable_device_memory;  /* the host can see device memory */
    bool local_memory_is_global;  /* work-group memory is ordinary memory: lanes in registers are cheaper */
    bool forms[3];                /* by exciton_form: which the device can run; [0] unused */
} exciton_limits;

/* Where what drivers compiled, and what was measured, is kept between processes: a folder, or the two calls; all NULL:
 * nowhere. Entries are verified before a driver sees them; a bad one, or an unusable folder, is a miss and a line in the log. */
typedef struct exciton_cache {
    const char *directory; /* copied; made with mode 0700 if absent, its parent must exist. One that is a link, another
                            * user's or open to others is not used */
    void *user;
    /* Copies the entry of `key` (64 hex digits) if it has at most `capacity` bytes; returns its bytes, 0: none. */
    size_t (*get)(void *user, const char *key, void *data, size_t capacity);
    /* Keeps an entry, replacing an older one, or doesn't. Both calls from any thread, several at a time. */
    void (*set)(void *user, const char *key, const void *data, size_t bytes);
} exciton_cache;

typedef struct exciton_context_params {
    size_t size;
    exciton_log_fn log;            /* NULL: silence */
    void *log_user;
    exciton_allocator allocator;   /* zeros: the C library's */
    exciton_cache cache;           /* zeros: none */
    uint32_t host_threads;         /* of the host backend, the caller's included; 0: as many as processors it may use */
    uint64_t memory_cap;           /* of all devices' buffers in bytes; 0: none */
    const exciton_limits *clamp;   /* for tests: lowers every device's limits to the non-zero numbers here (raises, for
                                    * binding_alignment); booleans are ignored; NULL: none */
    bool clamp_no_mappable;        /* for tests: device memory can't be mapped */
    bool validate;                 /* Vulkan: load the Khronos validation layer; its messages go to the log, and are counted */
    bool allow_privileged;         /* load drivers and read the environment although the process is set-uid (AT_SECURE) */
    uint64_t host_spin;            /* nanoseconds that a thread of the host backend without work keeps its processor, looking for
                                    * some, before it sleeps; 0: 40,000. Waking one that sleeps costs 10 microseconds and more */
    bool no_self_test;             /* kernels are used untested: see "Proof" */
} exciton_context_params;

#define EXCITON_SPIN_NEVER UINT64_C(1)   /* .host_spin: sleep as soon as a submission is over */
#define EXCITON_SPIN_ALWAYS UINT64_MAX   /* never sleep: each thread keeps a processor busy until the device is closed */

/* `params` NULL: all defaults. No driver is loaded before the first listing or opening of devices. Any thread. */
EXCITON_API exciton_status exciton_context_create(const exciton_context_params *params, exciton_context **context);
/* After everything made from it was destroyed or closed. */
EXCITON_API void exciton_context_destroy(exciton_context *context);

/* ---- Devices --------------------------------------------------------------------------------------------------- */

typedef enum exciton_device_type {
    EXCITON_DEVICE_HOST, EXCITON_DEVICE_SOFTWARE, EXCITON_DEVICE_VIRTUAL, EXCITON_DEVICE_INTEGRATED, EXCITON_DEVICE_DISCRETE
} exciton_device_type;

typedef enum exciton_api { EXCITON_API_HOST, EXCITON_API_OPENCL, EXCITON_API_VULKAN } exciton_api;

/* Strings are the context's and live as long as it. */
typedef struct exciton_device_info {
    const char *name;        /* the driver's name of the device */
    const char *driver;      /* our short word: host, pocl, intel-cpu, rusticl, oclgrind, lavapipe, swiftshader, radv, nvidia, … */
    const char *version;     /* the driver's version text */
    exciton_api api;
    exciton_device_type type;
    bool has_uuid;
    uint8_t uuid[16];
    const char *selected_by; /* the shortest selector that gives exactly this device; of one that was opened by its API's word
                              * before anything was listed, the shortest that begins with that word */
} exciton_device_info;

/* An API without devices, and why: "no loader (libvulkan.so.1: …)", "the loader has no device", "driver X: …". */
typedef struct exciton_absence {
    exciton_api api;
    const char *reason;
} exciton_absence;

/* The listing is made at the first call and kept: an index means one device within a context only. */
EXCITON_API exciton_status exciton_device_count(exciton_context *context, uint32_t *count);
EXCITON_API exciton_status exciton_device_describe(exciton_context *context, uint32_t index, exciton_device_info *info);
EXCITON_API exciton_status exciton_absence_count(exciton_context *context, uint32_t *count);
EXCITON_API exciton_status exciton_absence_describe(exciton_context *context, uint32_t index, exciton_absence *absence);

/* `selector`: auto | gpu | cpu | host | opencl | vulkan | a UUID (32 hex digits) | a part of a name or driver |
 * opencl:PART | vulkan:PART. NULL: the environment's EXCITON_DEVICE, else auto. auto takes the discrete GPU, then the
 * integrated, then the virtual, then host, never a software driver. A named device is never replaced by another:
 * EXCITON_ERROR_ABSENT and _AMBIGUOUS list what there is. Where the selector begins with an API's word (host, opencl, vulkan),
 * only its loader is opened: for host none. */
EXCITON_API exciton_status exciton_device_open(exciton_context *context, const char *selector, exciton_device **device);
/* Waits for what is in flight. Everything made on the device must have been destroyed. */
EXCITON_API void exciton_device_close(exciton_device *device);

EXCITON_API exciton_status exciton_device_get_info(const exciton_device *device, exciton_device_info *info);
EXCITON_API exciton_status exciton_device_get_limits(const exciton_device *device, exciton_limits *limits);

/* Messages of the validation layer since the context was made (context params `validate`); 0 without it. */
EXCITON_API uint64_t exciton_validation_messages(const exciton_context *context);

/* ---- Buffers --------------------------------------------------------------------------------------------------- */

typedef enum exciton_domain {
    EXCITON_DOMAIN_DEFAULT,  /* AUTO: device memory, mappable where that costs nothing */
    EXCITON_DOMAIN_DEVICE,   /* fastest for the device; map and copy go through a bounded staging ring */
    EXCITON_DOMAIN_UPLOAD,   /* written by the host, read by the device */
    EXCITON_DOMAIN_READBACK  /* written by the device, read by the host: cached memory where there is some */
} exciton_domain;

/* `bytes` > 0. Content is undefined. Any thread. */
EXCITON_API exciton_status exciton_buffer_create(exciton_device *device, uint64_t bytes, exciton_domain domain, exciton_buffer **buffer);
EXCITON_API void exciton_buffer_destroy(exciton_buffer *buffer);
EXCITON_API uint64_t exciton_buffer_bytes(const exciton_buffer *buffer); /* 0 for NULL */

/* Blocking copies; see all earlier submissions. Any thread. */
EXCITON_API exciton_status exciton_buffer_write(exciton_buffer *buffer, uint64_t offset, const void *data, uint64_t bytes);
EXCITON_API exciton_status exciton_buffer_read(exciton_buffer *buffer, uint64_t offset, void *data, uint64_t bytes);

/* One map a buffer at a time, of the whole; the pointer is the library's and ends with unmap. `for_write`: the
 * host's writes reach the device at unmap. No submission may use the buffer between. */
EXCITON_API exciton_status exciton_buffer_map(exciton_buffer *buffer, bool for_write, void **data);
EXCITON_API exciton_status exciton_buffer_unmap(exciton_buffer *buffer);

/* ---- The operation --------------------------------------------------------------------------------------------- */

/* Element types of storage. Arithmetic is always f32. */
typedef enum exciton_type { EXCITON_TYPE_DEFAULT, EXCITON_TYPE_F32 } exciton_type; /* default: f32 */

/* How a layer's matrix lies: OUT_IN is [outputs, inputs] row-major (PyTorch Linear, conv 1x1), IN_OUT its transpose
 * (TensorFlow Dense, Keras conv). */
typedef enum exciton_weight_order { EXCITON_ORDER_DEFAULT, EXCITON_ORDER_OUT_IN, EXCITON_ORDER_IN_OUT } exciton_weight_order; /* default: OUT_IN */

/* One fully connected layer, host memory; copied and packed by plan creation. */
typedef struct exciton_layer {
    const void *data;           /* inputs x outputs elements */
    const void *bias;           /* `outputs` elements; NULL: none */
    exciton_type type;          /* of both */
    exciton_weight_order order;
} exciton_layer;

typedef enum exciton_activation {
    EXCITON_ACTIVATION_DEFAULT, /* relu */
    EXCITON_ACTIVATION_IDENTITY, EXCITON_ACTIVATION_RELU, EXCITON_ACTIVATION_SILU, EXCITON_ACTIVATION_HARD_SWISH
} exciton_activation;

/* Hard-sigmoid is clip(slope*v + offset, 0, 1). */
typedef enum exciton_gate {
    EXCITON_GATE_DEFAULT,             /* sigmoid */
    EXCITON_GATE_SIGMOID,
    EXCITON_GATE_HARD_SIGMOID_6,      /* slope 1/6, offset 0.5: PyTorch, Keras 3, MobileNetV3 */
    EXCITON_GATE_HARD_SIGMOID_5,      /* slope 0.2, offset 0.5: ONNX default, Paddle MobileNetV3, older Keras */
    EXCITON_GATE_HARD_SIGMOID_PADDLE, /* slope 0.1666667, offset 0.5: PaddlePaddle 2 */
    EXCITON_GATE_HARD_SIGMOID_CUSTOM  /* gate_slope and gate_offset, which count here only; finite */
} exciton_gate;

typedef enum exciton_output {
    EXCITON_OUTPUT_DEFAULT,  /* SCALE */
    EXCITON_OUTPUT_SCALE,    /* y = g*x */
    EXCITON_OUTPUT_RESIDUAL  /* y = x + g*x */
} exciton_output;

typedef enum exciton_then { EXCITON_THEN_DEFAULT, EXCITON_THEN_NOTHING, EXCITON_THEN_RELU } exciton_then; /* default: nothing */

/* x and y are contiguous [batch, channels, spatial[0], …, spatial[dims-1]], channels not part of the shape. */
typedef struct exciton_shape {
    uint64_t batch;
    uint32_t dims;        /* 1 to 3 */
    uint64_t spatial[3];  /* members beyond dims are ignored */
} exciton_shape;

/* docs/schedules.md. A schedule forced by name is never replaced: what a device can't run is EXCITON_ERROR_UNSUPPORTED. */
typedef enum exciton_schedule {
    EXCITON_SCHEDULE_DEFAULT, /* chosen by limits and shape */
    EXCITON_SCHEDULE_THREE_STAGES, EXCITON_SCHEDULE_SPLIT_EXCITE, EXCITON_SCHEDULE_SAMPLE_IN_GROUP, EXCITON_SCHEDULE_PIPELINED
} exciton_schedule;

typedef enum exciton_form {
    EXCITON_FORM_DEFAULT, /* chosen by limits */
    EXCITON_FORM_ROWS,    /* no barrier: a work-item walks rows, its lanes in registers */
    EXCITON_FORM_LANES    /* lanes across work-items, a tree in local memory */
} exciton_form;

/* Who multiplies the two layers. CLBlast: its SGEMM over the whole batch, between the other steps of three-stages; on OpenCL, where
 * the library is found at run time (docs/environment.md). What it gives has other bits than docs/numbers.md, on each device its
 * own, within the bound of any order of summation (src/verify/oracle.h); so it is never chosen, only asked for, and only with
 * allow_inexact. Its kernels are compiled, some seconds, when a plan is tested and when a binding is created, never by a submission. */
typedef enum exciton_excitation {
    EXCITON_EXCITATION_DEFAULT, /* own */
    EXCITON_EXCITATION_OWN,
    EXCITON_EXCITATION_CLBLAST
} exciton_excitation;

/* Whether plan creation measures every way to run the largest shape, a second or so, and the context's cache keeps the winner. */
typedef enum exciton_measure {
    EXCITON_MEASURE_DEFAULT, /* no; a winner that is kept is taken */
    EXCITON_MEASURE_MISSING, /* unless a winner is kept */
    EXCITON_MEASURE_AGAIN
} exciton_measure;

/* s[n,c] = mean over space of x; h = activation(W1 s + b1), [N,R]; g = gate(W2 h + b2), [N,C]; y = output(g, x).
 * Hu, Shen, Sun: Squeeze-and-Excitation Networks, CVPR 2018 (arXiv 1709.01507); relatives in docs/operation.md. */
typedef struct exciton_se {
    size_t size;
    uint64_t channels;            /* C >= 1 */
    uint64_t hidden;              /* R >= 1; 0: max(C / 16, 1) */
    exciton_layer fc1;            /* C to R */
    exciton_layer fc2;            /* R to C */
    exciton_activation activation;
    exciton_gate gate;
    float gate_slope, gate_offset;
    exciton_output output;
    exciton_then then;
    exciton_shape max;            /* the plan runs every shape with its dims and no member larger */
    exciton_schedule schedule;
    exciton_form form;
    uint32_t group_size;          /* work-items a group; 0: chosen. For tests and tuning; a power of two */
    uint32_t shares;              /* sample-in-group, out of place: groups a sample, each squeezing all of it and scaling its
                                   * share; 0: chosen. For tests and tuning; at most 64 */
    exciton_measure measure;      /* counts only where schedule, form, group_size and shares are left open, and excitation is ours */
    exciton_excitation excitation; /* CLBlast: the schedule is three-stages, named or not */
    bool allow_inexact;           /* other bits than those of docs/numbers.md are welcome; by itself it changes nothing */
} exciton_se;

/* Copies and packs the weights, compiles, warms and tests every kernel that a shape within `max` can select; one that answers
 * wrongly, or that the driver can't compile, is left out, and the next way is taken where the description leaves the choice. Of
 * what the context's cache knows from earlier runs it makes what the largest shape needs out of place, and leaves the rest to
 * bindings. The plan is immutable and may be used from any thread. */
EXCITON_API exciton_status exciton_plan_create_se(exciton_device *device, const exciton_se *se, exciton_plan **plan);
EXCITON_API void exciton_plan_destroy(exciton_plan *plan);

/* ---- Bindings -------------------------------------------------------------------------------------------------- */

/* A tensor in a buffer; `offset` in bytes, a multiple of 4. Buffer NULL: absent. */
typedef struct exciton_view {
    exciton_buffer *buffer;
    uint64_t offset;
} exciton_view;

typedef struct exciton_args {
    size_t size;
    exciton_view in;      /* x */
    exciton_view out;     /* y; the same buffer and offset as x: in place. Any other overlap is an error */
    exciton_shape shape;  /* all zero: the plan's largest */
    exciton_view s, h, g; /* optional saved outputs, f32: [N,C], [N,R], [N,C] */
    exciton_view scratch; /* optional, exciton_plan_scratch_bytes() at a multiple of 256; default: the binding's own. With CLBlast's
                           * products creating the binding writes it */
} exciton_args;

/* Owns the recorded commands and its scratch; keeps nothing of `args` but the buffers, which must outlive it. Makes the kernels
 * that the plan left to it (above): the first of a kind may take as long as a driver takes for a kernel that it has in a cache. */
EXCITON_API exciton_status exciton_binding_create(exciton_plan *plan, const exciton_args *args, exciton_binding **binding);
EXCITON_API void exciton_binding_destroy(exciton_binding *binding);
EXCITON_API exciton_status exciton_plan_scratch_bytes(exciton_plan *plan, const exciton_shape *shape, uint64_t *bytes);

/* What was chosen for a binding. */
typedef struct exciton_binding_info {
    exciton_schedule schedule;
    exciton_form form;
    uint32_t dispatches;
    uint32_t pieces;      /* ranges that the tensors were cut into; 1: whole */
    uint32_t shares;      /* sample-in-group: work-groups a sample; else 1 */
    bool measured;        /* a winner of measurements, not the cost model's choice */
    exciton_excitation excitation; /* own or CLBlast, whose steps are one dispatch each here and several on the device */
    bool exact;           /* the bits of docs/numbers.md: no library's product, and no kernel that a known-answer test found inexact */
} exciton_binding_info;
EXCITON_API exciton_status exciton_binding_get_info(const exciton_binding *binding, exciton_binding_info *info);

/* The schedule as text, one step a line; `text` is the library's and valid during the call. */
typedef void (*exciton_text_fn)(void *user, const char *text);
EXCITON_API exciton_status exciton_binding_explain(const exciton_binding *binding, exciton_text_fn text, void *user);

/* "three-stages", …; "rows", "lanes"; "auto" for the default. Static. */
EXCITON_API const char *exciton_schedule_name(exciton_schedule schedule);
EXCITON_API const char *exciton_form_name(exciton_form form);
EXCITON_API exciton_status exciton_schedule_from_name(const char *name, exciton_schedule *schedule);
EXCITON_API exciton_status exciton_form_from_name(const char *name, exciton_form *form);

/* ---- Running --------------------------------------------------------------------------------------------------- */

typedef uint64_t exciton_ticket; /* of one device, growing; a value, owns nothing */

/* Runs the bindings in order. A binding may be submitted again before it ends. Allocates, records and compiles
 * nothing. On host the work may be done when submit returns. `ticket` may be NULL. Any thread. */
EXCITON_API exciton_status exciton_submit(exciton_device *device, exciton_binding *const *bindings, uint32_t count, exciton_ticket *ticket);

#define EXCITON_WAIT_DEFAULT UINT64_C(60000000000) /* a minute */
/* Until the ticket's work and all before it is done, or EXCITON_ERROR_TIMEOUT. On OpenCL drivers of the processor a wait of a
 * second or more is the driver's own, which has no deadline. Any thread. */
EXCITON_API exciton_status exciton_wait(exciton_device *device, exciton_ticket ticket, uint64_t nanoseconds);

/* Binds, submits and waits; the plan keeps its last 16 bindings. Any thread, one at a time a plan. */
EXCITON_API exciton_status exciton_run(exciton_plan *plan, const exciton_args *args);
/* The plan's largest shape from and to host memory, f32. x == y is legal, as is any other overlap. The host device works where
 * x and y lie, without a copy, unless they overlap without being the same. */
EXCITON_API exciton_status exciton_run_host(exciton_plan *plan, const float *x, float *y);

/* ---- Proof ------------------------------------------------------------------------------------------------------ */

/* Known-answer tests: each variant of a kernel runs small inputs before its first use on a device (host apart), some
 * hundred microseconds at plan creation, and is compared with what the host backend computes. A context with a cache
 * remembers verdicts for device, driver and library. */
typedef enum exciton_answer {
    EXCITON_ANSWER_NONE,    /* not tested */
    EXCITON_ANSWER_EXACT,   /* the bits of docs/numbers.md */
    EXCITON_ANSWER_INEXACT, /* other bits, within the oracle's bound: arithmetic that does not round to nearest. Used */
    EXCITON_ANSWER_WRONG   /* wrong, or refused by the driver's compiler: never used */
} exciton_answer;

/* `variant`: "split_scale rows g8 in-place"; `why` is empty where the verdict is exact. Both valid during the call. */
typedef void (*exciton_answer_fn)(void *user, const char *variant, exciton_answer verdict, const char *why);

/* The verdicts that the context's cache remembers of a listed device. Runs nothing, opens nothing. */
EXCITON_API exciton_status exciton_device_answers(exciton_context *context, uint32_t index, exciton_answer_fn say, void *user);
/* Tests now, whatever is remembered, the variants that a block of 256 channels and the floor can select on the device, and
 * tells each verdict as it falls. Compiles what is not compiled: some seconds. On host there are none. */
EXCITON_API exciton_status exciton_device_self_test(exciton_device *device, exciton_answer_fn say, void *user);

typedef struct exciton_verify_params {
    size_t size;
    const char *suite;  /* NULL: "se-f32/1" */
    uint32_t cases;     /* 0: 150 */
    uint64_t seed;      /* 0 is a seed */
    void (*progress)(void *user, uint32_t done, uint32_t cases); /* NULL: none */
    void *user;
} exciton_verify_params;

typedef struct exciton_verify_result {
    uint32_t cases, failed;
    char digest[65];         /* SHA-256 over the cases and their output bytes, hex; docs/numbers.md */
    char first_failure[256]; /* the case's name and what differed; empty: none */
} exciton_verify_result;

/* Runs the suite's cases under every schedule and form that the device offers and compares each with the oracle and
 * with the others. EXCITON_OK although cases failed: see `failed`. The device must be otherwise idle. */
EXCITON_API exciton_status exciton_device_verify(exciton_device *device, const exciton_verify_params *params, exciton_verify_result *result);

/* ---- Measuring -------------------------------------------------------------------------------------------------- */

/* The floor of a call: the fastest of several copies that move as many bytes on the same device. docs/performance.md. */
typedef struct exciton_floor exciton_floor;

/* `bytes` > 0 moved by each copy in all, rounded up to 8: half read, half written, random data, buffers resident. Where
 * half is above the device's max_allocation, smaller buffers are copied several times over. At least six copies a device
 * (four on a host of one thread): our kernel in each form at several work-group counts, and the driver's own. Compiles and
 * warms. Any thread. */
EXCITON_API exciton_status exciton_floor_create(exciton_device *device, uint64_t bytes, exciton_floor **floor);
/* Waits for a copy that was left running. */
EXCITON_API void exciton_floor_destroy(exciton_floor *floor);
EXCITON_API uint32_t exciton_floor_count(const exciton_floor *floor);                  /* 0 for NULL */
EXCITON_API const char *exciton_floor_name(const exciton_floor *floor, uint32_t index); /* the floor's; NULL: no such copy */
/* Runs copy `index` once: `nanoseconds` from submit until wait returns. A floor from one thread at a time. */
EXCITON_API exciton_status exciton_floor_run(exciton_floor *floor, uint32_t index, uint64_t *nanoseconds);

#ifdef __cplusplus
}
#endif
#endif
