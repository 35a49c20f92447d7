#include <cstdint>
#include <cstdio>

#include "faceprint/gallery.hpp"
#include "faceprint/nearest.hpp"

int main() {
  const float people[3][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0.6f, 0.8f, 0}}, face[4] = {0, 0.8f, 0.6f, 0};
  faceprint::Gallery gallery(4);
  gallery.append({people[0], 3, 4, 4});  // data, rows, columns, elements from row to row
  float distances[2];
  std::int64_t indices[2];
  faceprint::nearest({face, 1, 4, 4}, gallery, {distances, 1, 2, 2}, {indices, 1, 2, 2});
  for (int place : {0, 1}) std::printf("person %d at %.2f\n", static_cast<int>(indices[place]), distances[place]);
}
