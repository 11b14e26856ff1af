# How our own build compiles. Nothing here reaches a project that uses the library by add_subdirectory or find_package,
# except -O3 for the library's own sources.

if(PROJECT_IS_TOP_LEVEL)
    get_property(rivulet_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
    if(NOT CMAKE_BUILD_TYPE AND NOT rivulet_multi_config)
        set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
    endif()

    find_program(RIVULET_CCACHE ccache)
    mark_as_advanced(RIVULET_CCACHE)
    if(RIVULET_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
        # The sloppiness is what ccache wants where a precompiled header is used.
        set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${RIVULET_CCACHE})
    endif()

    include(CheckLinkerFlag)
    check_linker_flag(CXX -fuse-ld=mold RIVULET_HAS_MOLD)
    if(RIVULET_HAS_MOLD)
        add_link_options(-fuse-ld=mold)
    endif()
endif()

if(RIVULET_SANITIZE)
    # GCC's -Wmaybe-uninitialized looks at instrumented code and reports what is not there.
    add_compile_options(-fsanitize=${RIVULET_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
                        $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    add_link_options(-fsanitize=${RIVULET_SANITIZE})
endif()

# Gives a target of ours the flags that every one of ours has.
function(rivulet_flags target)
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
    if(RIVULET_DEVELOPER)
        target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Werror
                               $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>) # ccache asks for it
    endif()
endfunction()
