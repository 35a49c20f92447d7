# Sets FACEPRINT_NVCC to the CUDA compiler: the one that CUDACXX names, or this machine's, or that of the packages of
# PyPI that pyproject.toml lists; else to nothing. Its version decides which drivers accept the PTX, so those are pinned.
#
# And FACEPRINT_NVCC_OPTIONS: as on the CPU, what is fused is written so; kernels share constexpr functions with the host;
# 554 is about a conversion of Matrix to itself.
set(FACEPRINT_NVCC_OPTIONS --expt-relaxed-constexpr --fmad=false -diag-suppress=554)
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
