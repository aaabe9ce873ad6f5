// bzip2, any number of streams. Only ADD of foreign archives meets it.
#include <bzlib.h>

#include <limits>
#include <optional>
#include <utility>

#include "archive/codecs.h"

namespace lichen::archive {

namespace {

class Bzip2Source final : public Source {
 public:
  explicit Bzip2Source(Peeked from) : from_(std::move(from)) {}
  ~Bzip2Source() override { end_stream(); }

  Result<std::size_t> read(char* buffer, std::size_t size) override {
    if (failed_) return fail(*failed_);
    Result<std::size_t> count = decompress(buffer, size);
    if (!count) failed_ = count.error();
    return count;
  }

 private:
  void end_stream() {
    if (std::exchange(open_, false)) BZ2_bzDecompressEnd(&stream_);
  }

  Result<std::size_t> decompress(char* buffer, std::size_t size) {
    size = std::min<std::size_t>(size, std::numeric_limits<unsigned>::max());
    if (size == 0) return 0;
    for (;;) {
      const bool more = TRY(from_.fill());
      if (!open_) {
        if (!more) return 0;
        stream_ = {};
        if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK)
          return fail(Errc::kInternal, "bzip2: cannot start");
        open_ = true;
      }
      const std::string_view input = from_.bytes();
      stream_.next_in = const_cast<char*>(input.data());
      stream_.avail_in = static_cast<unsigned>(input.size());
      stream_.next_out = buffer;
      stream_.avail_out = static_cast<unsigned>(size);
      const int status = BZ2_bzDecompress(&stream_);
      from_.consume(input.size() - stream_.avail_in);
      const std::size_t count = size - stream_.avail_out;
      if (status == BZ_STREAM_END)
        end_stream();
      else if (status != BZ_OK)
        return fail(Errc::kCorrupt, status == BZ_DATA_ERROR_MAGIC ? "bzip2: garbage at the end"
                                                                  : "bzip2: damaged data");
      if (count > 0) return count;
      if (!more && open_) return fail(Errc::kCorrupt, "bzip2: truncated");
    }
  }

  Peeked from_;
  bz_stream stream_{};
  bool open_ = false;
  std::optional<Error> failed_;
};

}  // namespace

std::unique_ptr<Source> make_bzip2_source(Peeked from) {
  return std::make_unique<Bzip2Source>(std::move(from));
}

}  // namespace lichen::archive
