#pragma once

// What is declared with it, or in a namespace with it, the shared library exports, and nothing else. Programs that link
// the static library define FACEPRINT_STATIC, which CMake does for them.
#if defined(FACEPRINT_STATIC) || defined(_WIN32)
#define FACEPRINT_API
#else
#define FACEPRINT_API __attribute__((visibility("default")))
#endif
