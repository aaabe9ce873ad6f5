#include <dirent.h>
#include <fcntl.h>

#include <map>

#include "base/text.h"
#include "os/file.h"
#include "store/layer_file.h"
#include "store/tree.h"

namespace lichen::store {

namespace {

class TarSink final : public Sink {
 public:
  explicit TarSink(archive::TarWriter& tar) : tar_(tar) {}
  Result<void> write(std::string_view bytes) override { return tar_.write(bytes); }

 private:
  archive::TarWriter& tar_;
};

}  // namespace

Result<owners::Owners> load_owners(const std::vector<std::string>& sidecars_bottom_first) {
  owners::Owners all;
  for (const std::string& path : sidecars_bottom_first)
    if (const auto bytes = TRY(os::find_file(path))) {
      auto sidecar = owners::parse_sidecar(*bytes);
      if (!sidecar) return fail(std::move(sidecar).error().in(path));
      all.apply(*sidecar);
    }
  return all;
}

Result<void> write_entry(archive::Entry entry, const os::UniqueFd& directory,
                         const std::string& name, const struct ::stat& status,
                         std::map<std::pair<dev_t, ino_t>, std::string>& first_names,
                         archive::TarWriter& tar) {
  if (entry.type != archive::EntryType::kDirectory && status.st_nlink > 1) {
    const auto [first, is_new] =
        first_names.try_emplace({status.st_dev, status.st_ino}, entry.path);
    if (!is_new) {
      entry.type = archive::EntryType::kHardlink;
      entry.link = first->second;
      entry.size = 0;
      entry.xattrs.clear();
      return tar.add(entry);
    }
  }
  TRY(tar.add(entry));
  if (entry.type != archive::EntryType::kFile || entry.size == 0) return {};
  os::FileSource content(TRY(os::openat(directory, name, O_RDONLY | O_NOFOLLOW)), entry.path);
  TarSink sink(tar);
  (void)TRY(copy(content, sink));
  return {};
}

namespace {

class Diff {
 public:
  Diff(const Layers& lower, TierKind tier, const owners::Owners& all, const DiffOptions& options,
       archive::TarWriter& tar)
      : lower_(lower), tier_(tier), all_(all), options_(options), tar_(tar) {}

  Result<void> walk(const os::UniqueFd& directory, const std::string& path) {
    for (const os::DirectoryEntry& item : TRY(os::read_directory(directory))) {
      const auto status = TRY(os::lstatat(directory, item.name));
      if (!status) return fail(Errc::kInternal, path + "/" + item.name + " vanished from a layer");
      auto written = add(directory, item.name, beneath(path, item.name), *status);
      if (!written)
        return fail(std::move(written).error().in("/" + printable(beneath(path, item.name))));
    }
    return {};
  }

 private:
  Result<void> add(const os::UniqueFd& directory, const std::string& name, const std::string& path,
                   const struct ::stat& status) {
    if (is_whiteout(status)) return mark(parent_of(path), kWhiteoutPrefix + name);
    if (S_ISSOCK(status.st_mode)) return {};  // tar has no sockets, and they mean nothing elsewhere
    archive::Entry entry = TRY(entry_of(directory, name, status, tier_, all_.find(path), options_));
    entry.path = path;
    TRY(write_entry(std::move(entry), directory, name, status, first_names_, tar_));
    if (!S_ISDIR(status.st_mode)) return {};
    const os::UniqueFd child =
        TRY(os::openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    // New directories may be opaque as well; it means something only where one is hidden.
    if (TRY(is_opaque(child))) {
      const auto hidden = TRY(lower_.find(path));
      if (hidden && S_ISDIR(hidden->status.st_mode)) TRY(mark(path, kOpaqueMarker));
    }
    return walk(child, path);
  }

  Result<void> mark(const std::string& directory, const std::string& name) {
    archive::Entry entry{.path = beneath(directory, name), .mode = 0};
    entry.mtime_s = 0;
    return tar_.add(entry);
  }

  const Layers& lower_;
  TierKind tier_;
  const owners::Owners& all_;
  const DiffOptions& options_;
  archive::TarWriter& tar_;
  std::map<std::pair<dev_t, ino_t>, std::string> first_names_;
};

}  // namespace

Result<void> diff_layer(const std::string& fs, const std::vector<std::string>& lower, TierKind tier,
                        const owners::Owners& below, const owners::Sidecar& own,
                        const DiffOptions& options, archive::TarWriter& tar) {
  const Layers layers = TRY(Layers::open(lower));
  owners::Owners all = below;
  all.apply(own);
  const os::UniqueFd root = TRY(os::open(fs, O_RDONLY | O_DIRECTORY));
  return Diff(layers, tier, all, options, tar).walk(root, "");
}

}  // namespace lichen::store
