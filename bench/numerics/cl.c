/* Mode cl: the same row sums on the first OpenCL device, whose library is loaded at run time, and the whole split excite. */
#define CL_TARGET_OPENCL_VERSION 120
#include "numerics.h"

#include <CL/cl.h>
#include <dlfcn.h>

/* ---- the library */

#define FUNCTIONS(X)                                                                                                           \
    X(clGetPlatformIDs) X(clGetDeviceIDs) X(clGetDeviceInfo) X(clCreateContext) X(clCreateCommandQueue) X(clCreateBuffer)      \
    X(clCreateProgramWithSource) X(clBuildProgram) X(clGetProgramBuildInfo) X(clCreateKernel) X(clSetKernelArg)                \
    X(clEnqueueNDRangeKernel) X(clEnqueueReadBuffer) X(clEnqueueCopyBuffer) X(clFinish) X(clReleaseMemObject)
#define X(f) static __typeof__(&f) p_##f;
FUNCTIONS(X)
#undef X

static void must(cl_int e, const char *what)
{
    if (e != CL_SUCCESS) {
        printf("%s: %d\n", what, e);
        exit(2);
    }
}

static char *slurp(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        printf("%s: not here\n", path);
        exit(2);
    }
    char *text = calloc(1, 1 << 17);
    if (fread(text, 1, (1 << 17) - 1, f) == 0)
        exit(2);
    fclose(f);
    return text;
}

typedef struct {
    char name[40];
    int kind; /* 0 clEnqueueCopyBuffer, 1 copy, 2 rows_nchw, 3 tile_nhwc, 4 walk_nhwc, 5 squeeze and scale */
    int lanes;
    uint32_t blocks;
    size_t items;
    cl_kernel kernel, second;
} cl_variant;

static void set(cl_kernel k, int count, const cl_mem *buffers, int numbers, const cl_uint *values)
{
    for (int i = 0; i < count; i++)
        must(p_clSetKernelArg(k, (cl_uint)i, sizeof(cl_mem), &buffers[i]), "argument");
    for (int i = 0; i < numbers; i++)
        must(p_clSetKernelArg(k, (cl_uint)(count + i), sizeof(cl_uint), &values[i]), "argument");
}

/* ---- the device and its variants */

enum { LANES = 3 }; /* programs */
static const int lanes[LANES] = {16, 32, 64};

typedef struct {
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    cl_program programs[LANES];
    cl_variant variants[MOST];
    int count;
} study;

static void open_device(study *d)
{
    void *library = dlopen("libOpenCL.so.1", RTLD_NOW);
    if (library == NULL) {
        printf("no libOpenCL.so.1\n");
        exit(2);
    }
#define X(f)                                                                                                                   \
    *(void **)&p_##f = dlsym(library, #f);                                                                                     \
    if (p_##f == NULL)                                                                                                         \
        exit(2);
    FUNCTIONS(X)
#undef X
    cl_platform_id platform;
    cl_int e;
    char name[200];
    must(p_clGetPlatformIDs(1, &platform, NULL), "platform");
    must(p_clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &d->id, NULL), "device");
    must(p_clGetDeviceInfo(d->id, CL_DEVICE_NAME, sizeof name, name, NULL), "name");
    printf("%s\n", name);
    d->context = p_clCreateContext(NULL, 1, &d->id, NULL, NULL, &e);
    must(e, "context");
    d->queue = p_clCreateCommandQueue(d->context, d->id, 0, &e);
    must(e, "queue");
}

static cl_kernel kernel_named(cl_program program, const char *name)
{
    cl_int e;
    cl_kernel kernel = p_clCreateKernel(program, name, &e);
    must(e, "kernel");
    return kernel;
}

static void build(study *d, int l, const char **text)
{
    char options[100];
    cl_int e;
    snprintf(options, sizeof options, "-cl-std=CL1.2 -DLANES=%d -DCHUNK=4096", lanes[l]);
    d->programs[l] = p_clCreateProgramWithSource(d->context, 2, text, NULL, &e);
    must(e, "program");
    if (p_clBuildProgram(d->programs[l], 1, &d->id, options, NULL, NULL) != CL_SUCCESS) {
        static char log[10000];
        p_clGetProgramBuildInfo(d->programs[l], d->id, CL_PROGRAM_BUILD_LOG, sizeof log - 1, log, NULL);
        printf("%s\n", log);
        exit(2);
    }
}

static void add_variants(study *d, int l)
{
    static const char *kernels[] = {"", "copy", "rows_nchw", "tile_nhwc", "walk_nhwc", "squeeze"};
    for (int kind = 1; kind <= 5; kind++)
        for (size_t items = 2; items <= 8; items *= 4)
            for (uint32_t blocks = 8; blocks <= 64; blocks *= 2) {
                if ((kind == 1 && l > 0) || (kind == 5 && l != 1) || (kind != 5 && blocks != 8))
                    continue;
                cl_variant *w = &d->variants[d->count++];
                *w = (cl_variant){.kind = kind, .lanes = lanes[l], .items = items, .blocks = blocks};
                w->kernel = kernel_named(d->programs[l], kernels[kind]);
                if (kind == 5) {
                    w->second = kernel_named(d->programs[l], "scale");
                    snprintf(w->name, sizeof w->name, "se %u blocks x%zu", blocks, items);
                } else {
                    snprintf(w->name, sizeof w->name, "%s %d x%zu", kernels[kind], lanes[l], items);
                }
            }
}

/* ---- a shape's numbers and buffers */

enum { BUFFERS = 7 };

typedef struct {
    const shape *h;
    size_t elements;
    uint32_t stride;
    float *x, *z, *s, *w;
    cl_mem m[BUFFERS]; /* x, z, y, s, w1, w2, parts */
} data;

static void make_data(const study *d, data *b, const shape *h)
{
    *b = (data){.h = h, .elements = (size_t)h->n * h->c * h->s, .stride = (h->r + 7) / 8 * 8};
    size_t bytes = b->elements * 4, layer = (size_t)h->c * b->stride;
    b->x = allocate(bytes);
    b->s = allocate((size_t)h->n * h->c * 4);
    b->w = allocate(layer * 4);
    for (size_t i = 0; i < b->elements; i++)
        b->x[i] = random_float();
    for (size_t i = 0; i < layer; i++)
        b->w[i] = i % b->stride < h->r ? random_float() * 0.01f : 0.0f;
    b->z = transposed(b->x, h);
    struct {
        size_t bytes;
        void *from;
    } what[BUFFERS] = {{bytes, b->x}, {bytes, b->z}, {bytes, NULL}, {(size_t)h->n * h->c * 4, NULL}, {layer * 4, b->w}, {layer * 4, b->w},
                       {(size_t)h->n * 512 * b->stride * 4, NULL}};
    for (int i = 0; i < BUFFERS; i++) {
        cl_int e;
        b->m[i] = p_clCreateBuffer(d->context, what[i].from != NULL ? CL_MEM_COPY_HOST_PTR : 0, what[i].bytes, what[i].from, &e);
        must(e, "buffer");
    }
}

static void free_data(data *b)
{
    for (int i = 0; i < BUFFERS; i++)
        p_clReleaseMemObject(b->m[i]);
    free(b->x);
    free(b->z);
    free(b->s);
    free(b->w);
}

/* The sums as the kernel before left them. */
static void read_and_check(const study *d, const data *b, const char *name, size_t of_lanes)
{
    must(p_clEnqueueReadBuffer(d->queue, b->m[3], CL_TRUE, 0, (size_t)b->h->n * b->h->c * 4, b->s, 0, NULL, NULL), "read");
    check(name, b->h, b->x, b->s, of_lanes, 4096);
}

/* The kernels that are here for the compilers of GPUs: right, but not timed. */
static void check_untimed(const study *d, const data *b)
{
    static const char *untimed[] = {"row_nchw", "row_nchw_passes", "lanes_nchw", "channel_nhwc", "channel_nhwc_walk"};
    const shape *h = b->h;
    for (int i = 0; i < 15 && h->n == 1; i++) {
        int l = i / 5, kind = i % 5;
        cl_kernel kernel = kernel_named(d->programs[l], untimed[kind]);
        set(kernel, 2, (cl_mem[]){b->m[kind < 3 ? 0 : 1], b->m[3]}, 2, (cl_uint[]){h->c, h->s});
        size_t local[2] = {1, 1}, global[2] = {h->c, 1};
        if (kind == 2) { /* a group is the lanes of four rows */
            local[0] = (size_t)lanes[l];
            local[1] = 4;
            global[0] = (h->c + 3) / 4 * local[0];
            global[1] = 4;
        }
        must(p_clEnqueueNDRangeKernel(d->queue, kernel, 2, NULL, global, local, 0, NULL, NULL), "enqueue");
        read_and_check(d, b, untimed[kind], (size_t)lanes[l]);
    }
}

/* ---- times */

static void set_arguments(const cl_variant *u, const data *b)
{
    const shape *h = b->h;
    const cl_mem *m = b->m;
    cl_uint block = u->kind == 5 ? block_length(h->c, u->blocks) : 0;
    switch (u->kind) {
    case 1:
        set(u->kernel, 2, (cl_mem[]){m[0], m[2]}, 1, (cl_uint[]){(cl_uint)(b->elements / 8)});
        break;
    case 2:
        set(u->kernel, 2, (cl_mem[]){m[0], m[3]}, 2, (cl_uint[]){h->n * h->c, h->s});
        break;
    case 3:
    case 4:
        set(u->kernel, 2, (cl_mem[]){m[1], m[3]}, 3, (cl_uint[]){h->n, h->c, h->s});
        break;
    case 5:
        set(u->kernel, 3, (cl_mem[]){m[0], m[4], m[6]}, 5, (cl_uint[]){h->n, h->c, b->stride, h->s, block});
        set(u->second, 4, (cl_mem[]){m[0], m[6], m[5], m[2]}, 6, (cl_uint[]){h->n, h->c, h->r, b->stride, h->s, block});
        break;
    default:
        break;
    }
}

static double run(const study *d, const cl_variant *u, const data *b)
{
    const size_t one = 1;
    double start = now();
    if (u->kind == 0)
        must(p_clEnqueueCopyBuffer(d->queue, b->m[0], b->m[2], 0, 0, b->elements * 4, 0, NULL, NULL), "copy");
    else
        must(p_clEnqueueNDRangeKernel(d->queue, u->kernel, 1, NULL, &u->items, &one, 0, NULL, NULL), "enqueue");
    if (u->kind == 5)
        must(p_clEnqueueNDRangeKernel(d->queue, u->second, 1, NULL, &u->items, &one, 0, NULL, NULL), "enqueue");
    must(p_clFinish(d->queue), "finish");
    return now() - start;
}

/* The times of each variant are sorted. */
static void print_times(const study *d, const shape *h, double **t, int rounds)
{
    double median = INFINITY, least = INFINITY;
    for (int i = 0; i < d->count; i++)
        if (d->variants[i].kind <= 1) {
            median = fmin(median, t[i][rounds / 2]);
            least = fmin(least, t[i][0]);
        }
    print_shape(h);
    printf(": copy %.1f/%.1f us\n", median, least);
    for (int i = 0; i < d->count; i++)
        printf("  %-20s %.2f/%.2f\n", d->variants[i].name, t[i][rounds / 2] / median, t[i][0] / least);
    fflush(stdout);
}

/* The first round is checked, not timed. */
static void time_variants(const study *d, const data *b, int rounds)
{
    double *t[MOST];
    for (int i = 0; i < d->count; i++)
        t[i] = malloc(sizeof(double) * (size_t)rounds);
    for (int round = -1; round < rounds; round++) {
        size_t order[MOST];
        shuffle(order, (size_t)d->count);
        for (int k = 0; k < d->count; k++) {
            const cl_variant *u = &d->variants[order[k]];
            set_arguments(u, b);
            double time = run(d, u, b);
            if (round >= 0)
                t[order[k]][round] = time;
            else if (u->kind >= 2 && u->kind <= 4)
                read_and_check(d, b, u->name, (size_t)u->lanes);
        }
    }
    for (int i = 0; i < d->count; i++)
        qsort(t[i], (size_t)rounds, sizeof(double), by_value);
    print_times(d, b->h, t, rounds);
    for (int i = 0; i < d->count; i++)
        free(t[i]);
}

void device(int rounds, size_t first, size_t last)
{
    static study d;
    open_device(&d);
    const char *text[2] = {slurp("kernels/scalar.h"), slurp("bench/numerics/numerics.cl")};
    d.variants[d.count++] = (cl_variant){.name = "copy buffer", .kind = 0};
    for (int l = 0; l < LANES; l++) {
        build(&d, l, text);
        add_variants(&d, l);
    }
    for (size_t which = first; which <= last; which++) {
        data b;
        make_data(&d, &b, &shapes[which]);
        check_untimed(&d, &b);
        time_variants(&d, &b, rounds);
        free_data(&b);
    }
}
