/* Recordings: steps with their pointers resolved, run at once by submit. */
#include "backends/host/host.h"
#include "backends/host/params.h"

/* Bytes a thread should have to read before it is worth starting: about a microsecond's. */
#define SHARE_BYTES 8192

typedef struct recorded {
    exciton_host_task task;
    exciton_host_routine routine;
    uint64_t units;
    uint64_t granule;
    uint32_t shares;
} recorded;

struct exciton_be_recording {
    const exciton_env *env;
    recorded *steps;
    uint32_t count;
};

/* Units of a step, how many stay together, and about how many bytes it reads. */
typedef struct extent {
    uint64_t units, granule, bytes;
} extent;

#define READ(type) exciton_host_##type p; memcpy(&p, params, sizeof p)

static extent measure(exciton_kernel kernel, const uint32_t *params)
{
    switch (kernel) {
    case EXCITON_KERNEL_SQUEEZE: {
        READ(squeeze);
        return (extent){p.units, 1, (uint64_t)p.units * p.unit_length * 4};
    }
    case EXCITON_KERNEL_HIDDEN: {
        READ(hidden);
        uint64_t units = (uint64_t)p.samples * exciton_host_pitch(p.hidden);
        return (extent){units, EXCITON_HOST_GRANULE, units * p.channels * 4};
    }
    case EXCITON_KERNEL_GATE: {
        READ(gate);
        uint64_t units = (uint64_t)p.samples * exciton_host_pitch(p.channels);
        return (extent){units, EXCITON_HOST_GRANULE, units * (p.hidden + 8u) * 4};
    }
    case EXCITON_KERNEL_SCALE: {
        READ(scale);
        return (extent){p.units, 1, (uint64_t)p.units * p.unit_length * 4};
    }
    case EXCITON_KERNEL_SPLIT_SQUEEZE: {
        READ(split_squeeze);
        return (extent){p.units, 1, (uint64_t)p.units * p.block * ((uint64_t)p.row_length + exciton_host_pitch(p.hidden)) * 4};
    }
    case EXCITON_KERNEL_SPLIT_SCALE: {
        READ(split_scale);
        return (extent){p.units, 1, (uint64_t)p.units * p.block * ((uint64_t)p.row_length + p.hidden) * 4};
    }
    case EXCITON_KERNEL_SAMPLE: {
        READ(sample);
        uint64_t units = (uint64_t)p.samples * p.shares;
        return (extent){units, 1, units * p.channels * ((uint64_t)p.row_length + p.hidden) * 4};
    }
    case EXCITON_KERNEL_PIPELINE: {
        READ(pipeline);
        return (extent){(p.samples + p.run - 1) / p.run, 1, (uint64_t)p.samples * p.channels * ((uint64_t)p.row_length + p.hidden) * 4};
    }
    case EXCITON_KERNEL_COPY: {
        READ(copy);
        uint64_t units = (uint64_t)p.rows * p.width;
        return (extent){units, EXCITON_HOST_GRANULE, units * 4};
    }
    case EXCITON_KERNEL_STREAM: {
        READ(stream);
        return (extent){p.units, 1, (uint64_t)p.units * p.unit_length * 4};
    }
    case EXCITON_KERNEL_COUNT:
        break;
    }
    return (extent){0, 1, 0};
}

static uint32_t choose_shares(const extent *size, uint32_t threads)
{
    uint64_t shares = size->bytes / SHARE_BYTES;
    uint64_t pieces = (size->units + size->granule - 1) / size->granule;
    shares = shares < pieces ? shares : pieces;
    shares = shares < threads ? shares : threads;
    return shares > 0 ? (uint32_t)shares : 1;
}

/* The floor says itself how many threads copy: it tries few and many. */
static uint32_t choose_copiers(const extent *size, uint32_t groups, uint32_t threads)
{
    uint64_t shares = size->units < groups ? size->units : groups;
    shares = shares < threads ? shares : threads;
    return shares > 0 ? (uint32_t)shares : 1;
}

static void resolve(exciton_host_task *task, const exciton_step *step, exciton_be_buffer *const buffers[EXCITON_SLOT_COUNT])
{
    const char *letters = exciton_kernel_describe(step->kernel.kernel)->slots;
    uint32_t slot = 0;
    for (; *letters != 0; letters++) {
        if (*letters == 'Y' && step->kernel.in_place)
            continue;
        const exciton_slot_range *range = &step->slots[slot++];
        float *at = (float *)(void *)(buffers[range->slot]->data + range->offset);
        switch (*letters) {
        case 'X': task->x = at; break;
        case 'Y': task->y = at; break;
        case 'W': task->w = at; break;
        default: task->t = at; break;
        }
        if (*letters == 'X' && step->kernel.in_place)
            task->y = at;
    }
    memcpy(task->params, step->params, sizeof task->params);
}

exciton_status exciton_host_recording_create(exciton_be_device *device, const exciton_step *steps, uint32_t count,
                                             exciton_be_kernel *const *kernels,
                                             exciton_be_buffer *const buffers[EXCITON_SLOT_COUNT],
                                             exciton_be_recording **recording)
{
    *recording = NULL;
    exciton_be_recording *made = exciton_allocate(device->env, sizeof *made);
    recorded *list = count > 0 ? exciton_allocate_array(device->env, count, sizeof *list) : NULL;
    if (made == NULL || (count > 0 && list == NULL)) {
        exciton_release(device->env, list);
        exciton_release(device->env, made);
        return exciton_fail(EXCITON_ERROR_MEMORY, "binding: host: out of memory for %u steps", (unsigned)count);
    }
    for (uint32_t i = 0; i < count; i++) {
        extent size = measure(steps[i].kernel.kernel, steps[i].params);
        list[i].routine = kernels[i]->routine;
        list[i].units = size.units;
        list[i].granule = size.granule;
        uint32_t threads = exciton_host_pool_threads(device->pool);
        list[i].shares = steps[i].kernel.kernel == EXCITON_KERNEL_STREAM ? choose_copiers(&size, steps[i].groups, threads)
                                                                         : choose_shares(&size, threads);
        resolve(&list[i].task, &steps[i], buffers);
    }
    *made = (exciton_be_recording){.env = device->env, .steps = list, .count = count};
    *recording = made;
    return EXCITON_OK;
}

void exciton_host_recording_destroy(exciton_be_recording *recording)
{
    if (recording == NULL)
        return;
    exciton_release(recording->env, recording->steps);
    exciton_release(recording->env, recording);
}

/* A contiguous range a share, so that what is a sample's is worked out once a share. */
static void run_share(void *argument, uint32_t share)
{
    const recorded *step = argument;
    uint64_t pieces = (step->units + step->granule - 1) / step->granule;
    uint64_t each = pieces / step->shares, more = pieces % step->shares;
    uint64_t first = (share * each + (share < more ? share : more)) * step->granule;
    uint64_t end = first + (each + (share < more)) * step->granule;
    step->routine(&step->task, first, end < step->units ? end : step->units);
}

static void run_step(exciton_host_pool *pool, recorded *step)
{
    if (step->shares == 1)
        step->routine(&step->task, 0, step->units);
    else
        exciton_host_pool_run(pool, run_share, step, step->shares);
}

exciton_status exciton_host_submit(exciton_be_device *device, exciton_be_recording *const *recordings, uint32_t count,
                                   uint64_t *serial)
{
    if (!exciton_host_pool_alive(device->pool))
        return exciton_fail(EXCITON_ERROR_LOST, "submit: host: the process was forked after the device was opened");
    uint64_t mode = exciton_host_enter_arithmetic();
    exciton_host_pool_begin(device->pool);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < recordings[i]->count; j++)
            run_step(device->pool, &recordings[i]->steps[j]);
    exciton_host_pool_end(device->pool);
    exciton_host_leave_arithmetic(mode);
    *serial = ++device->serial;
    return EXCITON_OK;
}

/* submit returned, so the work is done. */
exciton_status exciton_host_wait(exciton_be_device *device, uint64_t serial, uint64_t nanoseconds)
{
    (void)device, (void)serial, (void)nanoseconds;
    return EXCITON_OK;
}
