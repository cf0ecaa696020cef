/* The environment, and the folders that drivers and we write. */
#include "tool/doctor.h"

#include "base/cache.h"
#include "base/os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if !defined(_WIN32)
#  include <dirent.h>
#endif

enum { PATH = 4096 };

bool doctor_can_write(const char *folder, char *why, size_t size)
{
    char path[PATH];
    struct stat status;
    snprintf(path, sizeof path, "%s", folder);
    while (stat(path, &status)) {
        char *slash = strrchr(path, '/');
        if (errno != ENOENT || !slash) {
            snprintf(why, size, "%s: %s", path, strerror(errno));
            return false;
        }
        slash[slash == path] = 0; /* its parent, at last the root */
    }
    if (!S_ISDIR(status.st_mode))
        snprintf(why, size, "%s is no folder", path);
    else if (access(path, W_OK | X_OK))
        snprintf(why, size, "%s: %s", path, strerror(errno));
    else
        return true;
    return false;
}

/* ---- environment ---- */

static void look_at_runtime_folder(doctor_report *report)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");
    struct stat status;
    char why[PATH + 64] = "it is not set";
    if (folder && *folder && stat(folder, &status) == 0 && S_ISDIR(status.st_mode))
        return;
    if (folder && *folder)
        snprintf(why, sizeof why, "%s is no folder", folder);
    strncat(why, ": Mesa's Vulkan drivers complain on stderr, and look for a display without it", sizeof why - strlen(why) - 1);
    doctor_find(report, DOCTOR_WARNING, "XDG_RUNTIME_DIR names no folder", why, "export XDG_RUNTIME_DIR=/run/user/$(id -u), or any folder of your own with mode 0700");
}

static void look_at_pocl(doctor_report *report)
{
    const char *folder = getenv("POCL_CACHE_DIR"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char path[PATH], why[PATH + 128], what[PATH + 64];
    if (folder && *folder)
        snprintf(path, sizeof path, "%s", folder);
    else if (cache && *cache)
        snprintf(path, sizeof path, "%s/pocl", cache);
    else
        snprintf(path, sizeof path, "%s/.cache/pocl", home ? home : "");
    if (doctor_can_write(path, why, sizeof why))
        return;
    snprintf(what, sizeof what, "PoCL can't write its cache %s", path);
    strncat(why, "; PoCL has no devices then", sizeof why - strlen(why) - 1);
    doctor_find(report, DOCTOR_ERROR, what, why, "set POCL_CACHE_DIR to a folder that you can write");
}

void doctor_look_at_environment(doctor_report *report)
{
    static const char *const names[] = {
        "EXCITON_DEVICE", "EXCITON_CLBLAST", "XDG_CACHE_HOME", "HOME", "XDG_RUNTIME_DIR", "OCL_ICD_VENDORS", "OCL_ICD_FILENAMES",
        "OPENCL_LAYERS", "POCL_CACHE_DIR", "POCL_DEVICES", "RUSTICL_ENABLE", "VK_ICD_FILENAMES", "VK_DRIVER_FILES", "VK_ADD_DRIVER_FILES",
        "VK_LAYER_PATH", "VK_ADD_LAYER_PATH", "VK_INSTANCE_LAYERS", "VK_LAYER_ENABLES", "VK_LOADER_DEBUG", "MESA_SHADER_CACHE_DIR",
        "NODEVICE_SELECT", "LIBGL_ALWAYS_SOFTWARE", "LD_LIBRARY_PATH", "LD_PRELOAD"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]))
            doctor_row(report, DOCTOR_ENVIRONMENT, (const char *const[]){names[i], getenv(names[i])});
    if (exciton_is_privileged())
        doctor_find(report, DOCTOR_ERROR, "the command has privileges that its caller has not", "no driver is loaded in a set-uid process",
                    "run a copy of the command that isn't set-uid");
}

/* ---- our cache ---- */

#if defined(_WIN32)
static void count_entries(doctor_report *report, const char *folder, uint32_t *entries, uint32_t *bad) { (void)report, (void)folder, *entries = *bad = 0; }
#else
static void *take(void *user, size_t size, size_t alignment)
{
    (void)user;
    return exciton_aligned_allocate(size, alignment);
}

static void give(void *user, void *memory)
{
    (void)user;
    exciton_aligned_release(memory);
}

static void keep_line(void *user, exciton_log_level level, const char *line)
{
    (void)level;
    snprintf(user, 512, "%s", line);
}

static bool is_entry(const char *name) { return strlen(name) == 68 && strspn(name, "0123456789abcdef") == 64 && !strcmp(name + 64, ".bin"); }

/* As the library reads it. A line is left in `why` where it isn't good. */
static bool read_entry(const char *folder, const char *name, char why[512])
{
    exciton_env env = {.allocator = {.allocate = take, .release = give}, .log = keep_line, .log_user = why, .cache.directory = folder};
    exciton_cache_key key;
    size_t bytes;
    snprintf(key.hex, sizeof key.hex, "%.64s", name);
    why[0] = 0;
    void *entry = exciton_cache_read(&env, &key, &bytes);
    exciton_release(&env, entry);
    return entry || !why[0];
}

static void count_entries(doctor_report *report, const char *folder, uint32_t *entries, uint32_t *bad)
{
    DIR *directory = opendir(folder);
    *entries = *bad = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        char why[512], what[PATH + 320];
        if (!is_entry(entry->d_name))
            continue;
        ++*entries;
        if (read_entry(folder, entry->d_name, why))
            continue;
        bool damaged = strstr(why, "what was written");
        ++*bad;
        snprintf(what, sizeof what, "the cache's entry %s is %s", entry->d_name, damaged ? "damaged" : "not readable");
        doctor_find(report, damaged ? DOCTOR_WARNING : DOCTOR_ERROR, what, why, "delete it: it is made again when it is needed");
    }
    if (directory)
        closedir(directory);
}
#endif

/* The folder as the library finds it: an entry of no content's key is asked for, and one is written and deleted. */
static void look_at_folder(const char *folder, char *why, size_t size)
{
    static const char probe[] = "doctor";
    char path[PATH + 16];
    why[0] = 0;
    (void)exciton_private_load(folder, probe, NULL, 0, why, size);
    if (why[0] || !exciton_private_save(folder, probe, "x", 1, why, size))
        return;
    snprintf(path, sizeof path, "%s/%s", folder, probe);
    (void)remove(path);
}

void doctor_look_at_cache(doctor_report *report)
{
    char folder[PATH], why[PATH + 128] = "", what[PATH + 64], numbers[2][16];
    uint32_t entries = 0, bad = 0;
    if (!tool_cache_directory(folder, sizeof folder)) {
        doctor_row(report, DOCTOR_CACHE, (const char *const[]){"-", "0", "0", "neither XDG_CACHE_HOME nor HOME names a folder"});
        doctor_find(report, DOCTOR_WARNING, "the command has no cache", "neither XDG_CACHE_HOME nor HOME names a folder",
                    "set one of them: kernels are compiled again each time");
        return;
    }
    look_at_folder(folder, why, sizeof why);
    if (why[0]) {
        snprintf(what, sizeof what, "the cache %s can't be used", folder);
        doctor_find(report, DOCTOR_ERROR, what, why, "make it a folder of your own with mode 0700 (chmod 700), or delete it");
    } else {
        count_entries(report, folder, &entries, &bad);
    }
    snprintf(numbers[0], sizeof numbers[0], "%u", (unsigned)entries);
    snprintf(numbers[1], sizeof numbers[1], "%u", (unsigned)bad);
    doctor_row(report, DOCTOR_CACHE, (const char *const[]){folder, numbers[0], numbers[1], why[0] ? why : "-"});
}

void doctor_look_at_driver_places(doctor_report *report)
{
    if (report->has_pocl)
        look_at_pocl(report);
    if (report->has_mesa)
        look_at_runtime_folder(report);
}
