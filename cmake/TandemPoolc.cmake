# SPDX-License-Identifier: Apache-2.0
#
# tandem_poolc(NAME FILES... [NAMESPACE NS...] [WITHIN NS] [HEADER PATH]): a target from
# declarations. poolc makes the header HEADER (NAME.pools.h unless said otherwise) anew whenever the
# declarations change; a target that links NAME can include it.
#
#   tandem_poolc(ledger_pools FILES ledger.pools NAMESPACE ledger HEADER ledger/ledger.pools.h)
#   target_link_libraries(ledger PRIVATE ledger_pools)
#
# The program is tandem::poolc, what the header needs is in tandem::pools.
function(tandem_poolc name)
  cmake_parse_arguments(ARG "" "WITHIN;HEADER" "FILES;NAMESPACE" ${ARGN})
  if(NOT ARG_HEADER)
    set(ARG_HEADER ${name}.pools.h)
  endif()
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${name}.generated)
  set(header ${folder}/${ARG_HEADER})
  get_filename_component(header_folder ${header} DIRECTORY)
  set(arguments)
  foreach(namespace ${ARG_NAMESPACE})
    list(APPEND arguments --namespace ${namespace})
  endforeach()
  if(ARG_WITHIN)
    list(APPEND arguments --within ${ARG_WITHIN})
  endif()
  set(files)
  set(depends)
  foreach(file ${ARG_FILES})
    get_filename_component(file ${file} ABSOLUTE)
    list(APPEND files ${file})
    if(IS_DIRECTORY ${file})
      file(GLOB_RECURSE below CONFIGURE_DEPENDS ${file}/*)
      list(APPEND depends ${below})
    else()
      list(APPEND depends ${file})
    endif()
  endforeach()
  add_custom_command(
    OUTPUT ${header}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${header_folder}
    COMMAND tandem::poolc ${files} -o ${header} ${arguments}
    DEPENDS ${depends} tandem::poolc
    COMMENT "poolc ${ARG_HEADER}"
    VERBATIM)
  add_custom_target(${name}_header DEPENDS ${header})
  add_library(${name} INTERFACE)
  add_dependencies(${name} ${name}_header)
  target_sources(${name} INTERFACE ${header})
  target_include_directories(${name} INTERFACE ${folder})
  target_link_libraries(${name} INTERFACE tandem::pools)
endfunction()
