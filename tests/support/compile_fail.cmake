# Programs that must not compile: each file below tests/compile_fail is a test that the compiler refuses it, with a message
# that contains the text of each of its lines "// expect: <text>".
#
# Included by tests/CMakeLists.txt to register the tests; run by each test as a script.
if(NOT CMAKE_SCRIPT_MODE_FILE)
    # The precompiled header of another test saves most of the time.
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
        set(precompiled "-include-pch ${test_core_precompiled}.pch")
    else()
        set(precompiled "-include ${test_core_precompiled}")
    endif()
    string(TOUPPER "${CMAKE_BUILD_TYPE}" config)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/compile_fail/*.cpp)
    foreach(source IN LISTS sources)
        cmake_path(GET source STEM name)
        add_test(NAME compile_fail.${name}
                 COMMAND ${CMAKE_COMMAND} -D compiler=${CMAKE_CXX_COMPILER} -D root=${PROJECT_SOURCE_DIR}
                         "-D flags=${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${config}} ${precompiled}"
                         -D source=${source} -P ${CMAKE_CURRENT_LIST_FILE})
        set_tests_properties(compile_fail.${name} PROPERTIES TIMEOUT 60 LABELS "compile_fail;slow-san")
    endforeach()
    return()
endif()

separate_arguments(flags UNIX_COMMAND "${flags}")
set(ENV{LC_ALL} C)
execute_process(COMMAND ${compiler} -std=c++20 -fsyntax-only -Werror ${flags} -I${root}/core/include -I${root}/tests ${source}
                ERROR_VARIABLE messages OUTPUT_QUIET RESULT_VARIABLE code)
if(code EQUAL 0)
    message(FATAL_ERROR "${source} compiles, and must not")
endif()

file(STRINGS ${source} expectations REGEX "^ *// expect: ")
if(NOT expectations)
    message(FATAL_ERROR "${source} has no line \"// expect: <text>\"")
endif()
foreach(expectation IN LISTS expectations)
    string(REGEX REPLACE "^ *// expect: " "" wanted "${expectation}")
    string(FIND "${messages}" "${wanted}" position)
    if(position EQUAL -1)
        message(FATAL_ERROR "${source} is refused, but the compiler does not say \"${wanted}\":\n${messages}")
    endif()
endforeach()
