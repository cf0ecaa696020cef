/* Outputs of many blocks of ONNX files on one device, in one process: for check.py.
 *   run_blocks SELECTOR   first a line for the device: {"driver": "..."}; then for each line MODEL TAB INDEX TAB X.npy TAB Y.npy of
 *                         stdin one: {}, or {"error": "what: where: why"}
 * Exit status 1: no device, 2: arguments, or a line of stdin that is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <exciton/io.h>

static void put_string(const char *text)
{
    putchar('"');
    for (; *text; text++)
        if (*text == '"' || *text == '\\' || (unsigned char)*text < 0x20)
            printf("\\u%04x", (unsigned char)*text);
        else
            putchar(*text);
    putchar('"');
}

static void put_error(void)
{
    printf("{\"error\": ");
    put_string(exciton_last_error());
    printf("}\n");
}

static exciton_status run_block(exciton_device *device, const char *path, uint32_t index, const char *from, const char *to)
{
    exciton_model *model = NULL;
    exciton_tensor x = {0};
    exciton_se se = {0};
    exciton_plan *plan = NULL;
    float *y = NULL;
    exciton_status status = exciton_model_open(path, &model);
    if (!status)
        status = exciton_model_se(model, index, &se);
    if (!status)
        status = exciton_npy_read(from, &x);
    if (!status && (x.dims < 3 || x.dims > 5 || !(y = malloc(x.count * sizeof *y))))
        status = exciton_report(EXCITON_ERROR_MEMORY, "run_blocks: x: no memory, or no tensor of 3 to 5 dimensions");
    if (!status) {
        se.max = (exciton_shape){.batch = x.shape[0], .dims = x.dims - 2};
        for (uint32_t i = 0; i < se.max.dims; i++)
            se.max.spatial[i] = x.shape[i + 2];
        status = exciton_plan_create_se(device, &se, &plan);
    }
    if (!status)
        status = exciton_run_host(plan, x.data, y);
    if (!status)
        status = exciton_npy_write(to, x.dims, x.shape, y);
    exciton_plan_destroy(plan);
    free(y);
    exciton_tensor_free(&x);
    exciton_model_close(model);
    return status;
}

static int run_lines(exciton_device *device)
{
    char line[8192], *field[4];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        field[0] = strtok(line, "\t");
        for (int i = 1; i < 4; i++)
            field[i] = strtok(NULL, "\t");
        if (!field[3])
            return 2;
        if (run_block(device, field[0], (uint32_t)strtoul(field[1], NULL, 10), field[2], field[3]))
            put_error();
        else
            printf("{}\n");
    }
    return 0;
}

int main(int count, char **arguments)
{
    exciton_context *context = NULL;
    exciton_device *device = NULL;
    exciton_device_info info;
    int result = 1;
    if (count != 2)
        return 2;
    if (exciton_context_create(NULL, &context) || exciton_device_open(context, arguments[1], &device) || exciton_device_get_info(device, &info)) {
        fprintf(stderr, "run_blocks: %s\n", exciton_last_error());
    } else {
        printf("{\"driver\": ");
        put_string(info.driver);
        printf("}\n");
        result = run_lines(device);
    }
    exciton_device_close(device);
    exciton_context_destroy(context);
    return result;
}
