/* Options: `--name value`, `--name=value` or `-n value`, read by a table that also makes the help. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/tool.h"

/* "a, b, c" of a choice's names, cut where it does not fit. */
static void list_choices(const tool_choice *choices, char *text, size_t size)
{
    size_t at = 0;
    text[0] = 0;
    for (; choices->name && at < size; choices++)
        at += (size_t)snprintf(text + at, size - at, "%s%s", at ? ", " : "", choices->name);
}

static void show_help(const char *command, const tool_option *options)
{
    printf("exciton %s", command);
    for (const tool_option *option = options; option->name; option++)
        if (option->positional)
            printf(" %s", option->value);
    puts(" [options]");
    for (; options->name; options++) {
        char left[64], letter[8] = "", names[160] = "";
        if (options->letter)
            snprintf(letter, sizeof letter, "-%c, ", options->letter);
        if (options->positional)
            snprintf(left, sizeof left, "%s", options->value);
        else
            snprintf(left, sizeof left, "%s--%s%s%s", letter, options->name, options->flag ? "" : " ",
                     options->flag ? "" : options->choice ? "NAME" : options->value);
        if (options->choice)
            list_choices(options->choices, names, sizeof names);
        printf("  %-26s%s%s%s%s\n", left, options->help, names[0] ? ": " : "", names, options->required ? " (required)" : "");
    }
    printf("  %-26s%s\n", "--help", "this list");
}

static int set_number(const tool_option *option, const char *value)
{
    uint64_t number = 0;
    const char *at = value;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (number > (UINT64_MAX - digit) / 10)
            break;
        number = number * 10 + digit;
    }
    if (at == value || *at || number < option->least || number > option->most)
        return tool_error(TOOL_BAD_OPTION, "option --%s: %s: a whole number from %llu to %llu is needed", option->name, value,
                          (unsigned long long)option->least, (unsigned long long)option->most);
    *option->number = number;
    return TOOL_DONE;
}

static int set_fraction(const tool_option *option, const char *value)
{
    char *end = NULL;
    float number = 0;
    if (value[strspn(value, "0123456789+-.eE")] == 0) /* no blanks, no hexadecimal, no nan */
        number = strtof(value, &end);
    if (!end || end == value || *end || !isfinite(number))
        return tool_error(TOOL_BAD_OPTION, "option --%s: %s: a finite decimal number is needed", option->name, value);
    *option->fraction = number;
    *option->given = true;
    return TOOL_DONE;
}

static int add_text(const tool_option *option, const char *value)
{
    if (option->texts->count == sizeof option->texts->list / sizeof *option->texts->list)
        return tool_error(TOOL_BAD_OPTION, "option --%s: %s: too many of them", option->name, value);
    option->texts->list[option->texts->count++] = value;
    return TOOL_DONE;
}

const tool_choice tool_excitations[] = {{"own", EXCITON_EXCITATION_OWN}, {"clblast", EXCITON_EXCITATION_CLBLAST}, {0}};

const char *tool_excitation_name(exciton_excitation excitation)
{
    return tool_excitations[excitation == EXCITON_EXCITATION_CLBLAST].name;
}

static int set_choice(const tool_option *option, const char *value)
{
    char names[160];
    for (const tool_choice *choice = option->choices; choice->name; choice++)
        if (!strcmp(choice->name, value)) {
            *option->choice = choice->value;
            return TOOL_DONE;
        }
    list_choices(option->choices, names, sizeof names);
    return tool_error(TOOL_BAD_OPTION, "option --%s: %s: no such choice (%s)", option->name, value, names);
}

static int set_value(const tool_option *option, const char *value)
{
    if (!value[0])
        return tool_error(TOOL_BAD_OPTION, "option --%s: \"\": a value is needed", option->name);
    if (option->number)
        return set_number(option, value);
    if (option->fraction)
        return set_fraction(option, value);
    if (option->texts)
        return add_text(option, value);
    if (option->choice)
        return set_choice(option, value);
    *option->text = value;
    return TOOL_DONE;
}

/* The option that `argument` names; `value` is what follows '=', or NULL. */
static const tool_option *find(const tool_option *options, const char *argument, const char **value)
{
    bool letter = argument[1] != '-';
    const char *name = argument + (letter ? 1 : 2), *equals = letter ? NULL : strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    *value = equals ? equals + 1 : NULL;
    for (; options->name; options++) {
        if (letter ? length == 1 && options->letter == name[0]
                   : !options->positional && strlen(options->name) == length && !strncmp(options->name, name, length))
            return options;
    }
    return NULL;
}

/* An argument that is no option. */
static int set_positional(const char *command, const tool_option *options, const char *argument)
{
    while (options->name && !options->positional)
        options++;
    if (!options->name)
        return tool_error(TOOL_BAD_OPTION, "option: %s: not an option; `exciton %s --help` lists them", argument, command);
    if (*options->text)
        return tool_error(TOOL_BAD_OPTION, "%s: %s: one is enough: there was %s", options->value, argument, *options->text);
    if (!argument[0])
        return tool_error(TOOL_BAD_OPTION, "%s: \"\": a name is needed", options->value);
    *options->text = argument;
    return TOOL_DONE;
}

/* The option at argv[*at], and its value. */
static int set_option(const char *command, const tool_option *options, int argc, char **argv, int *at)
{
    const char *value;
    const tool_option *option = find(options, argv[*at], &value);
    if (!option)
        return tool_error(TOOL_BAD_OPTION, "option: %s: unknown; `exciton %s --help` lists them", argv[*at], command);
    if (option->flag) {
        if (value)
            return tool_error(TOOL_BAD_OPTION, "option --%s: %s: takes no value", option->name, value);
        *option->flag = true;
        return TOOL_DONE;
    }
    if (!value && (*at + 1 == argc || !strncmp(argv[*at + 1], "--", 2)))
        return tool_error(TOOL_BAD_OPTION, "option --%s: nothing follows: a value is needed", option->name);
    return set_value(option, value ? value : argv[++*at]);
}

static int check_required(const char *command, const tool_option *options)
{
    for (; options->name; options++)
        if (options->required && !*options->text) {
            const char *name = options->positional ? options->value : options->name;
            return tool_error(TOOL_BAD_OPTION, "option %s%s: missing: `exciton %s` needs it", options->positional ? "" : "--", name,
                              command);
        }
    return TOOL_DONE;
}

int tool_options_parse(const char *command, const tool_option *options, int argc, char **argv, bool *help)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "--help")) {
            show_help(command, options);
            *help = true;
            return TOOL_DONE;
        }
    bool only_arguments = false; /* what follows "--" */
    for (int i = 0; i < argc; i++) {
        int status = TOOL_DONE;
        if (!only_arguments && !strcmp(argv[i], "--"))
            only_arguments = true;
        else if (only_arguments || argv[i][0] != '-' || !argv[i][1])
            status = set_positional(command, options, argv[i]);
        else
            status = set_option(command, options, argc, argv, &i);
        if (status != TOOL_DONE)
            return status;
    }
    return check_required(command, options);
}
