/* Parts of the report in processes of their own. On POSIX a fork: the command itself has loaded no driver by then, and never
 * does. Elsewhere the part runs in the command, and a crash is the command's. */
#include "tool/doctor.h"

#include <stdlib.h>
#include <string.h>

enum { PATIENCE = 300 /* seconds */ };

static void hand_on(FILE *from, doctor_line_fn line, void *user)
{
    char text[8192];
    while (fgets(text, sizeof text, from)) {
        text[strcspn(text, "\r\n")] = 0;
        bool told = text[0] == '=';
        if (text[told])
            line(user, text + told, !told);
    }
}

#if defined(_WIN32)
void doctor_child(doctor_part part, const void *argument, doctor_line_fn line, void *user, char *end, size_t size)
{
    FILE *out = tmpfile();
    end[0] = 0;
    if (!out) {
        snprintf(end, size, "no temporary file");
        return;
    }
    part(argument, out);
    rewind(out);
    hand_on(out, line, user);
    fclose(out);
}
#else
#  include <errno.h>
#  include <signal.h>
#  include <sys/wait.h>
#  include <unistd.h>

static void run(doctor_part part, const void *argument, int pipe)
{
    (void)alarm(PATIENCE); /* its default action ends a driver that hangs */
    (void)dup2(pipe, STDERR_FILENO);
    (void)dup2(pipe, STDOUT_FILENO); /* drivers talk there, too */
    FILE *out = fdopen(pipe, "w");
    if (out) {
        setvbuf(out, NULL, _IOLBF, 8192);
        part(argument, out);
        fflush(out);
    }
    _exit(out ? 0 : 1); /* not exit: no handler of a driver runs */
}

static void say_end(int status, char *end, size_t size)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        snprintf(end, size, "it did not end within %d s", PATIENCE);
    else if (WIFSIGNALED(status))
        snprintf(end, size, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status))
        snprintf(end, size, "ended with status %d", WEXITSTATUS(status));
}

void doctor_child(doctor_part part, const void *argument, doctor_line_fn line, void *user, char *end, size_t size)
{
    int ends[2], status = 0;
    end[0] = 0;
    fflush(stdout);
    fflush(stderr);
    if (pipe(ends)) {
        snprintf(end, size, "pipe: %s", strerror(errno));
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        run(part, argument, ends[1]);
    }
    close(ends[1]);
    FILE *from = child > 0 ? fdopen(ends[0], "r") : NULL;
    if (from) {
        hand_on(from, line, user);
        fclose(from);
    } else {
        snprintf(end, size, "fork: %s", strerror(errno));
        close(ends[0]);
    }
    if (child > 0 && waitpid(child, &status, 0) == child)
        say_end(status, end, size);
}
#endif
