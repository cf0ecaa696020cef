# cmake --install: libraries, headers, the command, and what find_package(exciton) and pkg-config read.
include(CMakePackageConfigHelpers)

# The same names inside a build (add_subdirectory, FetchContent) and after find_package.
set_target_properties(exciton_shared PROPERTIES EXPORT_NAME exciton)
set_target_properties(exciton_static PROPERTIES EXPORT_NAME exciton-static)
add_library(exciton::exciton ALIAS exciton_shared)
add_library(exciton::exciton-static ALIAS exciton_static)
set(exported exciton_shared exciton_static)
if(EXCITON_IO)
  set_target_properties(exciton_io_shared PROPERTIES EXPORT_NAME io)
  set_target_properties(exciton_io_static PROPERTIES EXPORT_NAME io-static)
  # libexciton stands beside it, wherever that is.
  set_target_properties(exciton_io_shared PROPERTIES INSTALL_RPATH $ORIGIN)
  add_library(exciton::io ALIAS exciton_io_shared)
  add_library(exciton::io-static ALIAS exciton_io_static)
  list(APPEND exported exciton_io_shared exciton_io_static)
else()
  set(without_io PATTERN io.h EXCLUDE)
endif()

install(TARGETS ${exported} EXPORT exciton)
install(TARGETS exciton_tool)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/exciton DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h ${without_io})

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/exciton)
install(EXPORT exciton NAMESPACE exciton:: FILE exciton-targets.cmake DESTINATION ${package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/exciton-config.cmake.in ${PROJECT_BINARY_DIR}/exciton-config.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/exciton-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/exciton-config.cmake ${PROJECT_BINARY_DIR}/exciton-config-version.cmake DESTINATION ${package_dir})

file(RELATIVE_PATH pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${CMAKE_CURRENT_LIST_DIR}/exciton.pc.in ${PROJECT_BINARY_DIR}/exciton.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/exciton.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(EXCITON_IO)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/exciton-io.pc.in ${PROJECT_BINARY_DIR}/exciton-io.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/exciton-io.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
