/* What a C programmer would put together from CLBlast, beside the peers (serve.h): the means are a matrix by a vector of ones / S
 * (xSUM is a call a row, thousands of them), the layers two products, one sample GEMV, several GEMM; activations and the
 * scaling aren't in CLBlast, and are two kernels of one's own. Buffers resident; a call ends with clFinish.
 *
 *     clblast
 */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include "serve.h"

#include <clblast_c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char source[] =
    "kernel void relu(global float *h) { h[get_global_id(0)] = fmax(h[get_global_id(0)], 0.0f); }\n"
    /* a row a work-item: on a processor its elements are then done one after the other, in vectors */
    "kernel void scale(global const float *x, global const float *v, global float *y, uint length)\n"
    "{\n"
    "    size_t row = get_global_id(0);\n"
    "    float g = 1.0f / (1.0f + exp(-v[row]));\n"
    "    for (uint i = 0; i < length; i++)\n"
    "        y[row * length + i] = g * x[row * length + i];\n"
    "}\n";

static cl_context context;
static cl_device_id device;
static cl_command_queue queue;
static cl_program program;
static cl_kernel relu, scale;
static cl_mem x, y, w1, w2, ones, s, h, v;
static size_t n, c, r, length;
static char device_name[256], driver_version[256];

/* Without data: zeros, since CLBlast multiplies what an output holds by 0, and 0 times a NaN is one. */
static cl_mem make(size_t count, const float *data, cl_int *status)
{
    cl_int now = CL_OUT_OF_HOST_MEMORY;
    float *zeros = data ? NULL : calloc(count, sizeof *zeros);
    cl_mem buffer = NULL;
    if (data || zeros)
        buffer = clCreateBuffer(context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, count * sizeof(float), (void *)(uintptr_t)(data ? data : zeros), &now);
    free(zeros);
    if (now)
        *status = now;
    return buffer;
}

static void close_block(void)
{
    cl_mem *const all[] = {&x, &y, &w1, &w2, &ones, &s, &h, &v};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (*all[i])
            clReleaseMemObject(*all[i]);
        *all[i] = NULL;
    }
}

static int means(void)
{
    return CLBlastSgemv(CLBlastLayoutRowMajor, CLBlastTransposeNo, n * c, length, 1.0f / (float)length, x, 0, length, ones, 0, 1, 0, s, 0, 1, &queue, NULL);
}

/* out[n][outputs] = in[n][inputs] · weights[outputs][inputs] transposed */
static int layer(cl_mem in, size_t inputs, cl_mem weights, size_t outputs, cl_mem out)
{
    if (n == 1)
        return CLBlastSgemv(CLBlastLayoutRowMajor, CLBlastTransposeNo, outputs, inputs, 1, weights, 0, inputs, in, 0, 1, 0, out, 0, 1, &queue, NULL);
    return CLBlastSgemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeYes, n, outputs, inputs, 1, in, 0, inputs, weights, 0, inputs, 0, out, 0,
                        outputs, &queue, NULL);
}

static int call(void)
{
    size_t hidden = n * r, rows = n * c;
    int status = means();
    if (!status)
        status = layer(s, c, w1, r, h);
    if (!status)
        status = clEnqueueNDRangeKernel(queue, relu, 1, NULL, &hidden, NULL, 0, NULL, NULL);
    if (!status)
        status = layer(h, r, w2, c, v);
    if (!status)
        status = clEnqueueNDRangeKernel(queue, scale, 1, NULL, &rows, NULL, 0, NULL, NULL);
    return status ? status : clFinish(queue);
}

static const char *text_of(int status)
{
    static char line[64];
    snprintf(line, sizeof line, "OpenCL or CLBlast: %d", status);
    return status ? line : NULL;
}

static const char *run(const char *item, uint64_t *nanoseconds)
{
    uint64_t begin = serve_clock();
    int status = strcmp(item, "call") ? CL_INVALID_VALUE : call();
    *nanoseconds = serve_clock() - begin;
    return text_of(status);
}

static cl_int make_buffers(const serve_block *b, const float *result)
{
    cl_int status = CL_SUCCESS;
    float *one = malloc(length * sizeof *one);
    for (size_t i = 0; one && i < length; i++)
        one[i] = 1;
    x = make(n * c * length, b->x, &status);
    y = make(n * c * length, result, &status);
    w1 = make(r * c, b->w1, &status);
    w2 = make(c * r, b->w2, &status);
    ones = make(length, one, &status);
    s = make(n * c, NULL, &status);
    h = make(n * r, NULL, &status);
    v = make(n * c, NULL, &status);
    free(one);
    return one ? status : CL_OUT_OF_HOST_MEMORY;
}

static const char *open_block(const serve_block *b, float *result)
{
    n = b->n, c = b->c, r = b->r, length = b->h * b->w;
    cl_uint row = (cl_uint)length;
    int status = make_buffers(b, result);
    if (!status)
        status = clSetKernelArg(relu, 0, sizeof h, &h) | clSetKernelArg(scale, 0, sizeof x, &x) | clSetKernelArg(scale, 1, sizeof v, &v) |
                 clSetKernelArg(scale, 2, sizeof y, &y) | clSetKernelArg(scale, 3, sizeof row, &row);
    if (!status)
        status = call();
    if (!status)
        status = clEnqueueReadBuffer(queue, y, CL_TRUE, 0, b->bytes, result, 0, NULL, NULL);
    return text_of(status);
}

static void print_info(void)
{
    printf("\"device\": ");
    serve_text(device_name);
    printf(", \"driver_version\": ");
    serve_text(driver_version);
}

static int open_device(void)
{
    const char *text = source;
    cl_platform_id platform;
    cl_int status = clGetPlatformIDs(1, &platform, NULL);
    if (!status)
        status = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL);
    if (!status)
        context = clCreateContext(NULL, 1, &device, NULL, NULL, &status);
    if (!status)
        queue = clCreateCommandQueue(context, device, 0, &status);
    if (!status)
        program = clCreateProgramWithSource(context, 1, &text, NULL, &status);
    if (!status)
        status = clBuildProgram(program, 1, &device, "", NULL, NULL);
    if (!status)
        relu = clCreateKernel(program, "relu", &status);
    if (!status)
        scale = clCreateKernel(program, "scale", &status);
    if (!status) {
        clGetDeviceInfo(device, CL_DEVICE_NAME, sizeof device_name, device_name, NULL);
        clGetDeviceInfo(device, CL_DEVICE_VERSION, sizeof driver_version, driver_version, NULL);
    }
    return status;
}

int main(void)
{
    static const serve_table table = {.open = open_block, .run = run, .info = print_info, .close = close_block};
    int status = open_device();
    serve_ready(text_of(status));
    return status ? 1 : serve(&table);
}
