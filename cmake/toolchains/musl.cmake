# x86-64 Linux with musl, by musl-gcc: gcc with musl's headers and libraries in place of glibc's.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER musl-gcc)
