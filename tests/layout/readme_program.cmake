# cmake -D readme=<README.md> -D program=<examples/word_count.cpp> -P readme_program.cmake
# The program that the README prints is the example, to the letter: what newcomers copy is compiled and run by the tests.
file(READ ${readme} text)
file(READ ${program} source)
string(FIND "${text}" "```cpp\n${source}```\n" position)
if(position EQUAL -1)
    message(FATAL_ERROR "${readme} has no ```cpp block that is exactly ${program}; copy the example into the README")
endif()
string(FIND "${text}" "```cpp\n" first)
if(NOT position EQUAL first)
    message(FATAL_ERROR "${readme}: the first ```cpp block is not ${program}")
endif()
