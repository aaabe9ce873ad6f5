// What the attempts of escapes share: facts about the host that the test outside gives, results,
// and small tools. An attempt runs in a process of its own and says what came of it.
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define STOPPED "stopped"
#define ESCAPED "ESCAPED"

struct Attempt {
  const char* name;
  const char* (*run)(void);
  // Run directly on the host, as the same user, it escapes; or the reason why it does not even
  // there.
  const char* not_on_host;
};
// Each ends with a nameless one.
extern const struct Attempt read_attempts[], mount_attempts[], process_attempts[],
    signal_attempts[], outlive_attempts[], race_attempts[], text_attempts[], other_attempts[],
    exhaust_attempts[];

// Every secret of the host begins so; what follows is never known to a step.
#define TAG "host-witness:"

// Facts: lines KEY=VALUE of the file that the test gives.
void read_facts(const char* path);
const char* fact(const char* key);  // "": unknown
long fact_number(const char* key);
extern pid_t parent_of_step;
int on_host(void);  // this run is the one without lichen

const char* verdict(int escaped);
const char* not_here(const char* why);  // the reason is printed
const char* sent(int signal);           // the victim tells whether it got it
const char* left(const char* name);     // the test looks for a process of that name
const char* said(const char* format, ...) __attribute__((format(printf, 1, 2)));

// Paths on the host.
const char* secret(void);               // the file with a secret
const char* host_directory(void);       // where it is
const char* in_host(const char* name);  // a name there
const char* joined(const char* before, const char* after);

int fd_tells(int fd);  // it can be read and begins with TAG; closes it
int file_tells(const char* path);
int file_at_tells(int directory, const char* path);
int runs_program_of_host(const char* path);  // exit status 42 is that of the host's
int runs(const char* path);                  // the exit status; -1
#define MARK_OF_HOST 42

// Processes that are neither ours nor our children, as far as they can be found: all in /proc, the
// victim, the builder and its neighbours. Ends with 0.
const pid_t* others(void);
pid_t victim(void);
pid_t builder(void);
#define FOR_OTHERS(pid) \
  for (const pid_t *at_ = others(), pid##_ = 0; (void)pid##_, *at_ != 0; ++at_)

// A directory of our own to work in; the working directory afterwards.
void work_in(const char* name);
void put(const char* path, const char* text, int mode);
// On the host, where a user is no root: namespaces of our own, in which we are. 0: done, or no
// need.
int become_root(void);
double now(void);  // seconds

int witness(const char* directory);  // the victim; see witness.c
int hold(const char* path);          // another step with a secret
int with_key(const char* secret_text, char** command);
int keeper(const char* status_path, char** command);  // see keeper.c
int is_left(const char* name, double seconds);  // exit status 0: a process of that name is there
