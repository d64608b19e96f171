# Installs the build in ${build} to a prefix in ${folder}, and moves that to ${folder}/moved.
file(REMOVE_RECURSE "${folder}")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${build}" --config "${configuration}" --prefix "${folder}/first"
  COMMAND_ERROR_IS_FATAL ANY)
file(RENAME "${folder}/first" "${folder}/moved")
