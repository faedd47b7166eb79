# Read by MicroPython's cmake ports (USER_C_MODULES), with MTDB_LIB set to the path of libmtdb.a.
add_library(usermod_microtetherdb INTERFACE)

foreach(name module database bytes parameters guard owner loop awaitable background memory errors names encode decode
        tags records compress batch
        scan query mapping live change transaction upkeep backup statistics write files medium path)
    target_sources(usermod_microtetherdb INTERFACE ${CMAKE_CURRENT_LIST_DIR}/${name}.c)
endforeach()

target_include_directories(usermod_microtetherdb INTERFACE ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(usermod_microtetherdb INTERFACE ${MTDB_LIB})
target_link_libraries(usermod INTERFACE usermod_microtetherdb)
