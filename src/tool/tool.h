/* What the sub-commands of `exciton` share. Each is one file and one function, tool_NAME, that returns the exit status. */
#ifndef EXCITON_TOOL_TOOL_H
#define EXCITON_TOOL_TOOL_H

#include <exciton/exciton.h>

#include "base/error.h"

/* docs/command.md, "Exit status". */
typedef enum tool_exit {
    TOOL_DONE = 0, TOOL_CHECK_FAILED = 1, TOOL_BAD_OPTION = 2, TOOL_NO_DEVICE = 3, TOOL_BAD_FILE = 4, TOOL_OTHER = 5
} tool_exit;

int tool_devices(int argc, char **argv);
int tool_inspect(int argc, char **argv);
int tool_extract(int argc, char **argv);
int tool_run(int argc, char **argv);
int tool_verify(int argc, char **argv);
int tool_bench(int argc, char **argv);
int tool_tune(int argc, char **argv);
int tool_doctor(int argc, char **argv);

/* ---- main.c */

/* What the command was doing: a status alone can't tell a bad option from a bad file, or a read from a write. */
typedef enum tool_stage { TOOL_AT_OPTIONS, TOOL_AT_FILES, TOOL_AT_DEVICE, TOOL_AT_OUTPUT } tool_stage;

tool_exit tool_exit_of(exciton_status status, tool_stage stage);
/* Prints the library's last error as the command's one line; returns its exit status. */
int tool_fail(exciton_status status, tool_stage stage);
/* Prints "exciton: " and the line; returns `exit`. */
int tool_error(tool_exit exit, const char *format, ...) EXCITON_PRINTF(2, 3);
/* Control characters become '?', so that neither a file's name nor a driver's can move the cursor. */
void tool_clean(char *text);
/* A context that logs to stderr if `verbose`. */
exciton_status tool_context(bool verbose, exciton_context **context);

const char *tool_api_name(exciton_api api);
const char *tool_type_name(exciton_device_type type);

/* ---- cache.c */

/* The user's cache folder for us; false where there is none, as in a set-uid process. */
bool tool_cache_directory(char *path, size_t size);

/* ---- options.c */

typedef struct tool_choice {
    const char *name;
    int value;
} tool_choice;

/* Of --excitation: exciton_excitation by name. */
extern const tool_choice tool_excitations[];
const char *tool_excitation_name(exciton_excitation excitation);

/* The values of an option that may be repeated. */
typedef struct tool_texts {
    const char *list[64];
    uint32_t count;
} tool_texts;

/* One option, `--name`. Exactly one of the pointers is set, and says what the value may be. */
typedef struct tool_option {
    const char *name;
    char letter;                /* `-o`; 0: none */
    bool positional;            /* with text: no option but the argument without one; its name is for the help */
    const char *value;          /* the value's name in the help; NULL for flags and choices */
    const char *help;
    bool *flag;
    const char **text;          /* not empty */
    tool_texts *texts;          /* not empty, each time it is given */
    uint64_t *number;           /* least to most */
    uint64_t least, most;
    float *fraction;            /* finite */
    bool *given;                /* with fraction: that it was there */
    int *choice;                /* set to the value of one of `choices`, which end with a NULL name */
    const tool_choice *choices;
    bool required;              /* with text */
} tool_option;

/* Parses what follows the command's name. TOOL_DONE: go on. `help` is set when it printed the command's options, and
 * then the command ends with TOOL_DONE. The table ends with a NULL name. */
int tool_options_parse(const char *command, const tool_option *options, int argc, char **argv, bool *help);

/* ---- output.c: an early look at where a file is to be written */

/* That the folder is there and may be written, and nothing but a regular file stands in the way. Prints its error. */
int tool_check_output(const char *path);
/* Whether two paths name one file, there or not. */
bool tool_same_output(const char *a, const char *b);

/* ---- table.c: rows of cells, aligned when printed */

#define TOOL_COLUMNS 9

typedef struct tool_table {
    uint32_t columns;
    uint32_t rows, capacity;
    char **cells;               /* rows x columns, owned */
    bool failed;                /* out of memory: prints nothing */
} tool_table;

/* Copies `columns` texts. */
void tool_table_row(tool_table *table, const char *const *cells);
/* A row of two cells, for results that are one record. */
void tool_table_pair(tool_table *table, const char *name, const char *format, ...) EXCITON_PRINTF(3, 4);
/* To stdout; false when memory ran out. Releases the table. */
bool tool_table_print(tool_table *table);

/* ---- json.c: one JSON value to stdout, indented */

typedef struct tool_json {
    uint32_t depth;
    bool comma, keyed;
} tool_json;

void tool_json_begin(tool_json *json, char bracket); /* '{' or '[' */
void tool_json_end(tool_json *json, char bracket);   /* '}' or ']' */
void tool_json_key(tool_json *json, const char *key);
void tool_json_string(tool_json *json, const char *text); /* NULL: null */
void tool_json_integer(tool_json *json, uint64_t value);
void tool_json_number(tool_json *json, double value);     /* null where not finite */
void tool_json_boolean(tool_json *json, bool value);
void tool_json_verbatim(tool_json *json, const char *text); /* a value as JSON writes it */
/* The object's opening and the members that every --json begins with. */
void tool_json_header(tool_json *json);

/* ---- progress.c: one line on a terminal's stderr, from the second second on */

void tool_progress_begin(const char *what);
/* From any thread. `text` is static; NULL keeps the last. */
void tool_progress_set(const char *text, uint32_t done, uint32_t of);
/* Clears the line. Legal when there is none. */
void tool_progress_end(void);

#endif
