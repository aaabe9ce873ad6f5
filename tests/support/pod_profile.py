#!/usr/bin/python3
"""pod_profile.py - the seccomp profile that container runtimes call RuntimeDefault, for a pod without capabilities.

Docker's profiles/seccomp/default.json (containerd's has the same rules) is a template: its rules hold
for some architectures, kernels and capabilities. evaluate() makes of it what the runtime-spec calls
linux.seccomp, as runc reads it; program() makes the filter itself, with libseccomp through ctypes, and
puts before it what runc puts there: a number newer than every rule is ENOSYS, not EPERM.
Run alone it prints where the profile is: of the installed package, else fetched once with apt-get into
the tests' cache, because the package wants 250 others.
"""
import ctypes
import json
import os
import pathlib
import platform
import re
import struct
import subprocess
import sys
import tempfile

PACKAGE = "golang-github-docker-docker-dev"
FILE = "profiles/seccomp/default.json"
ERRNO, ALLOW = 0x00050000, 0x7FFF0000
ACTIONS = {"SCMP_ACT_ERRNO": ERRNO, "SCMP_ACT_ALLOW": ALLOW, "SCMP_ACT_LOG": 0x7FFC0000, "SCMP_ACT_TRAP": 0x00030000,
           "SCMP_ACT_TRACE": 0x7FF00000, "SCMP_ACT_KILL": 0, "SCMP_ACT_KILL_THREAD": 0, "SCMP_ACT_KILL_PROCESS": 0x80000000}
OPERATORS = {"SCMP_CMP_NE": 1, "SCMP_CMP_LT": 2, "SCMP_CMP_LE": 3, "SCMP_CMP_EQ": 4, "SCMP_CMP_GE": 5, "SCMP_CMP_GT": 6,
             "SCMP_CMP_MASKED_EQ": 7}
EPERM, ENOSYS = 1, 38
X32_BIT = 0x40000000
# machine: what the profile calls it in `arches`, and in `archMap`
MACHINES = {"x86_64": ("amd64", "SCMP_ARCH_X86_64"), "aarch64": ("arm64", "SCMP_ARCH_AARCH64")}
# Numbers of calls that a libseccomp of 2022 does not know; the same on every machine above.
NEWER = {name: 451 + i for i, name in enumerate((
    "cachestat", "fchmodat2", "map_shadow_stack", "futex_wake", "futex_wait", "futex_requeue", "statmount", "listmount",
    "lsm_get_self_attr", "lsm_set_self_attr", "lsm_list_modules", "mseal", "setxattrat", "getxattrat", "listxattrat",
    "removexattrat", "open_tree_attr", "file_getattr", "file_setattr"))}


def cache_dir():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME", "/nonexistent"), ".cache")
    path = pathlib.Path(home) / "lichen-test"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        path = pathlib.Path(os.environ.get("TMPDIR", "/var/tmp")) / f"lichen-test-cache-{os.getuid()}"
        path.mkdir(exist_ok=True)
    return path


def find():
    """The path of the profile; a RuntimeError says why there is none."""
    told = os.environ.get("LICHEN_TEST_POD_PROFILE")
    if told:
        return told
    listing = subprocess.run(["dpkg", "-L", PACKAGE], capture_output=True, text=True)
    for line in listing.stdout.splitlines():
        if line.endswith(FILE):
            return line
    kept = cache_dir() / "pod-profile.json"
    if not kept.exists():
        with tempfile.TemporaryDirectory() as work:
            os.chmod(work, 0o755)  # apt's own user reads there
            get = subprocess.run(["apt-get", "-q", "download", PACKAGE], cwd=work, capture_output=True, text=True)
            if get.returncode != 0:
                raise RuntimeError(f"apt-get download {PACKAGE}: {get.stderr.strip().splitlines()[-1]}")
            (deb,) = pathlib.Path(work).glob("*.deb")
            with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as tar:
                found = subprocess.run(["tar", "-xO", "--wildcards", "*/" + FILE], stdin=tar.stdout, capture_output=True, check=True)
            json.loads(found.stdout)
            new = kept.with_suffix(f".{os.getpid()}")
            new.write_bytes(found.stdout)
            new.rename(kept)
    return str(kept)


def version(text):
    return tuple(int(n) for n in re.match(r"(\d+)\.(\d+)", text).groups())


def evaluate(profile, caps=(), machine=None, kernel=None):
    """linux.seccomp for a process whose bounding set is `caps`."""
    machine, kernel = machine or platform.machine(), version(kernel or platform.release())
    arch, token = MACHINES[machine]

    def holds(rule):
        yes, no = rule.get("includes") or {}, rule.get("excludes") or {}
        return (all(c in caps for c in yes.get("caps") or ())
                and (not yes.get("arches") or arch in yes["arches"])
                and (not yes.get("minKernel") or kernel >= version(yes["minKernel"]))
                and not any(c in caps for c in no.get("caps") or ())
                and arch not in (no.get("arches") or ())
                and not (no.get("minKernel") and kernel >= version(no["minKernel"])))

    seccomp = {"defaultAction": profile["defaultAction"], "architectures": [token], "syscalls": []}
    for entry in profile.get("archMap") or ():
        if entry["architecture"] == token:
            seccomp["architectures"] += entry.get("subArchitectures") or []
    if "defaultErrnoRet" in profile:
        seccomp["defaultErrnoRet"] = profile["defaultErrnoRet"]
    for rule in filter(holds, profile["syscalls"]):
        call = {"names": rule.get("names") or [rule["name"]], "action": rule["action"], "args": rule.get("args") or []}
        if "errnoRet" in rule:
            call["errnoRet"] = rule["errnoRet"]
        seccomp["syscalls"].append(call)
    return seccomp


class Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def alternatives(args):
    """Each is one rule: conditions on several arguments hold together, on one argument each alone (as runc has it)."""
    conditions = [Compare(a["index"], OPERATORS[a["op"]], a["value"], a.get("valueTwo", 0)) for a in args]
    if len({c.arg for c in conditions}) == len(conditions):
        return [conditions]
    return [[c] for c in conditions]


def program(seccomp):
    """(the filter's bytes, names of calls that nobody here has a number for)."""
    lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    lib.seccomp_init.restype = ctypes.c_void_p
    lib.seccomp_release.argtypes = [ctypes.c_void_p]
    lib.seccomp_arch_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    lib.seccomp_arch_resolve_name.restype = ctypes.c_uint32
    lib.seccomp_syscall_resolve_name_arch.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    lib.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint,
                                           ctypes.POINTER(Compare)]
    lib.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]

    def action(name, errno):
        return ACTIONS[name] | (errno if name in ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE") else 0)

    def must(result, what):
        if result != 0:
            raise OSError(-result, f"libseccomp: {what}")

    default = action(seccomp["defaultAction"], seccomp.get("defaultErrnoRet", EPERM))
    context = lib.seccomp_init(ctypes.c_uint32(default))
    tokens = [lib.seccomp_arch_resolve_name(a.removeprefix("SCMP_ARCH_").lower().encode()) for a in seccomp["architectures"]]
    native = lib.seccomp_arch_native()  # libseccomp's context has it already
    newest = dict.fromkeys(tokens, 0)
    unknown, by_number = [], []
    for token in tokens:
        if ctypes.c_uint32(native).value != token:
            must(lib.seccomp_arch_add(context, token), "arch_add")
    for call in seccomp["syscalls"]:
        verdict = action(call["action"], call.get("errnoRet", EPERM))
        for name in call["names"]:
            number = lib.seccomp_syscall_resolve_name(name.encode())
            if number == -1:
                if name in NEWER and not call["args"]:
                    by_number.append((NEWER[name], verdict))
                    for token in newest:
                        newest[token] = max(newest[token], NEWER[name])
                else:
                    unknown.append(name)
                continue
            for token in newest:
                newest[token] = max(newest[token], lib.seccomp_syscall_resolve_name_arch(token, name.encode()))
            if verdict == default:
                continue
            for conditions in alternatives(call["args"]):
                array = (Compare * len(conditions))(*conditions)
                must(lib.seccomp_rule_add_array(context, verdict, number, len(conditions), array), name)
    with tempfile.TemporaryFile() as file:
        must(lib.seccomp_export_bpf(context, file.fileno()), "export_bpf")
        file.seek(0)
        body = file.read()
    lib.seccomp_release(context)
    return prologue(newest, by_number, seccomp["architectures"]) + body, unknown


def prologue(newest, by_number, architectures):
    """Instructions before libseccomp's; they end in a verdict or fall through."""
    load, jump_equal, jump_greater, jump_at_least, ret = 0x20, 0x15, 0x25, 0x35, 0x06
    audit = {"SCMP_ARCH_X86_64": 0xC000003E, "SCMP_ARCH_X86": 0x40000003, "SCMP_ARCH_X32": 0xC000003E,
             "SCMP_ARCH_AARCH64": 0xC00000B7, "SCMP_ARCH_ARM": 0x40000028}

    def instruction(code, k, true=0, false=0):
        return struct.pack("=HBBI", code, true, false, k)

    code = b""
    for name, token in zip(architectures, newest):
        block = b""
        if name == architectures[0]:  # the machine's own
            for number, verdict in by_number:
                block += instruction(jump_equal, number, 0, 1) + instruction(ret, verdict)
        # A plain number above every rule; x32's numbers have their bit, and so are above 64-bit's.
        limit = newest[token] | (X32_BIT if name == "SCMP_ARCH_X32" else 0)
        if name == "SCMP_ARCH_X86_64":
            block += instruction(jump_at_least, X32_BIT, 2, 0)
        block += instruction(jump_greater, limit, 0, 1) + instruction(ret, ERRNO | ENOSYS)
        code += instruction(load, 4) + instruction(jump_equal, audit[name], 0, len(block) // 8 + 1)
        code += instruction(load, 0) + block
    return code


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def install(code):
    """Puts this process under the filter; it has no_new_privs already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(22, 2, ctypes.byref(Program(len(code) // 8, code)), 0, 0) != 0:  # PR_SET_SECCOMP, FILTER
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_SECCOMP)")


def read(path=None):
    return json.loads(pathlib.Path(path or find()).read_text())


if __name__ == "__main__":
    try:
        print(find())
    except RuntimeError as error:
        sys.exit(f"pod_profile: {error}")
