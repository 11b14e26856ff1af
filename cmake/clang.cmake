# The dev preset: the newest clang++ that is installed, 19 first because the project is checked with it; else the system's compiler.
if(NOT CMAKE_CXX_COMPILER)
    find_program(RIVULET_CLANG NAMES clang++-19 clang++ clang++-20 clang++-18 clang++-17 clang++-16)
    if(RIVULET_CLANG)
        set(CMAKE_CXX_COMPILER ${RIVULET_CLANG})
    endif()
endif()
