#include "tool/model_file.h"
int tool_extract(int argc, char **argv) { (void)argc; (void)argv; return tool_error(TOOL_OTHER, "extract: not there yet"); }
