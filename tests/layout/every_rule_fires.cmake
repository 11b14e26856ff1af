# cmake -D checker=<check_layout> -D root=<folder> -P every_rule_fires.cmake
# Builds a small tree that breaks each rule once, and expects each to be named; a checker that never fails checks nothing.
file(REMOVE_RECURSE ${root})
file(WRITE ${root}/core/include/rivulet/low.h "#include <vector>\n#include <cereal/cereal.hpp>\n#include <tbb/task.h>\n")
file(WRITE ${root}/core/src/low.cpp "#include <rivulet/high.h>\n#include \"../../streaming/src/x.h\"\n")
file(WRITE ${root}/core/src/lost.cpp "#include <rivulet/nowhere.h>\n")
file(WRITE ${root}/streaming/include/rivulet/high.h "#include <rivulet/low.h>\n")
string(CONCAT open_end "FIX" "ME")
file(WRITE ${root}/streaming/src/high.cpp "// ${open_end}: finish\n")
string(CONCAT sleep "std::this_thread::sleep" "_for(1s);")
file(WRITE ${root}/tests/core/slow_test.cpp "${sleep}\n")
file(WRITE ${root}/tests/core/name_test.cpp "TEST_CASE(\"slices [0, 1) of n\") {\nTEST_CASE(\"slices, of n\", \"[tag]\") {\n")
foreach(index RANGE 1 13)
    file(WRITE ${root}/receivers/src/file${index}.cpp "\n")
endforeach()
foreach(file one other)
    file(WRITE ${root}/core/src/${file}.cpp
         "namespace rivulet::detail {\nnamespace {\nclass Own {\n};\n} // namespace\nclass Shared final : Base {\n};\n} // namespace rivulet::detail\n")
endforeach()
file(WRITE ${root}/build/ignored.cpp "${sleep} // ${open_end}\n")

execute_process(COMMAND ${checker} ${root} OUTPUT_VARIABLE printed RESULT_VARIABLE code)
set(expected
    "core/include/rivulet/low.h:3: [third-party] #include <tbb/task.h>"
    "core/src/low.cpp:1: [layer] core includes rivulet/high.h of streaming"
    "core/src/low.cpp:2: [layer] a path that climbs"
    "core/src/lost.cpp:1: [layer] no module has a header"
    "streaming/src/high.cpp:1: [open-end]"
    "tests/core/slow_test.cpp:1: [sleep]"
    "tests/core/name_test.cpp:1: [test-name]"
    "core/src/other.cpp:6: [one-name] rivulet::detail::Shared is defined in core/src/one.cpp too"
    "receivers/src: [crowded] 13 files *.cpp"
    "\n9 broken rules")
foreach(text IN LISTS expected)
    string(FIND "${printed}" "${text}" position)
    if(position EQUAL -1)
        message(FATAL_ERROR "not reported: ${text}\n${printed}")
    endif()
endforeach()
if(NOT code EQUAL 1)
    message(FATAL_ERROR "check_layout ended with ${code}")
endif()
