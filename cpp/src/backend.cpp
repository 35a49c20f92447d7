#include "backend.hpp"

#include <atomic>
#include <cstdlib>

#include "faceprint/backend.hpp"

namespace faceprint {

namespace {

// The only state that outlives a call.
std::atomic<const Backend*> chosen = nullptr;

const Backend& runnable(std::string_view name) {
  std::string known;
  for (const Backend* backend : known_backends()) {
    if (backend->name() == name) {
      if (backend->unavailable().empty()) return *backend;
      throw DeviceError("backend '" + std::string(name) + "' cannot run here: " + std::string(backend->unavailable()));
    }
    known += (known.empty() ? "" : ", ") + std::string(backend->name());
  }
  throw std::invalid_argument("unknown backend '" + std::string(name) + "'; known: " + known);
}

}  // namespace

std::array<const Backend*, 6> known_backends() {
  return {&portable_backend(),   &avx2_backend(), &avx512_backend(),
          &avx512vnni_backend(), &neon_backend(), &cuda_backend()};
}

const Backend& best_on_this_cpu() {
  for (const Backend* backend : {&avx512vnni_backend(), &avx512_backend(), &avx2_backend(), &neon_backend()}) {
    if (backend->unavailable().empty()) return *backend;
  }
  return portable_backend();
}

const Backend& active() {
  const Backend* backend = chosen.load();
  if (backend) return *backend;
  const char* wanted = std::getenv("FACEPRINT_BACKEND");
  const Backend& first = wanted && *wanted ? runnable(wanted) : best_on_this_cpu();
  // If another thread has chosen meanwhile, its choice stands.
  return chosen.compare_exchange_strong(backend, &first) ? first : *backend;
}

std::vector<BackendStatus> backends() {
  std::vector<BackendStatus> list;
  for (const Backend* backend : known_backends()) {
    list.push_back({std::string(backend->name()), std::string(backend->unavailable())});
  }
  return list;
}

std::string_view active_backend() { return active().name(); }

void use_backend(std::string_view name) { chosen.store(&runnable(name)); }

}  // namespace faceprint
