# cmake -D program=<executable> -D expected=<file> -P check_example.cmake
# Runs the command line on the file's first line ("$ name argument..."), and compares the output with the rest.
file(READ ${expected} text)
if(NOT text MATCHES "^\\$ [^ \n]+([^\n]*)\n(.*)$")
    message(FATAL_ERROR "${expected}: the first line is not a command line: $ name argument...")
endif()
separate_arguments(arguments UNIX_COMMAND "${CMAKE_MATCH_1}")
set(wanted "${CMAKE_MATCH_2}")

execute_process(COMMAND ${program} ${arguments} OUTPUT_VARIABLE printed RESULT_VARIABLE code)
if(NOT code EQUAL 0)
    message(FATAL_ERROR "${program} ended with ${code}; it printed\n${printed}")
endif()
if(NOT printed STREQUAL wanted)
    message(FATAL_ERROR "${program} printed\n${printed}\nbut ${expected} expects\n${wanted}")
endif()
