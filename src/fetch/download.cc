#include "fetch/download.h"

#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "base/stream.h"
#include "base/url.h"
#include "fetch/http_text.h"
#include "os/disk.h"
#include "os/file.h"
#include "registry/http_date.h"
#include "registry/transport.h"

namespace lichen::fetch {

namespace {

using registry::parse_http_date;
using registry::Request;
using registry::Response;

// What the server called the bytes that it sent last.
struct Record {
  std::string etag, last_modified, name, media_type;
  Digest digest;
  std::uint64_t size = 0;
  bool dated = false;  // last_modified names the bytes
};

// Last-Modified names the bytes only when they could not change in the same second after they
// were sent (RFC 9110, section 8.8.2.2).
bool is_strong(const Response& response) {
  const auto modified = parse_http_date(response.header("last-modified"));
  const auto sent = parse_http_date(response.header("date"));
  return modified && sent && *sent - *modified >= 2;
}

std::string to_json(const Record& record) {
  const nlohmann::json json = {{"etag", record.etag},
                               {"last_modified", record.last_modified},
                               {"name", record.name},
                               {"media_type", record.media_type},
                               {"digest", record.digest.text()},
                               {"size", record.size},
                               {"dated", record.dated}};
  // Headers may hold any bytes.
  return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// nullopt also for a damaged record: then the bytes are fetched again.
std::optional<Record> parse_record(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  Record record;
  for (const auto& [key, field] :
       {std::pair("etag", &record.etag), std::pair("last_modified", &record.last_modified),
        std::pair("name", &record.name), std::pair("media_type", &record.media_type)}) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_string()) return std::nullopt;
    *field = found->get<std::string>();
  }
  const auto digest = json.find("digest"), size = json.find("size");
  if (digest == json.end() || !digest->is_string() || size == json.end() ||
      !size->is_number_unsigned())
    return std::nullopt;
  auto parsed = Digest::parse(digest->get<std::string>());
  if (!parsed) return std::nullopt;
  record.digest = *std::move(parsed);
  record.size = size->get<std::uint64_t>();
  record.dated = json.value("dated", nlohmann::json()) == true;
  return record;
}

Result<void> check_status(const Response& response, const std::string& shown) {
  const int status = response.status;
  if (status >= 200 && status < 300) return {};
  Errc code = Errc::kUnavailable;
  if (status == 404 || status == 410) code = Errc::kNotFound;
  if (status == 401 || status == 403) code = Errc::kDenied;
  return fail(code, "GET " + shown + ": the server answers " + std::to_string(status));
}

// Tells how far the file has come, a few times a second.
class ReportingSink final : public Sink {
 public:
  ReportingSink(Sink& next, const DownloadRequest& request) : next_(next), request_(request) {}
  void set_total(std::uint64_t total) { total_ = total; }
  Result<void> write(std::string_view bytes) override {
    TRY(next_.write(bytes));
    bytes_ += bytes.size();
    if (bytes_ - reported_ >= kStep && request_.progress)
      request_.progress(reported_ = bytes_, total_);
    return {};
  }

 private:
  static constexpr std::uint64_t kStep = 4u << 20;
  Sink& next_;
  const DownloadRequest& request_;
  std::uint64_t bytes_ = 0, reported_ = 0, total_ = 0;
};

struct Address {
  registry::Url url;
  std::string authorization;
  std::string shown;  // without what may be secret
};

Result<Address> parse_address(const DownloadRequest& request) {
  const std::string plain = without_credentials(request.url);
  Address address{.url = TRY(registry::parse_url(plain.substr(0, plain.find('#')))),
                  .authorization = request.authorization,
                  .shown = {}};
  address.shown = registry::without_query(address.url);
  const std::string user = credentials_in(request.url);
  if (address.authorization.empty() && !user.empty())
    address.authorization = basic_authorization(user);
  return address;
}

std::string header_number(const Response& response, const std::string& name) {
  const std::string text = response.header(name);
  return text.empty() || text.find_first_not_of("0123456789") != std::string::npos ||
                 text.size() > 18
             ? "0"
             : text;
}

}  // namespace

struct Downloader::Parts {
  Options options;
  registry::Transport transport;

  explicit Parts(Options given)
      : options(std::move(given)),
        transport({.ca_file = options.ca_file,
                   .connect_timeout_ms = options.connect_timeout_ms,
                   .stall_ms = options.stall_ms,
                   .cancelled = options.cancelled,
                   .connect_to = {}}) {
    if (options.scratch.empty()) options.scratch = options.directory;
  }

  bool is_unchanged(const Address& address, const Record& record);
  Result<Download> fetch(const DownloadRequest& request, const Address& address,
                         const std::string& place);
};

Downloader::Downloader(Options options) : parts_(std::make_unique<Parts>(std::move(options))) {}
Downloader::~Downloader() = default;

// Servers that know no HEAD, or fail, are asked with GET: no error counts here.
bool Downloader::Parts::is_unchanged(const Address& address, const Record& record) {
  Request request{.method = "HEAD",
                  .url = address.url,
                  .headers = {},
                  .authorization = address.authorization,
                  .body = {},
                  .on_headers = {}};
  if (!record.etag.empty()) request.headers.push_back("If-None-Match: " + record.etag);
  if (record.dated) request.headers.push_back("If-Modified-Since: " + record.last_modified);
  const auto response = transport.perform(request);
  if (!response) return false;
  if (response->status == 304) return true;
  return response->status == 200 && !record.etag.empty() && response->header("etag") == record.etag;
}

Result<Download> Downloader::Parts::fetch(const DownloadRequest& request, const Address& address,
                                          const std::string& place) {
  auto [file, fd] = TRY(TemporaryFile::create(options.scratch));
  os::FileSink disk(std::move(fd), file.path());
  HashingSink hashing(&disk);
  ReportingSink sink(hashing, request);
  const auto choose_sink = [&](const Response& response) -> Result<Sink*> {
    TRY(check_status(response, address.shown));
    sink.set_total(std::stoull(header_number(response, "content-length")));
    return &sink;
  };
  const Response response = TRY(transport.perform({.url = address.url,
                                                   .headers = {},
                                                   .authorization = address.authorization,
                                                   .body = {},
                                                   .on_headers = choose_sink}));
  TRY(hashing.close());
  if (!request.checksum.empty() && hashing.digest() != request.checksum)
    return fail(Errc::kCorrupt, "digest mismatch for " + address.shown + ": it has " +
                                    hashing.digest().text() + ", expected " +
                                    request.checksum.text());
  const Record record{.etag = response.header("etag"),
                      .last_modified = response.header("last-modified"),
                      .name = disposition_name(response.header("content-disposition")),
                      .media_type = response.header("content-type"),
                      .digest = hashing.digest(),
                      .size = hashing.bytes(),
                      .dated = is_strong(response)};
  Download download{.digest = record.digest,
                    .size = record.size,
                    .name = record.name,
                    .modified = parse_http_date(response.header("last-modified")),
                    .media_type = record.media_type,
                    .bytes = std::move(file)};
  // Bytes first: a record without its bytes is fine, the other way round is not.
  if (request.keep) {
    auto kept = TRY(TemporaryFile::link(download.bytes.path(), options.directory));
    TRY(kept.move_to(place + ".bytes"));
  } else {
    TRY(os::unlink(place + ".bytes"));
  }
  if (record.etag.empty() && !record.dated)
    TRY(os::unlink(place));
  else
    TRY(os::replace_file(place, to_json(record), 0600));
  return download;
}

Result<Download> Downloader::get(const DownloadRequest& request) {
  const Options& options = parts_->options;
  const Address address = TRY(parse_address(request));
  TRY(os::mkdirs(options.directory, 0700));
  // Whoever may see more gets a record of its own.
  Hasher hasher;
  hasher.field("lichen download 1").field(to_text(address.url)).field(address.authorization);
  const std::string place = options.directory + "/" + hasher.finish().hex();
  const auto lock = TRY(os::FileLock::exclusive(place + ".lock"));
  os::touch(place + ".lock");  // when it was last used
  std::optional<Record> record;
  if (const auto text = TRY(os::find_file(place))) record = parse_record(*text);
  const auto named = [&](Download download) {
    if (!request.name.empty()) download.name = request.name;
    if (download.name.empty()) download.name = file_name_in_url(request.url);
    return download;
  };
  const bool has_bytes = os::exists(place + ".bytes");
  const bool is_wanted = record && (request.checksum.empty() || record->digest == request.checksum);
  if (is_wanted && (has_bytes || !request.want_bytes) && parts_->is_unchanged(address, *record)) {
    Download download{.digest = record->digest,
                      .size = record->size,
                      .name = record->name,
                      .modified = parse_http_date(record->last_modified),
                      .media_type = record->media_type,
                      .bytes = {}};
    if (has_bytes) download.bytes = TRY(TemporaryFile::link(place + ".bytes", options.scratch));
    return named(std::move(download));
  }
  return named(TRY(parts_->fetch(request, address, place)));
}

}  // namespace lichen::fetch
