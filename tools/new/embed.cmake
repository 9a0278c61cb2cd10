# SPDX-License-Identifier: Apache-2.0
#
# Makes a C++ source of the templates of `tandem new`: cmake -DOUTPUT=FILE -DFOLDER=DIR -P embed.cmake
set(text "// Made by embed.cmake of tools/new.\n#include \"tools/new_project.h\"\n\n")
string(APPEND text "namespace tandem::tools {\n\nconst std::vector<Template> kTemplates = {\n")
file(GLOB templates ${FOLDER}/*.in)
list(SORT templates)
foreach(template ${templates})
  file(READ ${template} content)
  get_filename_component(name ${template} NAME)
  string(REGEX REPLACE "\\.in$" "" name ${name})
  string(APPEND text "    {\"${name}\", R\"template(${content})template\"},\n")
endforeach()
string(APPEND text "};\n\n}  // namespace tandem::tools\n")
file(WRITE ${OUTPUT} "${text}")
