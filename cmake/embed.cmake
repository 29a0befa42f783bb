# SPDX-License-Identifier: Apache-2.0
# weft_embed(out.c array file...): a C file with `const struct cli_embedded array[]`, ended by NULLs: the
# name and the text of each file. Files that change configure again.
function(weft_embed out array)
  set(text "/* Generated from ${array}. */\n#include <cli/install.h>\n\nconst struct cli_embedded ${array}[] = {\n")
  foreach(f ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${f}")
    get_filename_component(name "${f}" NAME)
    file(READ "${f}" content)
    string(REPLACE "\\" "\\\\" content "${content}")
    string(REPLACE "\"" "\\\"" content "${content}")
    string(REPLACE "\n" "\\n\"\n     \"" content "${content}")
    string(APPEND text "    {\"${name}\",\n     \"${content}\"},\n")
  endforeach()
  string(APPEND text "    {0},\n};\n")
  file(CONFIGURE OUTPUT "${out}" CONTENT "${text}" @ONLY)
endfunction()
