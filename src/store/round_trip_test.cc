// Generated trees: a layer, and a second one that changes it, applied; what the merged tree holds
// is compared with a model, and what `diff` makes of it, applied elsewhere, gives the same tree
// again. LICHEN_TEST_TREES (150) says how many, LICHEN_TEST_SEED (1) where to begin; `make soak`
// does 10000.
#include <array>
#include <cstdlib>
#include <random>

#include "archive/compression.h"
#include "store/tree_testing.h"

namespace lichen::store {
namespace {

using namespace testing;  // NOLINT

// path -> item; names of one file share it.
using Model = std::map<std::string, std::shared_ptr<Item>>;

class Generator {
 public:
  Generator(unsigned seed, Tier tier) : random_(seed), tier_(tier) {}

  std::vector<Item> first(Model& model) {
    std::vector<Item> items;
    fill("", 0, model, items);
    return items;
  }

  // What an upper layer says, and what that makes of the model.
  std::vector<Item> second(Model& model) {
    std::vector<Item> items;
    const Model below = model;
    for (const auto& [path, old] : below) {
      if (!has_parent(path, below, model)) continue;
      switch (pick(12)) {
        case 0:
          remove(path, model);
          items.push_back(file(beside(path, ".wh." + name_of(path))));
          break;
        case 1:
          replace(path, model, items);
          break;
        case 2:
          // What this layer put there already would stay.
          if (old->entry.type != EntryType::kDirectory || model.at(path) != old) break;
          remove(path, model, false);
          items.push_back(file(path + "/.wh..wh..opq"));
          fill(path + "/", 3, model, items);
          break;
        case 3:  // new attributes, and for a file new content
          model[path] = std::make_shared<Item>(node(path, old->entry.type));
          items.push_back(*model[path]);
          break;
        case 4:
          if (old->entry.type == EntryType::kDirectory) add("new", path + "/", model, items);
          break;
        case 5:  // a link to what is below: the two names are one file, which other names are not
          if (old->entry.type != EntryType::kFile || model.at(path) != old) break;
          if (name_of(path).size() > 200) break;
          model[path] = model[path + "-link"] = std::make_shared<Item>(*old);
          items.push_back(hardlink_to(path + "-link", path));
          break;
        default:
          break;
      }
    }
    add("new", "", model, items);
    return items;
  }

 private:
  unsigned pick(unsigned end) { return static_cast<unsigned>(random_() % end); }
  static std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }
  static std::string beside(const std::string& path, const std::string& name) {
    return path.substr(0, path.size() - name_of(path).size()) + name;
  }
  static bool is_beneath(const std::string& path, const std::string& directory) {
    return path.size() > directory.size() && path.starts_with(directory) &&
           path[directory.size()] == '/';
  }
  // It is still what it was, and so is all that it is in.
  static bool has_parent(const std::string& path, const Model& before, const Model& now) {
    const auto same = [&](const std::string& at) {
      const auto found = now.find(at);
      return found != now.end() && found->second->entry.type == before.at(at)->entry.type;
    };
    for (std::size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
      if (!same(path.substr(0, slash))) return false;
    return same(path);
  }
  static void remove(const std::string& path, Model& model, bool itself = true) {
    std::erase_if(model, [&](const auto& entry) { return is_beneath(entry.first, path); });
    if (itself) model.erase(path);
  }

  // A file takes the place of a directory and all in it; anything that of anything.
  void replace(const std::string& path, Model& model, std::vector<Item>& items) {
    const bool was_directory = model.at(path)->entry.type == EntryType::kDirectory;
    const EntryType type = any_type();
    if (!(was_directory && type == EntryType::kDirectory)) remove(path, model);
    model[path] = std::make_shared<Item>(node(path, type));
    items.push_back(*model[path]);
  }

  void fill(const std::string& directory, int depth, Model& model, std::vector<Item>& items) {
    static constexpr std::array kNames = {"a", "b",      "c d", "new\nline", "\xc3\xa9", "\xff\x01",
                                          ".", "a.wh.b", "*",   "-x",        "z"};
    for (const char* name : kNames)
      if (pick(depth == 0 ? 2 : 3) == 0)
        add(*name == '.' ? std::string(pick(2) == 0 ? 60 : 255, '.') : name, directory, model,
            items, depth);
  }
  void add(const std::string& name, const std::string& directory, Model& model,
           std::vector<Item>& items, int depth = 3) {
    const std::string path = directory + name;
    // Another name of a file of this layer.
    if (pick(6) == 0 && !items.empty()) {
      const Item& other = items[pick(static_cast<unsigned>(items.size()))];
      const auto found = model.find(other.entry.path);
      if (other.entry.type == EntryType::kFile && found != model.end() &&
          name_of(other.entry.path).find(".wh.") != 0 && *found->second == other) {
        model[path] = found->second;
        items.push_back(hardlink_to(path, other.entry.path));
        return;
      }
    }
    const Item item = node(path, depth > 3 ? EntryType::kFile : any_type());
    if (const auto found = model.find(path); found != model.end() && !is_same_kind(*found, item))
      remove(path, model);
    model[path] = std::make_shared<Item>(item);
    items.push_back(item);
    if (item.entry.type == EntryType::kDirectory) fill(path + "/", depth + 1, model, items);
  }
  static bool is_same_kind(const Model::value_type& old, const Item& item) {
    return old.second->entry.type == EntryType::kDirectory &&
           item.entry.type == EntryType::kDirectory;
  }

  EntryType any_type() {
    static constexpr std::array kTypes = {
        EntryType::kFile,        EntryType::kFile,      EntryType::kFile,    EntryType::kFile,
        EntryType::kDirectory,   EntryType::kDirectory, EntryType::kSymlink, EntryType::kCharDevice,
        EntryType::kBlockDevice, EntryType::kFifo};
    return kTypes[pick(kTypes.size())];
  }

  Item node(const std::string& path, EntryType type) {
    static constexpr std::array<std::uint64_t, 5> kIds = {0, 1, 1000, 65534, 3'000'000'000};
    Item item{{.path = path,
               .type = type,
               .mode = pick(010000),
               .uid = kIds[pick(5)],
               .gid = kIds[pick(5)],
               .mtime_s = pick(2'000'000'000)},
              ""};
    Entry& entry = item.entry;
    switch (type) {
      case EntryType::kSymlink:
        entry.mode = 0777;
        entry.link = std::string(1 + pick(200), 't');
        break;
      case EntryType::kCharDevice:
      case EntryType::kBlockDevice:
        entry.dev_major = 1 + pick(4000);
        entry.dev_minor = pick(1'000'000);
        break;
      case EntryType::kDirectory:
      case EntryType::kFile:
        // An ordinary user could not look into what is closed; a step is root of its namespace.
        if (tier_ == Tier::kUserns && ::geteuid() != 0)
          entry.mode |= type == EntryType::kFile ? 0600U : 0700U;
        if (pick(8) == 0) entry.xattrs["user.bytes"] = std::string("\0\n=\xff", 4);
        if (tier_ == Tier::kBare && type == EntryType::kFile && pick(8) == 0)
          entry.xattrs["security.capability"] = kPing;
        break;
      default:
        break;
    }
    if (type == EntryType::kFile) {
      item.content = std::string(pick(200), static_cast<char>('a' + pick(26)));
      if (pick(16) == 0) item.content += std::string(20'000, '\0') + "end";
      entry.size = item.content.size();
    }
    return item;
  }

  // cap_net_raw, effective and permitted.
  static inline const std::string kPing{"\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20};

  std::mt19937 random_;
  Tier tier_;
};

std::string describe(const Item& item) {
  const Entry& entry = item.entry;
  char numbers[64];
  std::snprintf(numbers, sizeof numbers, " %o %lld", entry.mode,
                static_cast<long long>(entry.mtime_s));
  std::string text = to_text(item) + numbers;
  for (const auto& [name, value] : entry.xattrs)
    text += " " + name + "=" + std::to_string(std::hash<std::string>{}(value));
  return text;
}

// Every path with all that is said of it; of names of one file the first stands for all.
Lines lines_of(const Model& model) {
  std::map<const Item*, std::string> first;
  Lines lines;
  for (const auto& [path, item] : model) {
    const std::string& name = first.try_emplace(item.get(), path).first->second;
    Item named = *item;
    named.entry.path = path;
    lines.push_back(describe(named) + (name == path ? "" : " as " + name));
  }
  return lines;
}

Model model_of(const std::vector<Item>& items) {
  Model model;
  for (const Item& item : items)
    if (!item.entry.path.empty() && item.entry.type != EntryType::kHardlink)
      model[item.entry.path] = std::make_shared<Item>(item);
  for (const Item& item : items)
    if (item.entry.type == EntryType::kHardlink) model[item.entry.path] = model[item.entry.link];
  return model;
}

unsigned number(const char* variable, unsigned otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

std::string packed(const std::vector<Item>& items, unsigned seed) {
  const std::string tar = to_tar(items);
  if (seed % 8 != 0) return tar;
  StringSink sink;
  const auto compressor = make_compressor(
      seed % 16 == 0 ? archive::Compression::kGzip : archive::Compression::kZstd, -1, 1, sink);
  EXPECT_TRUE(compressor && (*compressor)->write(tar) && (*compressor)->close());
  return sink.take();
}

void survives(unsigned seed, Tier tier) {
  Generator generator(seed, tier);
  Model model;
  const std::vector<Item> lower = generator.first(model);
  Stack stack(tier);
  ASSERT_OK(stack.try_apply(packed(lower, seed)));
  ASSERT_EQ(lines_of(model_of(stack.tree())), lines_of(model));
  const std::vector<Item> upper = generator.second(model);
  ASSERT_OK(stack.try_apply(packed(upper, seed)));
  const Lines tree = lines_of(model_of(stack.tree()));
  ASSERT_EQ(tree, lines_of(model));

  // Elsewhere, from layers of our own.
  const std::vector<Item> diff = stack.diff();
  Stack again(tier);
  ASSERT_OK(again.try_apply(packed(lower, seed)));
  ASSERT_OK(again.try_apply(packed(diff, seed + 1)));
  ASSERT_EQ(lines_of(model_of(again.tree())), tree);
  ASSERT_EQ(to_tar(again.diff()), to_tar(diff));

  // And all in one layer.
  Stack whole(tier);
  ASSERT_OK(whole.try_apply(packed(stack.tree(), seed)));
  ASSERT_EQ(lines_of(model_of(whole.tree())), tree);
}

TEST(RoundTrip, GeneratedTreesSurvive) {
  std::vector<Tier> tiers = {Tier::kUserns, Tier::kBare};
  if (::geteuid() == 0) tiers.push_back(Tier::kIds);
  const unsigned begin = number("LICHEN_TEST_SEED", 1);
  const unsigned count = number("LICHEN_TEST_TREES", 150);
  for (unsigned seed = begin; seed < begin + count; ++seed) {
    SCOPED_TRACE("LICHEN_TEST_SEED=" + std::to_string(seed));
    survives(seed, tiers[seed % tiers.size()]);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace lichen::store
