/* Files of a folder that is the user's alone. Windows keeps two kinds of users out of nothing: the system and its
 * administrators. Whoever else has any access to the folder makes it one that isn't used; a folder that is made here has
 * an access list of its own, with its user on it and nobody else. */
#include "base/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text_windows.h"

#include <aclapi.h>

typedef union user_buffer {
    TOKEN_USER user;
    unsigned char bytes[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
} user_buffer;

static void say(char *why, size_t size, const char *text) { snprintf(why, size, "%s", text); }
static void say_system(char *why, size_t size, DWORD code) { exciton_system_text(code, why, size); }

static bool find_user(user_buffer *user)
{
    HANDLE token = NULL;
    DWORD bytes = 0;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return false;
    bool found = GetTokenInformation(token, TokenUser, user, sizeof *user, &bytes);
    (void)CloseHandle(token);
    return found;
}

static bool is_known(PSID sid, PSID user)
{
    return EqualSid(sid, user) || IsWellKnownSid(sid, WinLocalSystemSid) || IsWellKnownSid(sid, WinBuiltinAdministratorsSid) ||
           IsWellKnownSid(sid, WinCreatorOwnerSid);
}

/* What is inherited only concerns what is made inside. */
static bool admits_others(ACL *list, PSID user)
{
    for (DWORD i = 0; i < list->AceCount; i++) {
        ACE_HEADER *entry = NULL;
        if (!GetAce(list, i, (void **)&entry))
            return true;
        if (entry->AceType == ACCESS_DENIED_ACE_TYPE)
            continue;
        if (entry->AceType != ACCESS_ALLOWED_ACE_TYPE)
            return true;
        ACCESS_ALLOWED_ACE *allowed = (ACCESS_ALLOWED_ACE *)(void *)entry;
        if (allowed->Mask != 0 && !is_known((PSID)&allowed->SidStart, user))
            return true;
    }
    return false;
}

/* An object without a list is everybody's. */
static bool is_users_alone(HANDLE object)
{
    user_buffer user;
    PSID owner = NULL;
    ACL *list = NULL;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    if (!find_user(&user) || GetSecurityInfo(object, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, &owner, NULL,
                                             &list, NULL, &descriptor) != ERROR_SUCCESS)
        return false;
    bool alone = owner != NULL && is_known(owner, user.user.User.Sid) && list != NULL && !admits_others(list, user.user.User.Sid);
    (void)LocalFree(descriptor);
    return alone;
}

/* The folder itself must be the user's, closed to others, and no link; what leads to it is the system's business. */
static bool check_folder(const wchar_t *directory, bool may_be_absent, char *why, size_t size)
{
    HANDLE folder = CreateFileW(directory, READ_CONTROL | FILE_READ_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                                OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (folder == INVALID_HANDLE_VALUE) {
        DWORD code = GetLastError();
        if (!may_be_absent || (code != ERROR_FILE_NOT_FOUND && code != ERROR_PATH_NOT_FOUND))
            say_system(why, size, code);
        return false;
    }
    BY_HANDLE_FILE_INFORMATION about;
    bool good = GetFileInformationByHandle(folder, &about) && (about.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) &&
                !(about.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) && is_users_alone(folder);
    if (!good)
        say(why, size, "the folder must belong to the user and be closed to others (its access list)");
    (void)CloseHandle(folder);
    return good;
}

/* An access list of its own for what is made: its user, and for a folder what is made inside it. */
typedef struct own_list {
    user_buffer user;
    union { ACL list; unsigned char bytes[sizeof(ACL) + sizeof(ACCESS_ALLOWED_ACE) + SECURITY_MAX_SID_SIZE]; } list;
    SECURITY_DESCRIPTOR descriptor;
    SECURITY_ATTRIBUTES attributes;
} own_list;

static bool make_list(own_list *own, DWORD inheritance)
{
    own->attributes = (SECURITY_ATTRIBUTES){.nLength = sizeof own->attributes, .lpSecurityDescriptor = &own->descriptor};
    return find_user(&own->user) && InitializeAcl(&own->list.list, sizeof own->list, ACL_REVISION) &&
           AddAccessAllowedAceEx(&own->list.list, ACL_REVISION, inheritance, FILE_ALL_ACCESS, own->user.user.User.Sid) &&
           InitializeSecurityDescriptor(&own->descriptor, SECURITY_DESCRIPTOR_REVISION) &&
           SetSecurityDescriptorDacl(&own->descriptor, TRUE, &own->list.list, FALSE) &&
           SetSecurityDescriptorControl(&own->descriptor, SE_DACL_PROTECTED, SE_DACL_PROTECTED);
}

static bool make_folder(const wchar_t *directory)
{
    own_list own;
    return make_list(&own, OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE) &&
           (CreateDirectoryW(directory, &own.attributes) || GetLastError() == ERROR_ALREADY_EXISTS);
}

/* "directory\name", wide. */
static bool path_of(const char *directory, const char *name, wchar_t path[EXCITON_PATH])
{
    char text[EXCITON_PATH];
    int length = snprintf(text, sizeof text, "%s\\%s", directory, name);
    return length > 0 && (size_t)length < sizeof text && exciton_to_wide(text, path);
}

/* Reads from the start until `bytes` or the end. */
static bool read_all(HANDLE file, unsigned char *data, size_t bytes)
{
    while (bytes > 0) {
        DWORD part = bytes < (1u << 30) ? (DWORD)bytes : 1u << 30, got = 0;
        if (!ReadFile(file, data, part, &got, NULL) || got == 0)
            return false;
        data += got;
        bytes -= got;
    }
    return true;
}

static size_t load(HANDLE file, void *data, size_t capacity, char *why, size_t size)
{
    BY_HANDLE_FILE_INFORMATION about;
    if (GetFileType(file) != FILE_TYPE_DISK || !GetFileInformationByHandle(file, &about) || about.nNumberOfLinks != 1 ||
        (about.dwFileAttributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT)) || !is_users_alone(file)) {
        say(why, size, "no plain file of the user's alone");
        return 0;
    }
    uint64_t bytes = (uint64_t)about.nFileSizeHigh << 32 | about.nFileSizeLow;
    if (bytes > SIZE_MAX)
        return 0;
    if (bytes > capacity || read_all(file, data, (size_t)bytes))
        return (size_t)bytes;
    say(why, size, "it ended early");
    return 0;
}

size_t exciton_private_load(const char *directory, const char *name, void *data, size_t capacity, char *why, size_t size)
{
    wchar_t folder[EXCITON_PATH], path[EXCITON_PATH];
    if (!exciton_to_wide(directory, folder) || !path_of(directory, name, path)) {
        say_system(why, size, ERROR_FILENAME_EXCED_RANGE);
        return 0;
    }
    if (!check_folder(folder, true, why, size))
        return 0;
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        if (GetLastError() != ERROR_FILE_NOT_FOUND)
            say_system(why, size, GetLastError());
        return 0;
    }
    size_t bytes = load(file, data, capacity, why, size);
    (void)CloseHandle(file);
    return bytes;
}

static bool write_all(HANDLE file, const unsigned char *data, size_t bytes)
{
    while (bytes > 0) {
        DWORD part = bytes < (1u << 30) ? (DWORD)bytes : 1u << 30, put = 0;
        if (!WriteFile(file, data, part, &put, NULL) || put == 0)
            return false;
        data += put;
        bytes -= put;
    }
    return true;
}

/* Under a name of its own, then renamed: a reader sees a whole entry or none. */
static bool save(const char *directory, const char *name, const void *data, size_t bytes)
{
    char own[128];
    wchar_t path[EXCITON_PATH], own_path[EXCITON_PATH];
    own_list list;
    snprintf(own, sizeof own, "%s.%lx.%llx", name, (unsigned long)GetCurrentProcessId(), (unsigned long long)exciton_clock());
    SetLastError(ERROR_FILENAME_EXCED_RANGE);
    if (!path_of(directory, name, path) || !path_of(directory, own, own_path) || !make_list(&list, 0))
        return false;
    HANDLE file = CreateFileW(own_path, GENERIC_WRITE, 0, &list.attributes, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return false;
    bool good = write_all(file, data, bytes);
    DWORD code = GetLastError();
    (void)CloseHandle(file);
    if (good) {
        good = MoveFileExW(own_path, path, MOVEFILE_REPLACE_EXISTING);
        code = GetLastError();
    }
    if (!good)
        (void)DeleteFileW(own_path);
    SetLastError(code);
    return good;
}

bool exciton_private_save(const char *directory, const char *name, const void *data, size_t bytes, char *why, size_t size)
{
    wchar_t folder[EXCITON_PATH];
    SetLastError(ERROR_FILENAME_EXCED_RANGE);
    if (!exciton_to_wide(directory, folder) || !make_folder(folder)) {
        say_system(why, size, GetLastError());
        return false;
    }
    if (!check_folder(folder, false, why, size))
        return false;
    bool good = save(directory, name, data, bytes);
    if (!good)
        say_system(why, size, GetLastError());
    return good;
}
