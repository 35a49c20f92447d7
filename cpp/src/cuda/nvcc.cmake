# Sets FACEPRINT_NVCC to the CUDA compiler: the one that CUDACXX names, or this machine's, or that of the packages of
# PyPI that pyproject.toml lists; else to nothing. Its version decides which drivers accept the PTX, so those are pinned.
set(FACEPRINT_NVCC $ENV{CUDACXX})
if(NOT FACEPRINT_NVCC)
  find_program(nvcc nvcc HINTS ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
  if(nvcc)
    set(FACEPRINT_NVCC ${nvcc})
  else()
    find_package(Python COMPONENTS Interpreter REQUIRED)
    execute_process(COMMAND ${Python_EXECUTABLE} -c "import nvidia.cu13; print(*nvidia.cu13.__path__)"
                    OUTPUT_VARIABLE packages OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(packages)
      set(FACEPRINT_NVCC ${packages}/bin/nvcc)
      set(CMAKE_CUDA_FLAGS "-L${packages}/lib")
    endif()
  endif()
endif()
