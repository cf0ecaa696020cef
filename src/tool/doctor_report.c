/* The report: sections are tables, findings come last. */
#include "tool/doctor.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The columns are the members of the JSON; those with # are numbers. */
static const struct {
    const char *key;
    const char *columns[TOOL_COLUMNS];
} layouts[DOCTOR_SECTIONS] = {
    [DOCTOR_LOADERS] = {"loaders", {"api", "file", "why"}},
    [DOCTOR_DRIVERS] = {"drivers", {"api", "file", "library", "why"}},
    [DOCTOR_LAYERS] = {"layers", {"name", "file", "library", "why"}},
    [DOCTOR_ENVIRONMENT] = {"environment", {"name", "value"}},
    [DOCTOR_CACHE] = {"cache", {"folder", "#entries", "#bad", "why"}},
    [DOCTOR_ABSENT] = {"absent", {"api", "reason"}},
    [DOCTOR_DEVICES] = {"devices", {"name", "driver", "api", "version", "type", "selected_by", "#tested", "#wrong", "digest"}},
    [DOCTOR_LIMITS] = {"limits", {"device", "limit", "#value"}},
    [DOCTOR_ANSWERS] = {"answers", {"device", "variant", "answer", "why"}},
    [DOCTOR_FINDINGS] = {"findings", {"severity", "finding", "why", "remedy"}},
};

static uint32_t columns_of(int section)
{
    uint32_t count = 0;
    while (count < TOOL_COLUMNS && layouts[section].columns[count])
        count++;
    return count;
}

void doctor_begin(doctor_report *report)
{
    *report = (doctor_report){0};
    for (int s = 0; s < DOCTOR_SECTIONS; s++) {
        char texts[TOOL_COLUMNS][24];
        const char *cells[TOOL_COLUMNS];
        report->sections[s].columns = columns_of(s);
        for (uint32_t c = 0; c < columns_of(s); c++) {
            const char *name = layouts[s].columns[c];
            snprintf(texts[c], sizeof texts[c], "%s", name + (*name == '#'));
            for (char *at = texts[c]; *at; at++)
                *at = *at == '_' ? ' ' : (char)toupper((unsigned char)*at);
            cells[c] = texts[c];
        }
        tool_table_row(&report->sections[s], cells);
    }
}

void doctor_row(doctor_report *report, doctor_section section, const char *const *cells) { tool_table_row(&report->sections[section], cells); }

void doctor_find(doctor_report *report, doctor_severity severity, const char *what, const char *why, const char *remedy)
{
    static const char *const names[] = {"note", "warning", "error"};
    const tool_table *t = &report->sections[DOCTOR_FINDINGS];
    for (uint32_t row = 1; row < t->rows && !t->failed; row++)
        if (!strcmp(t->cells[row * t->columns + 1], what) && !strcmp(t->cells[row * t->columns + 2], why))
            return;
    report->counts[severity]++;
    doctor_row(report, DOCTOR_FINDINGS, (const char *const[]){names[severity], what, why, remedy});
}

/* ---- JSON */

static void json_cell(tool_json *json, int section, uint32_t column, const char *cell)
{
    const char *name = layouts[section].columns[column];
    tool_json_key(json, name + (*name == '#'));
    if (!strcmp(cell, "-"))
        tool_json_string(json, NULL);
    else if (*name == '#')
        tool_json_integer(json, strtoull(cell, NULL, 10));
    else
        tool_json_string(json, cell);
}

static void print_json(const doctor_report *report)
{
    tool_json json = {0};
    tool_json_header(&json);
    tool_json_key(&json, "version");
    tool_json_string(&json, exciton_version());
    for (int s = 0; s < DOCTOR_SECTIONS; s++) {
        const tool_table *t = &report->sections[s];
        tool_json_key(&json, layouts[s].key);
        tool_json_begin(&json, '[');
        for (uint32_t row = 1; row < t->rows; row++) {
            tool_json_begin(&json, '{');
            for (uint32_t c = 0; c < t->columns; c++)
                json_cell(&json, s, c, t->cells[row * t->columns + c]);
            tool_json_end(&json, '}');
        }
        tool_json_end(&json, ']');
    }
    tool_json_end(&json, '}');
}

/* ---- text */

static void print_findings(const tool_table *t)
{
    for (uint32_t row = 1; row < t->rows; row++) {
        char *const *cells = t->cells + (size_t)row * t->columns;
        printf("\n%s: %s\n    why:    %s\n    remedy: %s\n", cells[0], cells[1], cells[2], cells[3]);
    }
}

static bool print_text(doctor_report *report)
{
    printf("exciton %s\n", exciton_version());
    bool good = true;
    for (int s = 0; s < DOCTOR_FINDINGS; s++) { /* answers and limits are for the JSON: what matters of them is a finding */
        if (report->sections[s].rows < 2 || s == DOCTOR_ANSWERS || s == DOCTOR_LIMITS)
            continue;
        printf("\n%s\n", layouts[s].key);
        good = tool_table_print(&report->sections[s]) && good;
    }
    print_findings(&report->sections[DOCTOR_FINDINGS]);
    printf("\n%u errors, %u warnings, %u notes\n", report->counts[DOCTOR_ERROR], report->counts[DOCTOR_WARNING], report->counts[DOCTOR_NOTE]);
    return good;
}

bool doctor_print(doctor_report *report, bool json)
{
    bool good = true;
    for (int s = 0; s < DOCTOR_SECTIONS; s++)
        good = good && !report->sections[s].failed;
    if (good && json)
        print_json(report);
    else if (good)
        good = print_text(report);
    for (int s = 0; s < DOCTOR_SECTIONS; s++) {
        tool_table *t = &report->sections[s];
        for (uint32_t i = 0; i < t->rows * t->columns; i++)
            free(t->cells[i]);
        free(t->cells);
    }
    return good;
}

char *doctor_field(char **line)
{
    char *field = *line, *tab = strchr(field, '\t');
    *line = tab ? tab + 1 : field + strlen(field);
    if (tab)
        *tab = 0;
    return field;
}
