#pragma once
// The core for C, and for languages that call C: distances and exact search. Each function does what that of its name
// in distance.hpp, gallery.hpp or nearest.hpp does, whose comments are the contract: shapes, order, ties, errors.
// Distances are squared. No exception leaves a function, and no state outlives a call.

#include <stddef.h>
#include <stdint.h>

#include "faceprint/export.h"

#ifdef __cplusplus
extern "C" {
#endif

// What a call came to. Whatever is not FACEPRINT_OK leaves a gallery as it was.
typedef enum {
  FACEPRINT_OK = 0,
  FACEPRINT_INVALID_ARGUMENT = 1,
  FACEPRINT_OUT_OF_MEMORY = 2,
  FACEPRINT_NO_DEVICE = 3,  // the backend that the environment variable FACEPRINT_BACKEND names cannot run here
  FACEPRINT_FAILED = 4,
} faceprint_status;

// Takes the reason, cut off where it is longer; empty after FACEPRINT_OK. Where one is asked for, NULL will do.
typedef struct {
  char text[256];
} faceprint_message;

// Borrowed rows of `columns` adjacent numbers; `stride` numbers, which may be negative, lead from one row to the next.
typedef struct {
  const float* data;
  ptrdiff_t rows, columns, stride;
} faceprint_rows;

// Embeddings packed for searching, as float32. Searches may use one at once; appending and freeing need it alone.
typedef struct faceprint_gallery faceprint_gallery;

// out: [rows of x, rows of y], one row behind the other, as all outputs are.
FACEPRINT_API faceprint_status faceprint_distances(faceprint_rows x, faceprint_rows y, float* out, int threads,
                                                   faceprint_message* message);

// Puts an empty gallery for rows of so many columns into *made, or NULL.
FACEPRINT_API faceprint_status faceprint_gallery_new(ptrdiff_t columns, faceprint_gallery** made,
                                                     faceprint_message* message);
FACEPRINT_API faceprint_status faceprint_gallery_append(faceprint_gallery* gallery, faceprint_rows rows, int threads,
                                                        faceprint_message* message);
FACEPRINT_API void faceprint_gallery_free(faceprint_gallery* gallery);  // NULL is allowed

// distances, indices: [queries, k], the nearest first.
FACEPRINT_API faceprint_status faceprint_nearest(faceprint_rows queries, const faceprint_gallery* gallery, ptrdiff_t k,
                                                 float* distances, int64_t* indices, int threads,
                                                 faceprint_message* message);

// distances, indices: [gallery, k], for each row of the gallery its nearest others.
FACEPRINT_API faceprint_status faceprint_neighbours(const faceprint_gallery* gallery, ptrdiff_t k, float* distances,
                                                    int64_t* indices, int threads, faceprint_message* message);

#ifdef __cplusplus
}
#endif
