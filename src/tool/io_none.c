/* The commands that read files, in a build without libexciton-io. */
#include "tool/tool.h"

static int refuse(const char *command)
{
    return tool_error(TOOL_OTHER, "%s: files: this build reads none (built without EXCITON_IO)", command);
}

int tool_inspect(int argc, char **argv) { (void)argc; (void)argv; return refuse("inspect"); }
int tool_extract(int argc, char **argv) { (void)argc; (void)argv; return refuse("extract"); }
int tool_run(int argc, char **argv) { (void)argc; (void)argv; return refuse("run"); }
