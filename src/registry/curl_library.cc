#include "registry/curl_library.h"

#include <dlfcn.h>

#include <string>

namespace lichen::registry {

namespace {

struct Loaded {
  CurlLibrary library;
  std::string problem;
};

Loaded load() {
  Loaded loaded;
  void* handle = nullptr;
  for (const char* name : {"libcurl.so.4", "libcurl-gnutls.so.4"})
    if (handle == nullptr) handle = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    loaded.problem = "libcurl.so.4 is not installed";
    return loaded;
  }
  const auto find = [&](const char* symbol, auto& function) {
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, symbol));
    if (function != nullptr) return;
    loaded.problem = "libcurl is too old: it has no ";
    loaded.problem += symbol;
  };
  decltype(&curl_global_init) global_init = nullptr;
  CurlLibrary& curl = loaded.library;
  find("curl_global_init", global_init);
  find("curl_easy_init", curl.easy_init);
  find("curl_easy_cleanup", curl.easy_cleanup);
  find("curl_easy_reset", curl.easy_reset);
  find("curl_easy_setopt", curl.easy_setopt);
  find("curl_easy_getinfo", curl.easy_getinfo);
  find("curl_easy_strerror", curl.easy_strerror);
  find("curl_multi_init", curl.multi_init);
  find("curl_multi_cleanup", curl.multi_cleanup);
  find("curl_multi_add_handle", curl.multi_add_handle);
  find("curl_multi_remove_handle", curl.multi_remove_handle);
  find("curl_multi_perform", curl.multi_perform);
  find("curl_multi_poll", curl.multi_poll);
  find("curl_multi_info_read", curl.multi_info_read);
  find("curl_slist_append", curl.slist_append);
  find("curl_slist_free_all", curl.slist_free_all);
  if (loaded.problem.empty() && global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    loaded.problem = "libcurl cannot be initialised";
  return loaded;
}

}  // namespace

Result<const CurlLibrary*> curl_library() {
  static const Loaded loaded = load();
  if (!loaded.problem.empty())
    return fail(Errc::kUnsupported, "nothing can be fetched over HTTP: " + loaded.problem,
                "install libcurl 7.66 or newer (Debian: libcurl4)");
  return &loaded.library;
}

}  // namespace lichen::registry
