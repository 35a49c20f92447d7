#pragma once
// Opens and closes a region whose functions are compiled for more than the baseline CPU. Everything from outside,
// the standard library above all, must be included before the region opens: its inline functions are shared with code
// that runs on every CPU. Inside, no lambdas and no friend functions defined in classes: GCC 12 forgets the region
// there.

#define FACEPRINT_PRAGMA(...) _Pragma(#__VA_ARGS__)

#if defined(__clang__)
#define FACEPRINT_TARGET_BEGIN(features) \
  FACEPRINT_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define FACEPRINT_TARGET_END FACEPRINT_PRAGMA(clang attribute pop)
#define FACEPRINT_UNROLL FACEPRINT_PRAGMA(clang loop unroll(full))
#else
#define FACEPRINT_TARGET_BEGIN(features) FACEPRINT_PRAGMA(GCC push_options) FACEPRINT_PRAGMA(GCC target(features))
#define FACEPRINT_TARGET_END FACEPRINT_PRAGMA(GCC pop_options)
#define FACEPRINT_UNROLL FACEPRINT_PRAGMA(GCC unroll 64)
#endif
