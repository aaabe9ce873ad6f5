// JSON from strangers, read without exceptions. For .cc files only: it pulls in nlohmann-json,
// so no public header includes it.
//
//   const json::Value document = TRY(json::parse(bytes, "manifest"));
//   const json::Node root("manifest", document);
//   std::string media_type = TRY(TRY(root.member("mediaType")).text());
//
// Every error is kInvalid and names the member ("manifest.layers[2].size: want …"). As in Go's
// encoding/json, null counts as absent and of repeated members the last one wins. A Node borrows
// the Value that it was made from.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "oci/types.h"

namespace lichen::oci::json {

using Value = nlohmann::json;

// Deeper documents are refused before they are parsed; real ones have fewer than ten levels.
inline constexpr int kMaxDepth = 64;

// Parses a document of at most `most` bytes; `what` names it in errors.
Result<Value> parse(std::string_view text, const std::string& what,
                    std::size_t most = kMaxDocumentBytes);
// Without blanks; bytes that are not UTF-8 become U+FFFD, as in Go.
std::string dump(const Value& value);
std::string quote(std::string_view text);

class Node {
 public:
  Node(std::string path, const Value& value) : path_(std::move(path)), value_(&value) {}

  bool absent() const { return value_ == nullptr || value_->is_null(); }
  const Value* value() const { return value_; }
  Error wrong(const std::string& why) const;  // kInvalid, prefixed with the path

  // Of an object (or of nothing, which has no members).
  Result<Node> member(const char* key) const;
  Result<std::vector<std::pair<std::string, Node>>> members() const;
  // Of an array; nothing has no items.
  Result<std::vector<Node>> items() const;

  Result<std::string> text() const;                                         // "" when absent
  Result<std::int64_t> integer(std::int64_t low, std::int64_t high) const;  // 0 when absent
  Result<bool> boolean() const;                                             // false when absent
  Result<Digest> digest() const;                                            // must be there
  Result<std::vector<std::string>> texts() const;
  Result<std::map<std::string, std::string>> text_map() const;

 private:
  Node(std::string path, const Value* value) : path_(std::move(path)), value_(value) {}
  std::string path_;
  const Value* value_;
};

// Writes an object member by member, in the order of the calls.
class ObjectWriter {
 public:
  ObjectWriter& raw(std::string_view key, std::string_view json_text);
  ObjectWriter& text(std::string_view key, std::string_view value);
  ObjectWriter& text_unless_empty(std::string_view key, std::string_view value);
  ObjectWriter& texts_unless_empty(std::string_view key, const std::vector<std::string>& values);
  ObjectWriter& map_unless_empty(std::string_view key,
                                 const std::map<std::string, std::string>& values);
  std::string finish() const { return json_ + "}"; }

 private:
  std::string json_ = "{";
};

// "[a,b]" of JSON texts.
std::string array(const std::vector<std::string>& json_texts);

}  // namespace lichen::oci::json
