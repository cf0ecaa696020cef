/* What a walk remembers: the nodes of a block, and the first reason why it is none. */
#include <stdarg.h>
#include <stdio.h>

#include "formats/match_parts.h"

bool exciton_walk_note(exciton_walk *walk, uint32_t node)
{
    for (uint32_t i = walk->node_count; i-- > 0;)
        if (walk->nodes[i] == node)
            return true;
    if (walk->node_count == EXCITON_WALK_NODES)
        return exciton_walk_break(walk, node, "more than %d nodes from the Mul on", EXCITON_WALK_NODES);
    walk->nodes[walk->node_count++] = node;
    return true;
}

bool exciton_walk_break(exciton_walk *walk, uint32_t node, const char *format, ...)
{
    if (walk->broken != EXCITON_NO_NODE)
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(walk->why, sizeof walk->why, format, arguments);
    va_end(arguments);
    for (char *c = walk->why; *c; c++) /* names are the model's */
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    walk->broken = node;
    return false;
}
