# Included by the CMakeLists.txt at the top, for a language is enabled where all of its targets are.
if(CMAKE_VERSION VERSION_LESS 3.26)
  message(FATAL_ERROR "The CUDA backend needs CMake 3.26 or newer, for CUDA in C++20, not ${CMAKE_VERSION}")
endif()
include(CheckLanguage)
include(${CMAKE_CURRENT_LIST_DIR}/nvcc.cmake)
if(FACEPRINT_NVCC AND NOT CMAKE_CUDA_COMPILER)
  set(CMAKE_CUDA_COMPILER ${FACEPRINT_NVCC})
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 86-real 89-real 90-real 100-real 120)
endif()
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  if(FACEPRINT_CUDA STREQUAL "ON")
    message(FATAL_ERROR "FACEPRINT_CUDA is ON, but there is no CUDA compiler: install CUDA 13, name its nvcc in the "
                        "environment variable CUDACXX, or pip install the packages that pyproject.toml lists for it")
  endif()
  message(STATUS "No CUDA compiler: without the CUDA backend")
  return()
endif()
enable_language(CUDA)
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)

add_library(faceprint_cuda OBJECT
  cpp/src/cuda/backend.cu
  cpp/src/cuda/batch.cu
  cpp/src/cuda/cards.cu
  cpp/src/cuda/chip.cu
  cpp/src/cuda/count_pairs.cu
  cpp/src/cuda/device.cu
  cpp/src/cuda/distance.cu
  cpp/src/cuda/edges.cu
  cpp/src/cuda/gallery.cu
  cpp/src/cuda/loss.cu
  cpp/src/cuda/mine.cu
  cpp/src/cuda/nearest.cu
  cpp/src/cuda/prepare.cu
  cpp/src/cuda/unit.cu
  cpp/src/cuda/within.cu)
target_include_directories(faceprint_cuda PRIVATE cpp/src)
target_include_directories(faceprint_cuda SYSTEM INTERFACE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
target_link_libraries(faceprint_cuda PUBLIC faceprint::core)
set_target_properties(faceprint_cuda PROPERTIES CUDA_VISIBILITY_PRESET hidden CUDA_RUNTIME_LIBRARY Static)
set(options ${FACEPRINT_NVCC_OPTIONS} --threads=2 -Xfatbin=-compress-all -Xcompiler=-ffp-contract=off)
target_compile_options(faceprint_cuda PUBLIC "$<$<COMPILE_LANGUAGE:CUDA>:${options}>")
set(FACEPRINT_CUDA_LIBRARIES faceprint_cuda)
