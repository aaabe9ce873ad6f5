#include "oci/cache_config.h"

#include <algorithm>
#include <numeric>

#include "base/rfc3339.h"
#include "base/text.h"
#include "oci/json.h"
#include "oci/types.h"

namespace lichen::oci {

namespace {

using json::Node;

Result<std::size_t> read_number(const Node& node, std::size_t count) {
  if (count == 0) return fail(node.wrong("leads to nothing"));
  return static_cast<std::size_t>(TRY(node.integer(0, static_cast<std::int64_t>(count) - 1)));
}

// A parent that is left out is layer 0, as Go's encoding leaves out zeros.
Result<CacheLayer> read_layer(const Node& node, std::size_t count) {
  CacheLayer layer;
  layer.blob = TRY(TRY(node.member("blob")).digest());
  const Node parent = TRY(node.member("parent"));
  const std::int64_t number = TRY(parent.integer(-1, static_cast<std::int64_t>(count) - 1));
  if (number >= 0) layer.parent = static_cast<std::size_t>(number);
  const Node annotations = TRY(node.member("annotations"));
  if (const Node diff_id = TRY(annotations.member("diffID")); !diff_id.absent())
    layer.diff_id = TRY(diff_id.digest());
  layer.created = parse_rfc3339(TRY(TRY(annotations.member("createdAt")).text())).value_or(0);
  return layer;
}

// The layers of each, from the lowest: those of its parent, then itself. 0: not known yet.
Result<void> check_parents(const std::vector<CacheLayer>& layers) {
  std::vector<std::size_t> depths(layers.size(), 0);
  for (std::size_t start = 0; start < layers.size(); ++start) {
    std::vector<std::size_t> path;
    std::optional<std::size_t> at = start;
    while (at && depths[*at] == 0) {
      path.push_back(*at);
      if (path.size() > kMaxChain)
        return fail(Errc::kInvalid, "cache: layers in a circle, or too many on each other");
      at = layers[*at].parent;
    }
    std::size_t depth = at ? depths[*at] : 0;
    for (; !path.empty(); path.pop_back()) depths[path.back()] = ++depth;
    if (depth > kMaxChain) return fail(Errc::kInvalid, "cache: too many layers on each other");
  }
  return {};
}

std::vector<std::size_t> with_parents(const std::vector<CacheLayer>& layers, std::size_t top) {
  std::vector<std::size_t> chain;
  for (std::optional<std::size_t> at = top; at; at = layers[*at].parent) chain.push_back(*at);
  std::reverse(chain.begin(), chain.end());
  return chain;
}

Result<CacheRecord> read_record(const Node& node, const std::vector<CacheLayer>& layers,
                                std::size_t records) {
  CacheRecord record;
  record.key = TRY(TRY(node.member("digest")).digest());
  // The first is enough: others are the same in another compression.
  for (const Node& result : TRY(TRY(node.member("layers")).items())) {
    const std::size_t top = TRY(read_number(TRY(result.member("layer")), layers.size()));
    if (record.trees.empty()) record.trees.push_back(with_parents(layers, top));
  }
  for (const Node& result : TRY(TRY(node.member("chains")).items())) {
    std::vector<std::size_t> chain;
    for (const Node& item : TRY(TRY(result.member("layers")).items()))
      chain.push_back(TRY(read_number(item, layers.size())));
    if (chain.size() > kMaxChain) return fail(result.wrong("too many layers"));
    if (!chain.empty() && record.trees.empty()) record.trees.push_back(std::move(chain));
  }
  for (const Node& input : TRY(TRY(node.member("inputs")).items())) {
    std::vector<std::size_t> links;
    for (const Node& link : TRY(input.items()))
      links.push_back(TRY(read_number(TRY(link.member("link")), records)));
    record.inputs.push_back(std::move(links));
  }
  return record;
}

// Without recursion: a circle may be as long as the document.
Result<void> check_inputs(const std::vector<CacheRecord>& records) {
  std::vector<std::size_t> users(records.size(), 0), free;
  const auto each_link = [&](const CacheRecord& record, const auto& visit) {
    for (const auto& links : record.inputs)
      for (const std::size_t link : links) visit(link);
  };
  for (const CacheRecord& record : records)
    each_link(record, [&](std::size_t link) { ++users[link]; });
  for (std::size_t i = 0; i < records.size(); ++i)
    if (users[i] == 0) free.push_back(i);
  std::size_t seen = 0;
  for (; !free.empty(); ++seen) {
    const std::size_t at = free.back();
    free.pop_back();
    each_link(records[at], [&](std::size_t link) {
      if (--users[link] == 0) free.push_back(link);
    });
  }
  if (seen != records.size()) return fail(Errc::kInvalid, "cache: records in a circle");
  return {};
}

Result<std::vector<CacheRecord>> read_records(const Node& node,
                                              const std::vector<CacheLayer>& layers) {
  const std::vector<Node> items = TRY(node.items());
  std::vector<CacheRecord> records;
  std::size_t numbers = 0;
  for (const Node& item : items) {
    records.push_back(TRY(read_record(item, layers, items.size())));
    // Few bytes may name long chains over and over.
    for (const auto& tree : records.back().trees) numbers += tree.size();
    if (numbers > kMaxDocumentBytes) return fail(item.wrong("too many layers in all"));
  }
  TRY(check_inputs(records));
  return records;
}

std::string write(const CacheLayer& layer) {
  json::ObjectWriter writer;
  writer.text("blob", layer.blob.text());
  const std::int64_t parent = layer.parent ? static_cast<std::int64_t>(*layer.parent) : -1;
  if (parent != 0) writer.raw("parent", std::to_string(parent));
  json::ObjectWriter annotations;
  if (!layer.diff_id.empty()) annotations.text("diffID", layer.diff_id.text());
  if (layer.created != 0) annotations.text("createdAt", to_rfc3339(layer.created));
  if (!layer.diff_id.empty() || layer.created != 0) writer.raw("annotations", annotations.finish());
  return writer.finish();
}

std::string write_numbers(const std::vector<std::size_t>& numbers) {
  std::vector<std::string> texts;
  for (const std::size_t number : numbers) texts.push_back(std::to_string(number));
  return json::array(texts);
}

std::string write(const CacheRecord& record, const std::vector<CacheLayer>& layers) {
  json::ObjectWriter writer;
  writer.text("digest", record.key.text());
  std::vector<std::string> tops, chains;
  for (const auto& tree : record.trees) {
    json::ObjectWriter result;
    const bool is_top = with_parents(layers, tree.back()) == tree;
    if (is_top)
      result.raw("layer", std::to_string(tree.back()));
    else
      result.raw("layers", write_numbers(tree));
    const std::int64_t created = layers[tree.back()].created;
    result.text("createdAt", created == 0 ? "0001-01-01T00:00:00Z" : to_rfc3339(created));
    (is_top ? tops : chains).push_back(result.finish());
  }
  if (!tops.empty()) writer.raw("layers", json::array(tops));
  if (!chains.empty()) writer.raw("chains", json::array(chains));
  std::vector<std::string> inputs;
  for (const auto& links : record.inputs) {
    std::vector<std::string> texts;
    for (const std::size_t link : links)
      texts.push_back(json::ObjectWriter().raw("link", std::to_string(link)).finish());
    inputs.push_back(json::array(texts));
  }
  if (!inputs.empty()) writer.raw("inputs", json::array(inputs));
  return writer.finish();
}

std::string write_records(const CacheConfig& config) {
  std::vector<std::string> texts;
  for (const CacheRecord& record : config.records) texts.push_back(write(record, config.layers));
  return json::array(texts);
}

// order[i]: which of the old is the new i; places: the other way round.
std::vector<std::size_t> places_of(const std::vector<std::size_t>& order) {
  std::vector<std::size_t> places(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) places[order[i]] = i;
  return places;
}

template <class T>
std::vector<T> in_order(const std::vector<T>& all, const std::vector<std::size_t>& order) {
  std::vector<T> sorted;
  for (const std::size_t at : order) sorted.push_back(all[at]);
  return sorted;
}

template <class Less>
std::vector<std::size_t> order_of(std::size_t count, const Less& less) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), less);
  return order;
}

// A layer's name that does not depend on the order: the blobs from the lowest up.
std::vector<std::string> names_of(const std::vector<CacheLayer>& layers) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    std::string below;
    for (const std::size_t at : with_parents(layers, i)) below += layers[at].blob.text() + " ";
    names.push_back(layers[i].blob.text() + " " + below);
  }
  return names;
}

void sort(CacheConfig& config) {
  const std::vector<std::string> names = names_of(config.layers);
  const auto order = order_of(config.layers.size(),
                              [&](std::size_t a, std::size_t b) { return names[a] < names[b]; });
  const auto places = places_of(order);
  config.layers = in_order(config.layers, order);
  for (CacheLayer& layer : config.layers)
    if (layer.parent) layer.parent = places[*layer.parent];
  for (CacheRecord& record : config.records)
    for (auto& tree : record.trees)
      for (std::size_t& layer : tree) layer = places[layer];

  const auto records = order_of(config.records.size(), [&](std::size_t a, std::size_t b) {
    return config.records[a].key < config.records[b].key;
  });
  const auto record_places = places_of(records);
  config.records = in_order(config.records, records);
  for (CacheRecord& record : config.records)
    for (auto& links : record.inputs)
      for (std::size_t& link : links) link = record_places[link];
}

}  // namespace

Result<CacheConfig> parse_cache_config(std::string_view bytes) {
  const json::Value document = TRY(json::parse(bytes, "cache"));
  const Node root("cache", document);
  if (!document.is_object()) return fail(root.wrong("want an object"));
  CacheConfig config;
  const std::vector<Node> layers = TRY(TRY(root.member("layers")).items());
  for (const Node& node : layers) config.layers.push_back(TRY(read_layer(node, layers.size())));
  TRY(check_parents(config.layers));
  config.records = TRY(read_records(TRY(root.member("records")), config.layers));
  return config;
}

std::string to_json(CacheConfig config) {
  sort(config);
  std::vector<std::string> layers;
  for (const CacheLayer& layer : config.layers) layers.push_back(write(layer));
  json::ObjectWriter writer;
  if (!layers.empty()) writer.raw("layers", json::array(layers));
  if (!config.records.empty()) writer.raw("records", write_records(config));
  return writer.finish();
}

Result<CacheConfig> parse_inline_cache(std::string_view bytes, std::size_t layers) {
  const json::Value document = TRY(json::parse(bytes, "inline cache"));
  if (layers > kMaxChain) return fail(Errc::kInvalid, "inline cache: too many layers");
  CacheConfig config;
  for (std::size_t i = 0; i < layers; ++i)
    config.layers.push_back({.parent = i == 0 ? std::nullopt : std::optional(i - 1)});
  config.records = TRY(read_records(Node("inline cache", document), config.layers));
  return config;
}

std::string inline_json(const CacheConfig& config) {
  return write_records(config);
}

Result<std::optional<std::string>> find_text_member(std::string_view bytes, const char* name) {
  const json::Value document = TRY(json::parse(bytes, "document"));
  const Node member = TRY(Node("document", document).member(name));
  if (member.absent()) return std::optional<std::string>();
  return std::optional(TRY(member.text()));
}

Result<std::string> with_text_member(std::string_view bytes, const char* name,
                                     const std::optional<std::string>& value) {
  json::Value document = json::Value::object();
  if (!bytes.empty()) document = TRY(json::parse(bytes, "document"));
  if (!document.is_object()) return fail(Errc::kInvalid, "document: want an object");
  document.erase(name);
  if (value) document[name] = *value;
  return document.empty() ? std::string() : json::dump(document);
}

}  // namespace lichen::oci
