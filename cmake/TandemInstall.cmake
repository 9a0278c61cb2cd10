# SPDX-License-Identifier: Apache-2.0
#
# What `cmake --install` puts where: the programs, their pages, and all that find_package(tandem)
# gives to a project that makes an application (tandem-config.cmake.in lists it).
include(CMakePackageConfigHelpers)

set(headers ${CMAKE_INSTALL_INCLUDEDIR}/tandem)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/tandem)
set(TANDEM_INSTALLED_PROTOS ${CMAKE_INSTALL_DATADIR}/tandem/proto)

target_include_directories(tandem_options INTERFACE $<INSTALL_INTERFACE:${headers}>)
set_target_properties(tandem_shared_pools PROPERTIES EXPORT_NAME pools)
set_target_properties(tandem_application PROPERTIES EXPORT_NAME engine)
set_target_properties(tandem_testing PROPERTIES EXPORT_NAME testing)

install(TARGETS tandem poolc tandem_options tandem_base tandem_shared_pools tandem_application
        EXPORT tandem-targets)
install(EXPORT tandem-targets NAMESPACE tandem:: DESTINATION ${package})
install(TARGETS tandem_testing EXPORT tandem-testing-targets)
install(EXPORT tandem-testing-targets NAMESPACE tandem:: DESTINATION ${package})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/tandem-config.cmake.in
                              ${PROJECT_BINARY_DIR}/tandem-config.cmake
                              INSTALL_DESTINATION ${package}
                              PATH_VARS TANDEM_INSTALLED_PROTOS)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/tandem-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/tandem-config.cmake
              ${PROJECT_BINARY_DIR}/tandem-config-version.cmake
              ${PROJECT_SOURCE_DIR}/cmake/TandemApplication.cmake
              ${PROJECT_SOURCE_DIR}/cmake/TandemPoolc.cmake
              ${PROJECT_SOURCE_DIR}/cmake/application.map
        DESTINATION ${package})

# The headers of the application layer; those of the roles and of the tools stay here.
file(GLOB pool_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/pools/*.h)
install(FILES ${pool_headers} DESTINATION ${headers}/pools)
foreach(header
    proto/digest.h proto/header.h proto/message.h proto/schema.h
    replay/application.h replay/application_abi.h replay/output_batch.h replay/portable.h
    replay/skips.h
    replay/stepper.h replay/storage.h
    engine/application.h engine/build_id.h engine/context.h engine/export_application.h
    engine/portable.h engine/root_fields.h engine/timers.h
    engine/testing/event_list.h engine/testing/twin_run.h)
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${PROJECT_SOURCE_DIR}/${header} DESTINATION ${headers}/${folder})
endforeach()
install(DIRECTORY ${PROJECT_BINARY_DIR}/generated/tandem DESTINATION ${headers}
        FILES_MATCHING PATTERN options.pb.h PATTERN control.pb.h PATTERN saved.pb.h)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/proto/ DESTINATION ${TANDEM_INSTALLED_PROTOS}
        FILES_MATCHING PATTERN *.proto)

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/tools/systemd DESTINATION ${CMAKE_INSTALL_DATADIR}/tandem)
