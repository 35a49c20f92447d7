# What `cmake --install` gives to programs in C++ and C: headers, library, and how CMake and pkg-config find them.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/faceprint)
set_target_properties(faceprint PROPERTIES EXPORT_NAME core)
install(TARGETS faceprint EXPORT faceprint COMPONENT library FILE_SET HEADERS COMPONENT library)
install(EXPORT faceprint NAMESPACE faceprint:: DESTINATION ${config_folder} COMPONENT library)

write_basic_package_version_file(faceprint-config-version.cmake COMPATIBILITY SameMinorVersion)
file(RELATIVE_PATH up_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cpp/faceprint.pc.in faceprint.pc @ONLY)
install(FILES cpp/faceprint-config.cmake ${PROJECT_BINARY_DIR}/faceprint-config-version.cmake
        DESTINATION ${config_folder} COMPONENT library)
install(FILES ${PROJECT_BINARY_DIR}/faceprint.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT library)
