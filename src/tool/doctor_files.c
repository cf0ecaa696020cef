/* Drivers and layers as their loaders find them: the files that name libraries, and whether those can be loaded. */
#include "tool/doctor.h"

#include "base/os.h"

#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
/* Drivers stand in the registry there; the loaders' own tools list them. */
void doctor_look_at_drivers(doctor_report *report) { (void)report; }
void doctor_look_at_layers(doctor_report *report) { (void)report; }
#else
#  include <dirent.h>
#  include <errno.h>
#  include <sys/stat.h>

enum { PATH = 4096, FILES = 128 };

typedef struct file_list {
    char paths[FILES][PATH];
    uint32_t count;
} file_list;

typedef void (*path_fn)(doctor_report *report, const char *path);

/* ---- where files are ---- */

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

/* Files of a folder that end so, by name. */
static void each_file(doctor_report *report, const char *folder, const char *ending, path_fn look)
{
    DIR *directory = opendir(folder);
    file_list *list = directory ? calloc(1, sizeof *list) : NULL;
    for (struct dirent *entry; list && list->count < FILES && (entry = readdir(directory));) {
        size_t length = strlen(entry->d_name), tail = strlen(ending);
        if (length > tail && !strcmp(entry->d_name + length - tail, ending) &&
            snprintf(list->paths[list->count], PATH, "%s/%s", folder, entry->d_name) < PATH)
            list->count++;
    }
    if (list)
        qsort(list->paths, list->count, PATH, by_name);
    for (uint32_t i = 0; list && i < list->count; i++)
        look(report, list->paths[i]);
    free(list);
    if (directory)
        closedir(directory);
}

/* A list with colons, each a file or a folder of them. */
static void each_listed(doctor_report *report, const char *list, const char *ending, path_fn look)
{
    while (list && *list) {
        char path[PATH];
        size_t length = strcspn(list, ":");
        struct stat status;
        snprintf(path, sizeof path, "%.*s", (int)length, list);
        if (path[0] && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
            each_file(report, path, ending, look);
        else if (path[0])
            look(report, path);
        list += length + (list[length] == ':');
    }
}

/* /BELOW of each of Vulkan's data folders. */
static void each_vulkan_folder(doctor_report *report, const char *below, path_fn look)
{
    static const char *const roots[] = {"/etc/xdg", "/usr/local/etc", "/etc", "/usr/local/share", "/usr/share"};
    const char *home = getenv("HOME"), *config = getenv("XDG_CONFIG_HOME"), *data = getenv("XDG_DATA_HOME");
    char path[PATH];
    if (config && *config)
        snprintf(path, sizeof path, "%s/vulkan/%s", config, below);
    else
        snprintf(path, sizeof path, "%s/.config/vulkan/%s", home ? home : "", below);
    each_file(report, path, ".json", look);
    if (data && *data)
        snprintf(path, sizeof path, "%s/vulkan/%s", data, below);
    else
        snprintf(path, sizeof path, "%s/.local/share/vulkan/%s", home ? home : "", below);
    each_file(report, path, ".json", look);
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        snprintf(path, sizeof path, "%s/vulkan/%s", roots[i], below);
        each_file(report, path, ".json", look);
    }
}

/* ---- what is in them ---- */

/* The file's text, at most `size` - 1 bytes; false and why, where it can't be read. */
static bool read_text(const char *path, char *text, size_t size, char *why, size_t why_size)
{
    FILE *file = fopen(path, "r");
    size_t got = file ? fread(text, 1, size - 1, file) : 0;
    bool good = file && !ferror(file);
    if (!good)
        snprintf(why, why_size, "%s", strerror(errno));
    text[got] = 0;
    if (file)
        fclose(file);
    return good;
}

/* The string behind "key": in a manifest. Not a parser: manifests are short and flat. */
static bool json_member(const char *text, const char *key, char *value, size_t size)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", key);
    const char *at = strstr(text, quoted);
    at = at ? strchr(at + strlen(quoted), '"') : NULL;
    size_t used = 0;
    for (at = at ? at + 1 : ""; *at && *at != '"' && used + 1 < size; at++)
        value[used++] = *at == '\\' && at[1] ? *++at : *at;
    value[used] = 0;
    return used > 0;
}

/* A name with a folder in it is relative to its manifest. */
static void resolve(const char *manifest, char *library, size_t size)
{
    const char *slash = strrchr(manifest, '/');
    size_t folder = slash ? (size_t)(slash - manifest) + 1 : 0, length = strlen(library);
    if (library[0] == '/' || !strchr(library, '/') || folder + length >= size)
        return;
    memmove(library + folder, library, length + 1);
    memcpy(library, manifest, folder);
}

/* ---- whether libraries load ---- */

static void load(const void *argument, FILE *out)
{
    char why[512];
    void *library = exciton_library_open(argument, why, sizeof why);
    fprintf(out, "=%s\n", library ? "loaded" : why);
}

typedef struct loading {
    char why[600];
    bool loaded;
} loading;

static void on_load(void *user, char *line, bool spoken)
{
    loading *l = user;
    if (spoken)
        return;
    l->loaded = !strcmp(line, "loaded");
    snprintf(l->why, sizeof l->why, "%s", l->loaded ? "-" : line);
}

/* False: `why` says what happened. A library of another processor is passed over by loaders, and by us. */
static bool loads(const char *library, char *why, size_t size)
{
    char end[128];
    loading l = {.loaded = false};
    doctor_child(load, library, on_load, &l, end, sizeof end);
    snprintf(why, size, "%s", end[0] ? end : l.why);
    return !end[0] && (l.loaded || strstr(l.why, "wrong ELF class"));
}

static void judge_driver(doctor_report *report, const char *api, const char *file, const char *library, const char *missing)
{
    char why[700] = "-", what[PATH + 64];
    bool good = true;
    if (missing) {
        snprintf(why, sizeof why, "%s", missing);
        good = false;
    } else {
        good = loads(library, why, sizeof why);
    }
    doctor_row(report, DOCTOR_DRIVERS, (const char *const[]){api, file, library[0] ? library : "-", why});
    if (good)
        return;
    snprintf(what, sizeof what, "%s driver %s can't be used", api, file);
    doctor_find(report, DOCTOR_ERROR, what, why,
                missing ? "reinstall the driver's package, or delete the file" : "install the library that the file names, or delete the file");
}

/* ---- OpenCL ---- */

static void look_at_icd(doctor_report *report, const char *path)
{
    char text[PATH] = "", why[256] = "";
    size_t length = strlen(path);
    if (length < 4 || strcmp(path + length - 4, ".icd")) { /* a library itself */
        judge_driver(report, "opencl", path, path, NULL);
        return;
    }
    bool read = read_text(path, text, sizeof text, why, sizeof why);
    text[strcspn(text, "\r\n")] = 0;
    report->has_pocl = report->has_pocl || strstr(text, "libpocl");
    judge_driver(report, "opencl", path, text, !read ? why : text[0] ? NULL : "the file names no library");
}

static void look_at_opencl(doctor_report *report)
{
    const char *vendors = getenv("OCL_ICD_VENDORS"), *names = getenv("OCL_ICD_FILENAMES");
    if (vendors && *vendors)
        each_listed(report, vendors, ".icd", look_at_icd);
    else
        each_file(report, "/etc/OpenCL/vendors", ".icd", look_at_icd);
    each_listed(report, names, ".icd", look_at_icd);
}

/* ---- Vulkan ---- */

static void look_at_manifest(doctor_report *report, const char *path)
{
    char text[16384] = "", why[256] = "", library[PATH] = "";
    bool read = read_text(path, text, sizeof text, why, sizeof why), named = json_member(text, "library_path", library, sizeof library);
    resolve(path, library, sizeof library);
    report->has_mesa = report->has_mesa || strstr(library, "libvulkan_");
    judge_driver(report, "vulkan", path, library, !read ? why : named ? NULL : "the file names no library");
}

static void look_at_vulkan(doctor_report *report)
{
    const char *only = getenv("VK_DRIVER_FILES"), *older = getenv("VK_ICD_FILENAMES"), *more = getenv("VK_ADD_DRIVER_FILES");
    only = only && *only ? only : older && *older ? older : NULL;
    if (only) {
        each_listed(report, only, ".json", look_at_manifest);
        return;
    }
    each_listed(report, more, ".json", look_at_manifest);
    each_vulkan_folder(report, "icd.d", look_at_manifest);
}

void doctor_look_at_drivers(doctor_report *report)
{
    look_at_opencl(report);
    look_at_vulkan(report);
}

/* ---- layers ---- */

static void look_at_layer(doctor_report *report, const char *path)
{
    char text[65536] = "", why[700] = "", library[PATH] = "", name[256] = "", what[512];
    bool read = read_text(path, text, sizeof text, why, sizeof why);
    (void)json_member(text, "name", name, sizeof name);
    bool named = json_member(text, "library_path", library, sizeof library);
    resolve(path, library, sizeof library);
    if (read && !named && strstr(text, "component_layers"))
        return; /* a layer made of layers */
    bool good = read && named && loads(library, why, sizeof why);
    if (read && !named)
        snprintf(why, sizeof why, "the file names no library");
    doctor_row(report, DOCTOR_LAYERS, (const char *const[]){name[0] ? name : "-", path, library[0] ? library : "-", why});
    if (good)
        return;
    snprintf(what, sizeof what, "Vulkan layer %s (%s) fails", name[0] ? name : "without a name", path);
    doctor_find(report, DOCTOR_ERROR, what, why, "reinstall the layer's package, or delete the file");
}

static bool has_layer(const doctor_report *report, const char *name, size_t length)
{
    const tool_table *t = &report->sections[DOCTOR_LAYERS];
    for (uint32_t row = 1; row < t->rows && !t->failed; row++)
        if (strlen(t->cells[row * t->columns]) == length && !strncmp(t->cells[row * t->columns], name, length))
            return true;
    return false;
}

void doctor_look_at_layers(doctor_report *report)
{
    const char *only = getenv("VK_LAYER_PATH"), *more = getenv("VK_ADD_LAYER_PATH"), *wanted = getenv("VK_INSTANCE_LAYERS");
    if (only && *only) {
        each_listed(report, only, ".json", look_at_layer);
    } else {
        each_listed(report, more, ".json", look_at_layer);
        each_vulkan_folder(report, "explicit_layer.d", look_at_layer);
    }
    each_vulkan_folder(report, "implicit_layer.d", look_at_layer);
    while (wanted && *wanted) {
        char what[512];
        size_t length = strcspn(wanted, ":");
        if (length && !has_layer(report, wanted, length)) {
            snprintf(what, sizeof what, "VK_INSTANCE_LAYERS asks for the layer %.*s", (int)length, wanted);
            doctor_find(report, DOCTOR_ERROR, what, "no file describes a layer of that name",
                        "install the layer, set VK_LAYER_PATH to its folder, or unset VK_INSTANCE_LAYERS");
        }
        wanted += length + (wanted[length] == ':');
    }
}
#endif
