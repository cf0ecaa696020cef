/* What the matcher finds in an ONNX file, as JSON, and a block's output on host: for check.py.
 *   dump MODEL                    {"blocks": [...], "near": [...]}
 *   dump MODEL FOLDER             the same, and the weights of block I as they are run: FOLDER/I.fc1.npy, I.bias1.npy, fc2, bias2
 *   dump MODEL INDEX X.npy Y.npy  runs the block; nothing, or the line of the failure */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <exciton/io.h>

static int fail(void)
{
    fprintf(stderr, "dump: %s\n", exciton_last_error());
    return 1;
}

static void put_string(const char *text)
{
    if (!text) {
        printf("null");
        return;
    }
    putchar('"');
    for (; *text; text++)
        if (*text == '"' || *text == '\\' || (unsigned char)*text < 0x20)
            printf("\\u%04x", (unsigned char)*text);
        else
            putchar(*text);
    putchar('"');
}

static void put_field(const char *key, const char *text)
{
    printf("\"%s\": ", key);
    put_string(text);
    printf(", ");
}

static void put_number(const char *key, double number)
{
    if (isfinite(number))
        printf("\"%s\": %.17g, ", key, number);
    else
        printf("\"%s\": null, ", key);
}

static void put_block(const exciton_model_block *b)
{
    printf("{");
    put_field("name", b->name);
    put_field("kind", exciton_model_kind_name(b->kind));
    put_field("input", b->input);
    put_field("output", b->output);
    put_number("channels", (double)b->channels);
    put_number("hidden", (double)b->hidden);
    printf("\"bias\": [%s%s%s], ", b->bias[0] ? "true" : "false", b->layers == 2 ? ", " : "", b->layers == 2 ? (b->bias[1] ? "true" : "false") : "");
    put_field("activation", exciton_model_activation_name(b->activation));
    put_number("number0", b->activation_numbers[0]);
    put_number("number1", b->activation_numbers[1]);
    put_field("gate", exciton_model_gate_name(b->gate));
    put_number("slope", b->gate_slope);
    put_number("offset", b->gate_offset);
    printf("\"residual\": %s, ", b->residual ? "true" : "false");
    put_field("add", b->then_add);
    put_field("then", exciton_model_activation_name(b->then_activation));
    printf("\"channels_last\": %s, \"circular\": %s, ", b->channels_last ? "true" : "false", b->circular ? "true" : "false");
    put_number("kernel", (double)b->kernel);
    put_field("weight0", b->weight[0]);
    put_field("weight1", b->weight[1]);
    printf("\"clean\": %s, \"why\": ", b->clean ? "true" : "false");
    put_string(b->why);
}

static int write_npy(const char *folder, uint32_t index, const char *what, int layer, uint64_t rows, uint64_t columns, const float *data)
{
    char path[4096];
    uint64_t shape[2] = {rows, columns};
    if (!data)
        return 0;
    int length = snprintf(path, sizeof path, "%s/%u.%s%d.npy", folder, (unsigned)index, what, layer);
    return length < 0 || (size_t)length >= sizeof path || exciton_npy_write(path, columns ? 2 : 1, shape, data);
}

/* Why the block isn't run, and its weights if it is. */
static int put_weights(exciton_model *model, uint32_t index, const char *folder)
{
    exciton_se se = {0};
    exciton_status failed = exciton_model_se(model, index, &se);
    printf(", \"refused\": ");
    put_string(failed ? exciton_last_error() : NULL);
    if (failed || !folder)
        return failed != EXCITON_OK && failed != EXCITON_ERROR_UNSUPPORTED;
    return write_npy(folder, index, "fc", 1, se.hidden, se.channels, se.fc1.data) ||
           write_npy(folder, index, "fc", 2, se.channels, se.hidden, se.fc2.data) ||
           write_npy(folder, index, "bias", 1, se.hidden, 0, se.fc1.bias) ||
           write_npy(folder, index, "bias", 2, se.channels, 0, se.fc2.bias);
}

static int show(exciton_model *model, const char *folder)
{
    printf("{\"blocks\": [");
    for (uint32_t i = 0; i < exciton_model_block_count(model); i++) {
        exciton_model_block block;
        if (exciton_model_block_describe(model, i, &block))
            return fail();
        printf(i ? ",\n" : "\n");
        put_block(&block);
        if (put_weights(model, i, folder))
            return fail();
        printf("}");
    }
    printf("], \"near\": [");
    for (uint32_t i = 0; i < exciton_model_near_count(model); i++) {
        exciton_model_near near;
        if (exciton_model_near_describe(model, i, &near))
            return fail();
        printf(i ? ",\n{" : "\n{");
        put_field("at", near.at);
        printf("\"why\": ");
        put_string(near.why);
        printf("}");
    }
    printf("]}\n");
    return 0;
}

static int run(exciton_model *model, uint32_t index, const char *from, const char *to)
{
    exciton_tensor x = {0};
    exciton_se se = {0};
    exciton_context *context = NULL;
    exciton_device *device = NULL;
    exciton_plan *plan = NULL;
    float *y = NULL;
    int failed = exciton_model_se(model, index, &se) || exciton_npy_read(from, &x) || exciton_context_create(NULL, &context) ||
                 exciton_device_open(context, "host", &device);
    if (!failed) {
        se.max = (exciton_shape){.batch = x.shape[0], .dims = x.dims - 2};
        for (uint32_t i = 0; i < se.max.dims && i < 3; i++)
            se.max.spatial[i] = x.shape[i + 2];
        y = malloc(x.count * sizeof *y);
        failed = !y || exciton_plan_create_se(device, &se, &plan) || exciton_run_host(plan, x.data, y) ||
                 exciton_npy_write(to, x.dims, x.shape, y);
    }
    if (failed)
        fail();
    free(y);
    exciton_plan_destroy(plan);
    exciton_device_close(device);
    exciton_context_destroy(context);
    exciton_tensor_free(&x);
    return failed;
}

int main(int count, char **arguments)
{
    exciton_model *model;
    if (count < 2 || count > 5 || count == 4)
        return 2;
    if (exciton_model_open(arguments[1], &model))
        return fail();
    int failed = count < 5 ? show(model, count == 3 ? arguments[2] : NULL) : run(model, (uint32_t)strtoul(arguments[2], NULL, 10), arguments[3], arguments[4]);
    exciton_model_close(model);
    return failed;
}
