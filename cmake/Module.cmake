# rivulet_module(<name> [DEPENDS <module>...] [PRIVATE <library>...])
#
# Makes the target rivulet::<name> out of <name>/include (public) and <name>/src (private). A folder without sources
# makes a header-only target.
function(rivulet_module name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS;PRIVATE")
    set(target rivulet_${name})
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/src/*.cpp)

    if(sources)
        set(scope PUBLIC)
        add_library(${target} ${sources})
        rivulet_flags(${target})
        target_include_directories(${target} PRIVATE src)
        target_link_libraries(${target} PRIVATE ${arg_PRIVATE})
        if(CMAKE_BUILD_TYPE STREQUAL "Debug")
            # Half of the time that such a source takes, and half again where six are compiled as one; the release builds
            # show that each includes what it needs.
            target_precompile_headers(${target} PRIVATE <algorithm> <atomic> <chrono> <condition_variable> <deque> <filesystem>
                                      <functional> <map> <memory> <mutex> <optional> <set> <span> <sstream> <string> <thread>
                                      <unordered_map> <vector>)
            set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
        endif()
        # Kernels are compiled here, once; -O2 would leave them several times slower.
        target_compile_options(${target} PRIVATE $<$<NOT:$<CONFIG:Debug>>:-O3>)
        set_target_properties(${target} PROPERTIES VERSION ${PROJECT_VERSION}
                                                   SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
    else()
        set(scope INTERFACE)
        add_library(${target} INTERFACE)
    endif()

    add_library(rivulet::${name} ALIAS ${target})
    set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
    target_compile_features(${target} ${scope} cxx_std_20)
    target_include_directories(${target} ${scope} $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
                                                  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    list(TRANSFORM arg_DEPENDS PREPEND rivulet::)
    target_link_libraries(${target} ${scope} ${arg_DEPENDS} Threads::Threads)
endfunction()
