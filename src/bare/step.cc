#include "bare/step.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "bare/devices.h"
#include "bare/launch.h"
#include "bare/model.h"
#include "bare/notifier.h"
#include "bare/tracer.h"
#include "emulate/listener.h"
#include "os/file.h"

namespace lichen::bare {

namespace {

Result<Mount> root_mount(const std::string& root) {
  Mount mount{.target = "", .source = root};
  mount.fd = TRY(os::open(root, O_PATH | O_DIRECTORY));
  return mount;
}

Result<Mount> volume_mount(const Volume& volume) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(volume.source.c_str(), nullptr),
                                                         &std::free);
  if (real == nullptr) return fail(os_error("open", volume.source));
  Mount mount{.target = volume.target,
              .source = real.get(),
              .kind = volume.keeps_records ? Mount::Kind::kOwn : Mount::Kind::kHost,
              .read_only = volume.read_only};
  while (!mount.target.empty() && mount.target.back() == '/') mount.target.pop_back();
  if (mount.target.empty() || mount.target.front() != '/')
    return fail(Errc::kInvalid, "a volume needs an absolute path below /: " + volume.target);
  mount.fd = TRY(os::open(mount.source, O_PATH));
  return mount;
}

Result<Tree> make_tree(const Options& options, emulate::FileTable& files) {
  std::vector<Mount> mounts;
  mounts.push_back(TRY(root_mount(options.root)));
  for (Mount& mount : TRY(standard_mounts(options.scratch, files)))
    mounts.push_back(std::move(mount));
  for (const Volume& volume : options.volumes) mounts.push_back(TRY(volume_mount(volume)));
  return Tree::make(std::move(mounts));
}

// Not as emulate::load_records: here a file that a record is about may be deleted, and its inode
// number used again. So every record goes by birth time, too.
void load_records(emulate::FileTable& files, const os::UniqueFd& root,
                  const owners::Owners& below) {
  for (const auto& [path, record] : below.all()) {
    const auto file = os::open_beneath(root, path.empty() ? "." : path, O_PATH | O_NOFOLLOW);
    if (!file) continue;
    struct statx status {};
    if (::statx(file->get(), "", AT_EMPTY_PATH, emulate::kStatusMask, &status) != 0) continue;
    files.put(status, record);
  }
}

Result<std::uint32_t> random_magic() {
  std::uint32_t magic = 0;
  while (magic == 0) {
    if (::getrandom(&magic, sizeof magic, 0) != sizeof magic)
      return fail(os_error("getrandom", ""));
  }
  return magic;
}

Result<std::shared_ptr<Model>> make_model(Options& options, const Stdio& stdio) {
  std::vector<Mount> only_root;
  only_root.push_back(TRY(root_mount(options.root)));
  auto model =
      std::make_shared<Model>(TRY(Tree::make(std::move(only_root))),
                              emulate::credentials_of(options.uid, options.gid, options.groups),
                              TRY(SocketDirectory::make(options.scratch)));
  model->tree = TRY(make_tree(options, model->root.files));
  load_records(model->root.files, model->tree.root().fd, options.owners);
  for (const Volume& volume : options.volumes) {
    if (!volume.keeps_records || volume.owners.empty()) continue;
    load_records(model->root.files, TRY(os::open(volume.tree, O_PATH | O_DIRECTORY)),
                 volume.owners);
  }
  model->proc = TRY(os::open("/proc", O_PATH | O_DIRECTORY));
  model->hostname = options.hostname;

  const struct stat root = TRY(os::fstat(model->tree.root().fd));
  TRY(os::mkdirs(options.scratch + "/copies", 0700));
  model->frozen = std::make_unique<Frozen>(
      std::move(options.frozen), std::move(options.frozen_directories), root.st_dev,
      TRY(os::open(options.scratch + "/copies", O_RDONLY | O_DIRECTORY)));

  model->frozen->hold_fifos(std::move(options.fifos));

  model->texts = model->tree.real_path(model->frozen->scratch());
  for (const os::UniqueFd* stream : {&stdio.in, &stdio.out, &stdio.err}) model->give(*stream);

  const std::string fifos = options.scratch + "/fifo";
  TRY(os::mkdirs(fifos, 0700));
  model->fifos.use(fifos);

  const std::string programs = options.scratch + "/exec";
  TRY(os::mkdirs(programs, 0700));
  auto told = std::make_shared<os::UniqueFd>(TRY(os::duplicate(stdio.err)));
  model->executables.use_stub(TRY(write_stub(programs)), TRY(random_magic()),
                              [told](const std::string& text) {
                                const auto written = os::write_all(*told, "lichen: " + text + "\n");
                                static_cast<void>(written);  // the call's errno says the rest
                              });
  model->executables.use_emulators(options.emulators);
  return model;
}

// A call that is answered takes a few, and one that goes to many files takes more.
void allow_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Error cannot_trace(int os_errno) {
  Error error = os_error(os_errno, "trace", "the step's first process");
  error.hint =
      "tier bare needs ptrace(2): kernel.yama.ptrace_scope must be 0 or 1, and an outer container "
      "must allow it";
  return error;
}

// The tracer's thread, and what it reports.
class TracerThread {
 public:
  TracerThread(Tracer& tracer, pid_t child) : tracer_(tracer), child_(child) {}
  TracerThread(const TracerThread&) = delete;
  TracerThread& operator=(const TracerThread&) = delete;
  ~TracerThread() {
    if (thread_.joinable()) thread_.join();
  }

  Result<void> start() {
    std::future<int> seized = seized_.get_future();
    try {
      thread_ = std::thread([this] {
        const int error = tracer_.seize(child_);
        seized_.set_value(error);
        if (error == 0) status_ = tracer_.run();
      });
    } catch (const std::system_error& error) {
      return fail(os_error(error.code().value(), "pthread_create", "the tracer"));
    }
    if (const int error = seized.get(); error != 0) return fail(cannot_trace(error));
    return {};
  }
  int join() {
    thread_.join();
    return status_;
  }

 private:
  Tracer& tracer_;
  pid_t child_;
  std::promise<int> seized_;
  int status_ = 0;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace

Result<Ended> run(Options options, Stdio stdio) {
  // Orphans of the step become ours, and its processes may not look into this one.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const std::shared_ptr<Model> model = TRY(make_model(options, stdio));
  Tracer tracer(*model);
  Notifier notifier(*model, tracer);

  Launched launched = TRY(Launched::fork(options, *model, std::move(stdio)));
  stdio = {};  // only the step keeps its output open now
  allow_descriptors();
  TRY(launched.await_alive());
  TracerThread thread(tracer, launched.pid());
  TRY(thread.start());
  std::unique_ptr<emulate::Listener> listener;  // ends before the tracer's thread is joined: a
                                                // failure below has killed the child by then
  const auto start = [&]() -> Result<void> {
    auto fd = TRY(launched.prepare());
    model->ptrace_only = !fd.has_value();
    if (fd) {
      listener = TRY(emulate::Listener::start(
          std::move(*fd), [&](const os::UniqueFd& from, const seccomp_notif& notice) {
            notifier.serve(from, notice);
          }));
    }
    tracer.start();
    if (options.on_start) options.on_start(launched.pid());
    return launched.start();
  };
  auto started = start();
  if (!started) ::kill(launched.pid(), SIGKILL);
  const int status = thread.join();
  if (!started) return fail(std::move(started).error());
  if (listener) listener->stop();
  return Ended{.status = os::wait_status(status),
               .record_of = [model](const struct statx& of) { return model->record_of(of); },
               .changed_fifos = model->frozen->changed_fifos()};
}

}  // namespace lichen::bare
