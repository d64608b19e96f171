# Configures the project in ${source} with ${options}, builds it in ${build} and runs ${test} there. Each is a process of its
# own, as in a shell: `ctest --build-and-test` would build with the CC that configuring sets, for which cargo begins anew.
execute_process(COMMAND "${CMAKE_COMMAND}" -S "${source}" -B "${build}" -G "${generator}" -DCMAKE_BUILD_TYPE=Release ${options}
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${build}" --config Release COMMAND_ERROR_IS_FATAL ANY)
if(test)
  execute_process(COMMAND ${test} WORKING_DIRECTORY "${build}" COMMAND_ERROR_IS_FATAL ANY)
endif()
