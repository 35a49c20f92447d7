/* The interface for C, from C. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faceprint/faceprint.h"

#define CHECK(condition) ((condition) ? (void)0 : fail(#condition, __LINE__))

enum { ROWS = 5, COLUMNS = 3, K = 2 };

/* Of whole numbers, so that distances are exact; a stride of 4 leaves a column out that would spoil them. */
static const float numbers[ROWS * 4] = {0, 0, 0, 9, 1, 0, 0, 9, 0, 2, 0, 9, 0, 0, 3, 9, 1, 0, 0, 9};
static const faceprint_rows rows = {numbers, ROWS, COLUMNS, 4};

static int failures = 0;

static void fail(const char* condition, int line) {
  fprintf(stderr, "line %d: not so: %s\n", line, condition);
  ++failures;
}

static int said(const faceprint_message* message, const char* expected) {
  if (strcmp(message->text, expected) == 0) return 1;
  fprintf(stderr, "message: %s\n", message->text);
  return 0;
}

static faceprint_gallery* filled(void) {
  faceprint_gallery* gallery = NULL;
  CHECK(faceprint_gallery_new(COLUMNS, &gallery, NULL) == FACEPRINT_OK);
  CHECK(faceprint_gallery_append(gallery, rows, 1, NULL) == FACEPRINT_OK);
  return gallery;
}

static void test_distances(void) {
  const faceprint_rows two = {numbers + 4, 2, COLUMNS, 4};
  const float expected[2 * ROWS] = {1, 0, 5, 10, 0, 4, 5, 0, 13, 5};
  float out[2 * ROWS] = {0};
  faceprint_message message = {"of an earlier call"};
  CHECK(faceprint_distances(two, rows, out, 0, &message) == FACEPRINT_OK);
  CHECK(said(&message, ""));
  CHECK(memcmp(out, expected, sizeof expected) == 0);
}

static void test_nearest(void) {
  const faceprint_rows backwards = {numbers + 4, 2, COLUMNS, -4};
  const float expected[2 * K] = {0, 0, 0, 1};
  const int64_t expected_indices[2 * K] = {1, 4, 0, 1};
  float distances[2 * K];
  int64_t indices[2 * K];
  faceprint_gallery* gallery = filled();
  CHECK(faceprint_nearest(backwards, gallery, K, distances, indices, 0, NULL) == FACEPRINT_OK);
  CHECK(memcmp(distances, expected, sizeof expected) == 0);
  CHECK(memcmp(indices, expected_indices, sizeof expected_indices) == 0);
  faceprint_gallery_free(gallery);
}

static void test_neighbours(void) {
  const float expected[ROWS * K] = {1, 1, 0, 1, 4, 5, 9, 10, 0, 1};
  const int64_t expected_indices[ROWS * K] = {1, 4, 4, 0, 0, 1, 0, 1, 1, 0};
  float distances[ROWS * K];
  int64_t indices[ROWS * K];
  faceprint_gallery* gallery = filled();
  CHECK(faceprint_neighbours(gallery, K, distances, indices, 0, NULL) == FACEPRINT_OK);
  CHECK(memcmp(distances, expected, sizeof expected) == 0);
  CHECK(memcmp(indices, expected_indices, sizeof expected_indices) == 0);
  faceprint_gallery_free(gallery);
}

static void test_no_rows(void) {
  const faceprint_rows nobody = {NULL, 0, COLUMNS, COLUMNS};
  float distances[K];
  int64_t indices[K];
  faceprint_gallery* gallery = filled();
  CHECK(faceprint_gallery_append(gallery, nobody, 0, NULL) == FACEPRINT_OK);
  CHECK(faceprint_nearest(nobody, gallery, K, distances, indices, 0, NULL) == FACEPRINT_OK);
  faceprint_gallery_free(gallery);
}

static void test_errors(void) {
  const faceprint_rows nothing = {NULL, 2, COLUMNS, COLUMNS}, fewer = {numbers, -1, COLUMNS, COLUMNS};
  const faceprint_rows narrow = {numbers, ROWS, 2, 4};
  float distances[ROWS * ROWS] = {0};
  int64_t indices[ROWS * ROWS];
  faceprint_message message;
  faceprint_gallery *gallery = filled(), *none = gallery;

  CHECK(faceprint_gallery_new(0, &none, &message) == FACEPRINT_INVALID_ARGUMENT);
  CHECK(none == NULL);
  CHECK(said(&message, "a gallery must have 1 to 1048576 columns, not 0"));
  CHECK(faceprint_gallery_new(COLUMNS, NULL, &message) == FACEPRINT_INVALID_ARGUMENT);
  CHECK(said(&message, "made must not be NULL"));
  CHECK(faceprint_gallery_append(NULL, rows, 0, &message) == FACEPRINT_INVALID_ARGUMENT);
  CHECK(said(&message, "gallery must not be NULL"));
  CHECK(faceprint_gallery_append(gallery, nothing, 0, &message) == FACEPRINT_INVALID_ARGUMENT);
  CHECK(said(&message, "rows must not be NULL"));
  CHECK(faceprint_gallery_append(gallery, fewer, 0, &message) == FACEPRINT_INVALID_ARGUMENT);
  CHECK(said(&message, "rows must have 0 rows and columns or more, not (-1, 3)"));

  CHECK(faceprint_distances(rows, narrow, distances, 0, &message) == FACEPRINT_INVALID_ARGUMENT);
  CHECK(faceprint_distances(rows, rows, NULL, 0, &message) == FACEPRINT_INVALID_ARGUMENT);
  CHECK(said(&message, "out must not be NULL"));
  CHECK(faceprint_distances(rows, rows, distances, -1, &message) == FACEPRINT_INVALID_ARGUMENT);
  CHECK(said(&message, "threads must be 0 (all) or more, not -1"));

  CHECK(faceprint_nearest(rows, gallery, ROWS + 1, distances, indices, 0, &message) == FACEPRINT_INVALID_ARGUMENT);
  CHECK(said(&message, "k must be in [1, 5], not 6"));
  CHECK(faceprint_nearest(rows, NULL, 1, distances, indices, 0, &message) == FACEPRINT_INVALID_ARGUMENT);
  CHECK(said(&message, "gallery must not be NULL"));
  CHECK(faceprint_nearest(rows, gallery, 1, NULL, indices, 0, &message) == FACEPRINT_INVALID_ARGUMENT);
  CHECK(said(&message, "distances must not be NULL"));
  CHECK(faceprint_neighbours(gallery, 1, distances, NULL, 0, &message) == FACEPRINT_INVALID_ARGUMENT);
  CHECK(said(&message, "indices must not be NULL"));
  CHECK(faceprint_neighbours(gallery, ROWS, distances, indices, 0, &message) == FACEPRINT_INVALID_ARGUMENT);

  faceprint_gallery_free(gallery);
  faceprint_gallery_free(NULL);
}

static void test_no_device(void) {
  float distances[ROWS * ROWS];
  faceprint_message message;
  CHECK(faceprint_distances(rows, rows, distances, 0, &message) == FACEPRINT_NO_DEVICE);
  CHECK(said(&message, "backend 'cuda' cannot run here: this build has no CUDA"));
}

int main(void) {
  const char* backend = getenv("FACEPRINT_BACKEND");
  if (backend && strcmp(backend, "cuda") == 0) {
    test_no_device();
  } else {
    test_distances();
    test_nearest();
    test_neighbours();
    test_no_rows();
    test_errors();
  }
  return failures > 0;
}
