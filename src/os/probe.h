// The experiments behind host.h. Each runs in a process of its own, which it may spoil, and says
// "ok" or what failed. Private to module os.
#pragma once

#include <functional>
#include <string>

namespace lichen::os {

// What `work` returns, run in a forked process; a sentence when that process dies.
std::string in_child(const std::function<std::string()>& work);

namespace probe {
std::string overlay(const std::string& store);
std::string fresh_proc();
std::string seccomp_notify();  // "ok" and the names of optional features
std::string seccomp_trace();   // a system call of a child stops, and the tracer sees it
}  // namespace probe

}  // namespace lichen::os
