/* What the files of `exciton doctor` share: sections of a report, findings, and children that may crash. */
#ifndef EXCITON_TOOL_DOCTOR_H
#define EXCITON_TOOL_DOCTOR_H

#include <stdio.h>

#include "tool/tool.h"

/* ---- doctor_report.c */

typedef enum doctor_section {
    DOCTOR_LOADERS, DOCTOR_DRIVERS, DOCTOR_LAYERS, DOCTOR_ENVIRONMENT, DOCTOR_CACHE, DOCTOR_ABSENT, DOCTOR_DEVICES, DOCTOR_LIMITS, DOCTOR_ANSWERS,
    DOCTOR_FINDINGS, DOCTOR_SECTIONS
} doctor_section;

typedef enum doctor_severity { DOCTOR_NOTE, DOCTOR_WARNING, DOCTOR_ERROR } doctor_severity;

typedef struct doctor_report {
    tool_table sections[DOCTOR_SECTIONS];
    uint32_t counts[3];  /* findings by severity */
    bool has_mesa;       /* a Vulkan driver of Mesa is there */
    bool has_pocl;
} doctor_report;

void doctor_begin(doctor_report *report);
/* As many cells as the section has columns; "-" is null in JSON. */
void doctor_row(doctor_report *report, doctor_section section, const char *const *cells);
/* What is wrong, why, and what to do about it. The same finding twice is one. */
void doctor_find(doctor_report *report, doctor_severity severity, const char *what, const char *why, const char *remedy);
/* Prints and releases; false where memory ran out. */
bool doctor_print(doctor_report *report, bool json);

/* ---- doctor_child.c: a part of the report in a process of its own, since drivers crash and hang */

/* What a part tells, a line at a time: what it was called with, then what drivers say on stderr meanwhile. */
typedef void (*doctor_line_fn)(void *user, char *line, bool spoken);
/* Writes lines to `out`, each flushed; argument as given to doctor_child. */
typedef void (*doctor_part)(const void *argument, FILE *out);
/* Runs the part and hands on its lines. `end`: how it ended, where that was not well ("killed by signal 11 (…)"), else empty. */
void doctor_child(doctor_part part, const void *argument, doctor_line_fn line, void *user, char *end, size_t size);

/* ---- doctor_files.c: drivers and layers that loaders find */

void doctor_look_at_drivers(doctor_report *report);
void doctor_look_at_layers(doctor_report *report);

/* ---- doctor_places.c: environment and folders */

void doctor_look_at_environment(doctor_report *report);
void doctor_look_at_cache(doctor_report *report);
/* What the drivers that are there need besides. */
void doctor_look_at_driver_places(doctor_report *report);
/* Whether files can be made there, its missing parents included; if not, `why`. */
bool doctor_can_write(const char *folder, char *why, size_t size);

/* ---- doctor_devices.c: loaders, devices and what they compute */

void doctor_look_at_devices(doctor_report *report);

/* The next field of a line, tabs between; "" behind the last. Changes the line. */
char *doctor_field(char **line);

#endif
