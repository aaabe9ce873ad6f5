// sendmsg(2), sendmmsg(2), recvmsg(2): an address, and SCM_CREDENTIALS, behind a pointer. The
// caller's header is never touched: the kernel gets a copy, which points to another address.
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstddef>

#include "bare/address.h"
#include "bare/socket.h"

namespace lichen::bare {

namespace {

// What scm_send takes in one go is less (253 descriptors and a ucred); more is not credentials.
constexpr std::size_t kMaxControl = 4096;
constexpr std::uint64_t kMaxMessages = 1024;  // of sendmmsg
static_assert(sizeof(void*) == 8, "msghdr of this machine and of the step are the same");

std::uint64_t as_address(const void* pointer) {
  return reinterpret_cast<std::uint64_t>(pointer);
}

// nullopt: none, or more than we look at.
std::optional<std::string> read_control(const emulate::Task& task, const msghdr& header) {
  if (header.msg_control == nullptr || header.msg_controllen < sizeof(cmsghdr) ||
      header.msg_controllen > kMaxControl) {
    return std::nullopt;
  }
  std::string control(header.msg_controllen, '\0');
  if (!task.read(as_address(header.msg_control), control.data(), control.size())) {
    return std::nullopt;
  }
  return control;
}

// A message that is sent as something else: SYS_sendmsg with these texts.
struct Translated {
  std::vector<Rewrite::Text> texts;
  std::shared_ptr<const ShortPath> there;
};

// The control buffer with our ids where the step says its own; nullopt: no need. EPERM.
Answer<std::optional<std::string>> claim(const Call& call, Model& model, const msghdr& header) {
  std::optional<std::string> control = read_control(call.task, header);
  if (!control) return std::optional<std::string>();
  const auto credentials = model.credentials(call);
  bool allowed = true;
  const bool changed = change_credentials(*control, [&](const PeerIds& ids) {
    allowed = allowed && may_claim(*credentials, ids);
    return PeerIds{ids.process, model.uid, model.gid};
  });
  if (!allowed) return refuse(EPERM);
  if (!changed) control.reset();
  return control;
}

// nullopt: the message can be sent as it is.
Answer<std::optional<Translated>> translate(const Call& call, Model& model, std::uint64_t address) {
  msghdr header{};
  std::optional<Translated> none;
  if (!call.task.read(address, &header, sizeof header)) return none;
  const auto path = read_address(call.task, as_address(header.msg_name), header.msg_namelen);
  const auto control = claim(call, model, header);
  if (!control) return tl::unexpected(control.error());
  if (!path && !*control) return none;

  Translated translated;
  std::vector<Rewrite::Text> pointed_to;
  Rewrite::Text top{.index = 1};
  if (path) {
    const auto there = reach(call, model, *path);
    if (!there) return tl::unexpected(there.error());
    translated.there = *there;
    const std::string name = to_sockaddr((*there)->path());
    header.msg_namelen = static_cast<socklen_t>(name.size());
    top.pointers.push_back({offsetof(msghdr, msg_name), pointed_to.size() + 1});
    pointed_to.push_back({.index = Rewrite::kNoArgument, .bytes = name});
  }
  if (*control) {
    top.pointers.push_back({offsetof(msghdr, msg_control), pointed_to.size() + 1});
    pointed_to.push_back({.index = Rewrite::kNoArgument, .bytes = **control});
  }
  top.bytes.assign(reinterpret_cast<const char*>(&header), sizeof header);
  translated.texts.push_back(std::move(top));
  for (Rewrite::Text& text : pointed_to) translated.texts.push_back(std::move(text));
  return std::optional<Translated>(std::move(translated));
}

Rewrite send_one(const emulate::Task& task, Translated translated, int flags_arg) {
  Rewrite rewrite{.nr = SYS_sendmsg};
  rewrite.arguments = {task.arg(0), 0, task.arg(static_cast<std::size_t>(flags_arg))};
  rewrite.texts = std::move(translated.texts);
  rewrite.after = [there = std::move(translated.there)](const emulate::Task&, std::int64_t result) {
    return result;
  };
  return rewrite;
}

// sendmmsg may send fewer messages than it was asked to: those before the first that is not sent as
// it stands, or that one alone.
Reply answer_send_many(const Call& call, Model& model) {
  const emulate::Task& task = call.task;
  const std::uint64_t vector = task.arg(1);
  const std::uint64_t count = std::min<std::uint64_t>(task.word_arg(2), kMaxMessages);
  for (std::uint64_t i = 0; i < count; ++i) {
    auto translated = translate(call, model, vector + i * sizeof(mmsghdr));
    if (translated && !*translated) continue;
    if (i > 0) {
      Rewrite rewrite{.nr = SYS_sendmmsg};
      rewrite.arguments = {task.arg(0), vector, i, task.arg(3)};
      return rewrite;
    }
    if (!translated) return translated.error();
    Rewrite rewrite = send_one(task, std::move(**translated), 3);
    rewrite.after = [sent = std::move(rewrite.after), vector](const emulate::Task& sender,
                                                              std::int64_t result) {
      result = sent(sender, result);
      if (result < 0) return result;
      const auto bytes = static_cast<unsigned>(result);
      const bool told = sender.write(vector + offsetof(mmsghdr, msg_len), &bytes, sizeof bytes);
      return told ? std::int64_t{1} : std::int64_t{-EFAULT};
    };
    return rewrite;
  }
  return Continue{};
}

}  // namespace

Reply answer_send_message(const Call& call, Model& model) {
  if (call.task.nr() == SYS_sendmmsg) return answer_send_many(call, model);
  auto translated = translate(call, model, call.task.arg(1));
  if (!translated) return translated.error();
  if (!*translated) return Continue{};
  return send_one(call.task, std::move(**translated), 2);
}

Reply answer_receive_message(const Call& call, Model& model) {
  const emulate::Task& task = call.task;
  msghdr header{};
  const std::uint64_t address = task.arg(1);
  if (!task.read(address, &header, sizeof header)) return Continue{};
  if (header.msg_name == nullptr && header.msg_controllen == 0) return Continue{};
  Rewrite rewrite{.nr = SYS_recvmsg};
  rewrite.arguments = {task.arg(0), address, task.arg(2)};
  rewrite.after = [&model, address, before = header](const emulate::Task& receiver,
                                                     std::int64_t result) {
    if (result < 0) return result;
    if (before.msg_name != nullptr) {
      translate_address(receiver, model.sockets, as_address(before.msg_name), before.msg_namelen,
                        address + offsetof(msghdr, msg_namelen));
    }
    msghdr now{};
    if (!receiver.read(address, &now, sizeof now)) return result;
    now.msg_control = before.msg_control;
    std::optional<std::string> control = read_control(receiver, now);
    const bool changed = control && change_credentials(*control, [&](const PeerIds& ids) {
                           const PeerNow peer = real_ids(model, ids.process, ids.uid, ids.gid);
                           return PeerIds{ids.process, peer.uid, peer.gid};
                         });
    if (changed) receiver.write(as_address(now.msg_control), control->data(), control->size());
    return result;
  };
  return rewrite;
}

}  // namespace lichen::bare
