#include "cuda/unit.hpp"

#include "cuda/unit.cuh"

namespace faceprint::cuda {

template <class T>
bool unit_means(const T* outputs, std::int64_t views, Matrix<float> means, const Stream& stream) {
  if (means.rows == 0) return true;
  const DeviceArray<int> undirected(1, stream);
  clear(undirected, stream);
  launch(mean_unit_rows<T>, static_cast<unsigned>(means.rows), warp_size, 0, stream, outputs, views, means,
         undirected.data());
  int found = 0;
  download(undirected.data(), 1, &found, stream);
  return found == 0;
}

template bool unit_means(const float*, std::int64_t, Matrix<float>, const Stream&);
template bool unit_means(const Half*, std::int64_t, Matrix<float>, const Stream&);

}  // namespace faceprint::cuda
