/* The host backend's own declarations. */
#ifndef EXCITON_BACKENDS_HOST_HOST_H
#define EXCITON_BACKENDS_HOST_HOST_H

#include "backends/backend.h"

/* ---- Routines (kernels.c) ---- */

/* A step ready to run: the slots of the catalogue by letter, NULL where the kernel has none; y == x in place. */
typedef struct exciton_host_task {
    const float *x;
    float *y;
    const float *w;
    float *t;
    uint32_t params[EXCITON_KERNEL_PARAMS];
} exciton_host_task;

/* Does units first to end - 1. Ranges of one task may run side by side. A range begins at a multiple of
 * EXCITON_HOST_GRANULE units, and ends at one or with the last unit, where units are elements (hidden, gate, copy). */
typedef void (*exciton_host_routine)(const exciton_host_task *task, uint64_t first, uint64_t end);
#define EXCITON_HOST_GRANULE 8

/* One compilation of kernels.c. All give the same bits. */
typedef struct exciton_host_set {
    const char *name; /* of the instruction set: baseline, avx2, avx512 */
    uint32_t width;   /* floats a vector */
    exciton_host_routine routines[EXCITON_KERNEL_COUNT];
} exciton_host_set;

extern const exciton_host_set exciton_host_baseline;
extern const exciton_host_set exciton_host_avx2;   /* x86-64 builds only, as is the next */
extern const exciton_host_set exciton_host_avx512;

/* Those that this processor runs, narrowest first; returns how many, at least 1. */
#define EXCITON_HOST_SETS 3
uint32_t exciton_host_list_sets(const exciton_host_set *sets[EXCITON_HOST_SETS]);

/* ---- Threads (pool.c) ---- */

typedef struct exciton_host_pool exciton_host_pool;
typedef void (*exciton_host_work)(void *argument, uint32_t share);

/* `threads` counts the caller; 0: as many as processors. Fewer where the system gives no more. How long they spin before
 * they sleep is env->host_spin. */
exciton_status exciton_host_pool_create(const exciton_env *env, uint32_t threads, exciton_host_pool **pool);
void exciton_host_pool_destroy(exciton_host_pool *pool); /* NULL is legal; in a forked child only frees */
uint32_t exciton_host_pool_threads(const exciton_host_pool *pool);
/* False in a forked child, which has none of the threads. */
bool exciton_host_pool_alive(const exciton_host_pool *pool);
/* Calls work(argument, share) for every share < shares <= threads and returns when all are done. What a run wrote is
 * seen by the next. One run at a time. */
void exciton_host_pool_run(exciton_host_pool *pool, exciton_host_work work, void *argument, uint32_t shares);
/* Around runs that follow each other closely: no worker sleeps in between. */
void exciton_host_pool_begin(exciton_host_pool *pool);
void exciton_host_pool_end(exciton_host_pool *pool);

/* Rounding to nearest and subnormals kept, whatever the calling thread has set; returns what to restore. */
uint64_t exciton_host_enter_arithmetic(void);
void exciton_host_leave_arithmetic(uint64_t before);

/* ---- The table's types ---- */

struct exciton_be_state {
    exciton_env *env;
    const exciton_host_set *set;
};

struct exciton_be_device {
    const exciton_env *env;
    const exciton_host_set *set;
    exciton_host_pool *pool;
    uint64_t serial;
};

struct exciton_be_buffer {
    exciton_be_device *device;
    unsigned char *data;
    bool wrapped; /* data is the caller's */
};

struct exciton_be_kernel {
    exciton_be_device *device;
    exciton_host_routine routine;
};

exciton_status exciton_host_buffer_create(exciton_be_device *device, uint64_t bytes, exciton_domain domain, bool no_mappable,
                                          exciton_be_buffer **buffer);
exciton_status exciton_host_buffer_wrap(exciton_be_device *device, void *data, uint64_t bytes, exciton_be_buffer **buffer);
void exciton_host_buffer_destroy(exciton_be_buffer *buffer);
exciton_status exciton_host_buffer_write(exciton_be_buffer *buffer, uint64_t offset, const void *data, uint64_t bytes);
exciton_status exciton_host_buffer_read(exciton_be_buffer *buffer, uint64_t offset, void *data, uint64_t bytes);
exciton_status exciton_host_buffer_copy(exciton_be_buffer *from, uint64_t from_at, exciton_be_buffer *to, uint64_t to_at, uint64_t bytes);
exciton_status exciton_host_buffer_map(exciton_be_buffer *buffer, bool for_write, void **data);
exciton_status exciton_host_buffer_unmap(exciton_be_buffer *buffer);
exciton_status exciton_host_kernel_create(exciton_be_device *device, const exciton_kernel_spec *spec, exciton_be_kernel **kernel);
void exciton_host_kernel_destroy(exciton_be_kernel *kernel);
exciton_status exciton_host_recording_create(exciton_be_device *device, const exciton_step *steps, uint32_t count,
                                             exciton_be_kernel *const *kernels,
                                             exciton_be_buffer *const buffers[EXCITON_SLOT_COUNT],
                                             exciton_be_recording **recording);
void exciton_host_recording_destroy(exciton_be_recording *recording);
exciton_status exciton_host_submit(exciton_be_device *device, exciton_be_recording *const *recordings, uint32_t count,
                                   uint64_t *serial);
exciton_status exciton_host_wait(exciton_be_device *device, uint64_t serial, uint64_t nanoseconds);

#endif
