/* A progress line on stderr, for a person only, drawn by a thread of its own: a compilation or a dispatch that takes
 * long gives no occasion. */
#include <stdio.h>

#include "base/os.h"
#include "tool/tool.h"

#define SECOND UINT64_C(1000000000)
#define WIDTH 32

static struct {
    bool running;              /* only the command's own thread looks at it */
    exciton_mutex mutex;
    exciton_cond cond;
    exciton_thread thread;
    bool stop, drawn;
    const char *what, *text;
    uint32_t done, of;
} line;

static void draw(void)
{
    char bar[WIDTH + 1];
    if (!line.of)
        return;
    uint64_t full = (uint64_t)line.done * WIDTH / line.of;
    for (uint32_t i = 0; i < WIDTH; i++)
        bar[i] = i < full ? '#' : '.';
    bar[WIDTH] = 0;
    fprintf(stderr, "\r\033[K%s [%s] %u of %u %s", line.what, bar, line.done, line.of, line.text);
    fflush(stderr);
    line.drawn = true;
}

static void *draw_until_stopped(void *argument)
{
    (void)argument;
    uint64_t next = exciton_clock() + SECOND;
    exciton_mutex_lock(&line.mutex);
    while (!line.stop) {
        if (exciton_cond_wait_until(&line.cond, &line.mutex, next) || line.stop)
            continue;
        draw();
        next = exciton_clock() + SECOND / 5;
    }
    if (line.drawn)
        fputs("\r\033[K", stderr);
    exciton_mutex_unlock(&line.mutex);
    return NULL;
}

void tool_progress_begin(const char *what)
{
    if (line.running || !exciton_stderr_is_terminal())
        return;
    if (!exciton_mutex_init(&line.mutex))
        return;
    if (!exciton_cond_init(&line.cond)) {
        exciton_mutex_destroy(&line.mutex);
        return;
    }
    line.what = what;
    line.text = "";
    line.stop = line.drawn = false;
    line.done = line.of = 0;
    line.running = exciton_thread_start(&line.thread, draw_until_stopped, NULL);
    if (!line.running) {
        exciton_cond_destroy(&line.cond);
        exciton_mutex_destroy(&line.mutex);
    }
}

void tool_progress_set(const char *text, uint32_t done, uint32_t of)
{
    if (!line.running)
        return;
    exciton_mutex_lock(&line.mutex);
    line.text = text ? text : line.text;
    line.done = done;
    line.of = of;
    exciton_mutex_unlock(&line.mutex);
}

void tool_progress_end(void)
{
    if (!line.running)
        return;
    exciton_mutex_lock(&line.mutex);
    line.stop = true;
    exciton_cond_broadcast(&line.cond);
    exciton_mutex_unlock(&line.mutex);
    exciton_thread_join(line.thread);
    exciton_cond_destroy(&line.cond);
    exciton_mutex_destroy(&line.mutex);
    line.running = false;
}
