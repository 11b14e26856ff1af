# One export set per component, so that find_package(Rivulet COMPONENTS core) loads and needs nothing else.
include(CMakePackageConfigHelpers)

set(rivulet_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Rivulet)

set(rivulet_components core streaming receivers client)
if(RIVULET_WITH_POSTGRES)
    list(APPEND rivulet_components postgres)
endif()
if(RIVULET_WITH_KAFKA)
    list(APPEND rivulet_components kafka)
    install(FILES cmake/FindRdKafka.cmake DESTINATION ${rivulet_package_dir})
endif()
foreach(component IN LISTS rivulet_components)
    install(TARGETS rivulet_${component} EXPORT Rivulet_${component})
    install(EXPORT Rivulet_${component} NAMESPACE rivulet:: DESTINATION ${rivulet_package_dir})
    install(DIRECTORY ${component}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
endforeach()

configure_package_config_file(cmake/RivuletConfig.cmake.in RivuletConfig.cmake
                              INSTALL_DESTINATION ${rivulet_package_dir})
write_basic_package_version_file(RivuletConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/RivuletConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/RivuletConfigVersion.cmake
        DESTINATION ${rivulet_package_dir})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
