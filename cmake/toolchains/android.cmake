# arm64 Android, API level 26, by clang without an NDK: compiled against headers alone and never linked, so that its
# undefined symbols can be held against what bionic offers (ci/cross android). With an NDK, use the NDK's own toolchain file.
# EXCITON_ANDROID_HEADERS: folders of a libc's headers for arm64.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET aarch64-linux-android26)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES EXCITON_ANDROID_HEADERS)
set(CMAKE_C_FLAGS_INIT "-nostdlibinc")
foreach(folder IN LISTS EXCITON_ANDROID_HEADERS)
  string(APPEND CMAKE_C_FLAGS_INIT " -isystem ${folder}")
endforeach()
