# cmake -D test=<find_package|add_subdirectory|missing_dependencies> -D ... -P consumer.cmake
set(work ${work_dir}/${test})
set(common -G ${generator} -D CMAKE_BUILD_TYPE=Debug -D CMAKE_CXX_COMPILER=${compiler}
           -D CMAKE_CXX_COMPILER_LAUNCHER=${launcher})

function(run)
    execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE code)
    if(NOT code EQUAL 0)
        list(JOIN ARGN " " command)
        message(FATAL_ERROR "${command}\nended with ${code}:\n${output}")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

# Configures, builds and runs the project in the test's folder: it prints the word count of "to be or not to be".
function(check_consumer)
    run(${CMAKE_COMMAND} ${common} ${ARGN} -S ${CMAKE_CURRENT_LIST_DIR}/${test} -B ${work}/build)
    run(${CMAKE_COMMAND} --build ${work}/build --config Debug --target consumer --parallel 2)
    find_program(consumer consumer PATHS ${work}/build ${work}/build/Debug NO_DEFAULT_PATH REQUIRED)
    run(${consumer})
    if(NOT output STREQUAL "be 2\nnot 1\nor 1\nto 2\n")
        message(FATAL_ERROR "the consumer printed\n${output}")
    endif()
endfunction()

if(test STREQUAL "find_package")
    file(REMOVE_RECURSE ${work})
    run(${CMAKE_COMMAND} --install ${build_dir} --prefix ${work}/prefix --config ${config})
    # The core must not ask for what only other components need.
    check_consumer(-D CMAKE_PREFIX_PATH=${work}/prefix -D CMAKE_DISABLE_FIND_PACKAGE_Boost=ON
                   -D CMAKE_DISABLE_FIND_PACKAGE_RocksDB=ON -D CMAKE_DISABLE_FIND_PACKAGE_RdKafka=ON)

elseif(test STREQUAL "add_subdirectory")
    check_consumer(-D RIVULET_SOURCE_DIR=${source_dir} -D RIVULET_WITH_TBB=${with_tbb})

elseif(test STREQUAL "missing_dependencies")
    file(REMOVE_RECURSE ${work})
    execute_process(COMMAND ${CMAKE_COMMAND} ${common} -S ${source_dir} -B ${work} -D RIVULET_WITH_TBB=ON
                            -D CMAKE_DISABLE_FIND_PACKAGE_TBB=ON -D CMAKE_DISABLE_FIND_PACKAGE_spdlog=ON
                    OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE code)
    if(code EQUAL 0)
        message(FATAL_ERROR "configured without TBB and spdlog:\n${output}")
    endif()
    string(REGEX REPLACE "[ \n]+" " " output "${output}") # CMake breaks long lines
    foreach(wanted IN ITEMS "package libtbb-dev" "package libspdlog-dev"
                            "apt-get install --no-install-recommends libtbb-dev libspdlog-dev")
        string(FIND "${output}" "${wanted}" position)
        if(position EQUAL -1)
            message(FATAL_ERROR "the message does not say \"${wanted}\":\n${output}")
        endif()
    endforeach()

else()
    message(FATAL_ERROR "no such test: ${test}")
endif()
