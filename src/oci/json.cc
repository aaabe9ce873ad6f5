#include "oci/json.h"

#include "base/text.h"
#include "oci/types.h"

namespace lichen::oci::json {

namespace {

// Nesting is counted on the text, before a parser can be led into deep recursion.
bool too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

std::string found(const Value& value) {
  return std::string(", found ") + (value.is_number() ? "a number" : value.type_name());
}

}  // namespace

Result<Value> parse(std::string_view text, const std::string& what, std::size_t most) {
  if (text.size() > most)
    return fail(Errc::kInvalid, what + ": larger than " + std::to_string(most) + " bytes");
  if (too_deep(text))
    return fail(Errc::kInvalid,
                what + ": nested deeper than " + std::to_string(kMaxDepth) + " levels");
  Value value = Value::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return fail(Errc::kInvalid, what + ": not valid JSON");
  return value;
}

std::string dump(const Value& value) {
  return value.dump(-1, ' ', false, Value::error_handler_t::replace);
}

std::string quote(std::string_view text) {
  return dump(Value(std::string(text)));
}

Error Node::wrong(const std::string& why) const {
  return Error{.code = Errc::kInvalid, .message = path_ + ": " + why};
}

Result<Node> Node::member(const char* key) const {
  std::string path = path_ + "." + key;
  if (absent()) return Node(std::move(path), nullptr);
  if (!value_->is_object()) return fail(wrong("want an object" + found(*value_)));
  const auto at = value_->find(key);
  return Node(std::move(path), at == value_->end() ? nullptr : &*at);
}

Result<std::vector<std::pair<std::string, Node>>> Node::members() const {
  std::vector<std::pair<std::string, Node>> all;
  if (absent()) return all;
  if (!value_->is_object()) return fail(wrong("want an object" + found(*value_)));
  for (auto at = value_->begin(); at != value_->end(); ++at)
    all.emplace_back(at.key(), Node(path_ + "[\"" + printable(at.key()) + "\"]", &*at));
  return all;
}

Result<std::vector<Node>> Node::items() const {
  std::vector<Node> all;
  if (absent()) return all;
  if (!value_->is_array()) return fail(wrong("want an array" + found(*value_)));
  for (const Value& item : *value_)
    all.push_back(Node(path_ + "[" + std::to_string(all.size()) + "]", &item));
  return all;
}

Result<std::string> Node::text() const {
  if (absent()) return std::string();
  if (!value_->is_string()) return fail(wrong("want a string" + found(*value_)));
  return value_->get_ref<const std::string&>();
}

Result<std::int64_t> Node::integer(std::int64_t low, std::int64_t high) const {
  if (absent()) return 0;
  if (!value_->is_number_integer()) return fail(wrong("want an integer" + found(*value_)));
  const bool huge =
      value_->is_number_unsigned() && value_->get<std::uint64_t>() > std::uint64_t{INT64_MAX};
  const auto number = huge ? INT64_MAX : value_->get<std::int64_t>();
  if (huge || number < low || number > high) return fail(wrong("the number is out of range"));
  return number;
}

Result<bool> Node::boolean() const {
  if (absent()) return false;
  if (!value_->is_boolean()) return fail(wrong("want true or false" + found(*value_)));
  return value_->get<bool>();
}

Result<Digest> Node::digest() const {
  if (absent()) return fail(wrong("a digest is missing"));
  auto digest = Digest::parse(TRY(text()));
  if (!digest) {
    Error error = std::move(digest).error();
    error.message = path_ + ": " + printable(error.message);
    return fail(std::move(error));
  }
  return digest;
}

Result<std::vector<std::string>> Node::texts() const {
  std::vector<std::string> all;
  for (const Node& item : TRY(items())) {
    if (item.absent()) return fail(item.wrong("want a string, found null"));
    all.push_back(TRY(item.text()));
  }
  return all;
}

Result<std::map<std::string, std::string>> Node::text_map() const {
  std::map<std::string, std::string> all;
  for (const auto& [key, item] : TRY(members())) all.emplace(key, TRY(item.text()));
  return all;
}

ObjectWriter& ObjectWriter::raw(std::string_view key, std::string_view json_text) {
  if (json_.size() > 1) json_ += ',';
  json_ += quote(key);
  json_ += ':';
  json_ += json_text;
  return *this;
}

ObjectWriter& ObjectWriter::text(std::string_view key, std::string_view value) {
  return raw(key, quote(value));
}

ObjectWriter& ObjectWriter::text_unless_empty(std::string_view key, std::string_view value) {
  return value.empty() ? *this : text(key, value);
}

ObjectWriter& ObjectWriter::texts_unless_empty(std::string_view key,
                                               const std::vector<std::string>& values) {
  return values.empty() ? *this : raw(key, dump(values));
}

ObjectWriter& ObjectWriter::map_unless_empty(std::string_view key,
                                             const std::map<std::string, std::string>& values) {
  return values.empty() ? *this : raw(key, dump(values));
}

std::string array(const std::vector<std::string>& json_texts) {
  return "[" + join(json_texts, ",") + "]";
}

}  // namespace lichen::oci::json
