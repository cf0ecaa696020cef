/* The command `exciton`: its sub-commands, its one error line and its exit status. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "tool/tool.h"

typedef struct command {
    const char *name, *summary;
    int (*main)(int argc, char **argv);
} command;

static int show_version(int argc, char **argv);

static const command commands[] = {
    {"devices", "list the devices, and the APIs without one", tool_devices},
    {"inspect", "list the SE blocks of a model", tool_inspect},
    {"extract", "write a model's SE blocks as safetensors", tool_extract},
    {"run", "run an SE block of a file on x, write y", tool_run},
    {"verify", "compare a device with the oracle, print its digest", tool_verify},
    {"bench", "time a block's calls beside the floor of a copy", tool_bench},
    {"tune", "measure which schedule runs a block fastest, and remember it", tool_tune},
    {"doctor", "look for what is wrong with drivers, devices and folders", tool_doctor},
    {"version", "print the library's version", show_version},
};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

void tool_clean(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

/* As long as it must be: a path can be longer than any buffer, and why it failed stands behind it. */
int tool_error(tool_exit exit, const char *format, ...)
{
    char brief[1024], *line = brief;
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(brief, sizeof brief, format, arguments);
    if (length >= (int)sizeof brief && (line = malloc((size_t)length + 1)))
        vsnprintf(line, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
    line = line ? line : brief;
    tool_clean(line);
    tool_progress_end();
    fprintf(stderr, "exciton: %s\n", line);
    if (line != brief)
        free(line);
    return exit;
}

tool_exit tool_exit_of(exciton_status status, tool_stage stage)
{
    switch (status) {
    case EXCITON_OK:
        return TOOL_DONE;
    case EXCITON_ERROR_CHECK:
        return TOOL_CHECK_FAILED;
    case EXCITON_ERROR_ABSENT:
    case EXCITON_ERROR_AMBIGUOUS:
        return TOOL_NO_DEVICE;
    case EXCITON_ERROR_MEMORY:
    case EXCITON_ERROR_LOST:
    case EXCITON_ERROR_TIMEOUT:
    case EXCITON_ERROR_DRIVER:
    case EXCITON_ERROR_COMPILE:
        return TOOL_OTHER;
    case EXCITON_ERROR_LIMIT:
    case EXCITON_ERROR_UNSUPPORTED:
        return stage == TOOL_AT_FILES ? TOOL_BAD_FILE : TOOL_OTHER;
    case EXCITON_ERROR_SHAPE:
    case EXCITON_ERROR_OVERFLOW:
    case EXCITON_ERROR_FORMAT:
        return stage == TOOL_AT_OPTIONS ? TOOL_BAD_OPTION : TOOL_BAD_FILE;
    case EXCITON_ERROR_ARGUMENT:
    case EXCITON_ERROR_NAME:
        return stage == TOOL_AT_FILES ? TOOL_BAD_FILE : stage == TOOL_AT_OPTIONS ? TOOL_BAD_OPTION : TOOL_OTHER;
    case EXCITON_ERROR_FILE:
        return stage == TOOL_AT_FILES ? TOOL_BAD_FILE : TOOL_OTHER;
    case EXCITON_ERROR_OVERLAP:
    case EXCITON_ERROR_FOREIGN:
    case EXCITON_ERROR_STALE:
        break; /* not to be reached from a command line */
    }
    return TOOL_OTHER;
}

int tool_fail(exciton_status status, tool_stage stage)
{
    const char *line = exciton_last_error();
    return tool_error(tool_exit_of(status, stage), "%s", line[0] ? line : exciton_status_text(status));
}

static void log_to_stderr(void *user, exciton_log_level level, const char *line)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    (void)user;
    fprintf(stderr, "exciton: %s: %s\n", (unsigned)level < 4 ? names[level] : "log", line);
}

exciton_status tool_context(bool verbose, exciton_context **context)
{
    char directory[4096];
    bool cached = tool_cache_directory(directory, sizeof directory);
    return exciton_context_create(&(exciton_context_params){.log = verbose ? log_to_stderr : NULL, .cache.directory = cached ? directory : NULL},
                                  context);
}

const char *tool_api_name(exciton_api api)
{
    static const char *const names[] = {"host", "opencl", "vulkan"};
    return (unsigned)api < 3 ? names[api] : "unknown";
}

const char *tool_type_name(exciton_device_type type)
{
    static const char *const names[] = {"host", "software", "virtual", "integrated", "discrete"};
    return (unsigned)type < 5 ? names[type] : "unknown";
}

static int show_version(int argc, char **argv)
{
    bool json = false, help = false;
    const tool_option options[] = {{.name = "json", .help = "as JSON", .flag = &json}, {0}};
    int status = tool_options_parse("version", options, argc, argv, &help);
    if (status != TOOL_DONE || help)
        return status;
    if (!json) {
        printf("exciton %s, numerics %u\n", exciton_version(), exciton_numerics());
        return TOOL_DONE;
    }
    tool_json out = {0};
    tool_json_header(&out);
    tool_json_key(&out, "version");
    tool_json_string(&out, exciton_version());
    tool_json_end(&out, '}');
    return TOOL_DONE;
}

static int show_help(void)
{
    puts("exciton runs Squeeze-and-Excitation (SE) blocks on host, OpenCL and Vulkan devices.\n\nexciton COMMAND [options]");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-10s%s\n", commands[i].name, commands[i].summary);
    puts("  help      print this, or a command's options\n\n"
         "Exit status: 0 done, 1 a check failed, 2 options, 3 device, 4 files, 5 the rest.");
    return TOOL_DONE;
}

static int run_command(const char *name, int argc, char **argv)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (!strcmp(name, commands[i].name))
            return commands[i].main(argc, argv);
    return tool_error(TOOL_BAD_OPTION, "command: %s: no such command (devices, inspect, extract, run, verify, bench, tune, doctor, version, help)", name);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2)
        return tool_error(TOOL_BAD_OPTION, "command: none: one is needed (devices, inspect, extract, run, verify, bench, tune, doctor, version, help)");
    const char *name = argv[1];
    if (!strcmp(name, "--version"))
        name = "version";
    if (!strcmp(name, "help") || !strcmp(name, "--help")) {
        if (argc == 2 || !strcmp(argv[2], "help"))
            return show_help();
        if (argc > 3)
            return tool_error(TOOL_BAD_OPTION, "help: %s: one command at a time", argv[3]);
        return run_command(argv[2], 1, (char *[]){(char[]){"--help"}, NULL});
    }
    return run_command(name, argc - 2, argv + 2);
}

int main(int argc, char **argv)
{
    exciton_hold_standard_files();
    int status = dispatch(argc, argv);
    if ((fflush(stdout) || ferror(stdout)) && status <= TOOL_CHECK_FAILED)
        return tool_error(TOOL_OTHER, "output: stdout: can't be written");
    return status;
}
