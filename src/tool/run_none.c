/* `exciton run` of a build without libexciton-io. */
#include "tool/tool.h"

int tool_run(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return tool_error(TOOL_OTHER, "run: files: this build reads none (built without EXCITON_IO)");
}
