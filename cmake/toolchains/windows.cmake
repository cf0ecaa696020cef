# x86-64 Windows by mingw-w64's gcc with Windows's own threads: what is built needs the system's DLLs alone.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-win32)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
set(CMAKE_FIND_ROOT_PATH /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_C_FLAGS_INIT "-static-libgcc")
# gcc can't align a Windows stack to 32 bytes (its bug 54412): the assembler makes aligned vector moves unaligned ones.
set(CMAKE_C_FLAGS_INIT "${CMAKE_C_FLAGS_INIT} -Wa,-muse-unaligned-vector-move")
