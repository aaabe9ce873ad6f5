// Flat binary encoding of structs for messages between lichen's own processes (same build on both
// ends, never on disk). One function lists the fields for both directions:
//
//   struct Job { std::string path; std::vector<int> ids; };
//   template <class Wire> void fields(Wire& wire, Job& job) { wire(job.path, job.ids); }
//
//   std::string bytes = pack(job);
//   Job same = TRY(unpack<Job>(bytes));
//
// Integers, bool, enums, strings, vector, map, optional, Digest and structs with fields().
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace lichen {

class WireWriter {
 public:
  template <class... T>
  void operator()(T&... values) {
    (put(values), ...);
  }
  std::string take() { return std::move(bytes_); }

 private:
  template <class T>
  void put(T& value) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    } else {
      fields(*this, value);
    }
  }
  void put(std::string& text) {
    std::uint64_t size = text.size();
    put(size);
    bytes_ += text;
  }
  void put(Digest& digest) {
    std::string text = digest.text();
    put(text);
  }
  template <class T>
  void put(std::vector<T>& list) {
    std::uint64_t size = list.size();
    put(size);
    for (T& item : list) put(item);
  }
  template <class K, class V>
  void put(std::map<K, V>& map) {
    std::uint64_t size = map.size();
    put(size);
    for (auto& [key, value] : map) {
      K copy = key;
      put(copy);
      put(value);
    }
  }
  template <class T>
  void put(std::optional<T>& value) {
    bool present = value.has_value();
    put(present);
    if (present) put(*value);
  }

  std::string bytes_;
};

class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}
  template <class... T>
  void operator()(T&... values) {
    (get(values), ...);
  }
  bool ok() const { return ok_ && rest_.empty(); }

 private:
  bool take(void* to, std::size_t size) {
    ok_ = ok_ && rest_.size() >= size;
    if (!ok_) return false;
    std::memcpy(to, rest_.data(), size);
    rest_.remove_prefix(size);
    return true;
  }
  std::uint64_t count() {  // of items of at least one byte each, so never more than what is left
    std::uint64_t size = 0;
    take(&size, sizeof size);
    if (size > rest_.size()) ok_ = false;
    return ok_ ? size : 0;
  }
  template <class T>
  void get(T& value) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      take(&value, sizeof value);
    } else {
      fields(*this, value);
    }
  }
  void get(std::string& text) {
    const std::uint64_t size = count();
    text.assign(rest_.substr(0, size));
    rest_.remove_prefix(size);
  }
  void get(Digest& digest) {
    std::string text;
    get(text);
    if (text.empty()) return;
    auto parsed = Digest::parse(text);
    ok_ = ok_ && parsed.has_value();
    if (parsed) digest = std::move(*parsed);
  }
  template <class T>
  void get(std::vector<T>& list) {
    for (std::uint64_t left = count(); ok_ && left > 0; --left) get(list.emplace_back());
  }
  template <class K, class V>
  void get(std::map<K, V>& map) {
    for (std::uint64_t left = count(); ok_ && left > 0; --left) {
      K key{};
      get(key);
      get(map[std::move(key)]);
    }
  }
  template <class T>
  void get(std::optional<T>& value) {
    bool present = false;
    get(present);
    if (present) get(value.emplace());
  }

  std::string_view rest_;
  bool ok_ = true;
};

template <class Wire>
void fields(Wire& wire, Error& error) {
  wire(error.code, error.os_errno, error.message, error.context, error.hint, error.detail);
}

template <class T>
std::string pack(T value) {
  WireWriter writer;
  writer(value);
  return writer.take();
}

template <class T>
Result<T> unpack(std::string_view bytes) {
  T value{};
  WireReader reader(bytes);
  reader(value);
  if (!reader.ok()) return fail(Errc::kInternal, "malformed message between lichen processes");
  return value;
}

}  // namespace lichen
