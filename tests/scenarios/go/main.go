package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"sync"
	"syscall"
)

func check(err error) {
	if err != nil {
		fmt.Println("error:", err)
	}
}

func main() {
	if len(os.Args) > 1 {
		fmt.Println("again as", os.Getuid(), os.Args[1])
		return
	}
	fmt.Println(os.Getuid(), os.Geteuid(), os.Getgid())
	if u, err := user.Current(); err == nil {
		fmt.Println(u.Username)
	}
	dir, err := os.MkdirTemp("", "g")
	check(err)
	var group sync.WaitGroup
	for i := 0; i < 64; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			name := fmt.Sprintf("%s/f%d", dir, i)
			if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
				fmt.Println("error:", err)
			}
			_ = os.Chown(name, i*100, i)
			_ = os.Mkdir(name+".d", 0o2755)
		}(i)
	}
	group.Wait()
	wrong := 0
	for i := 0; i < 64; i++ {
		var s syscall.Stat_t
		_ = syscall.Lstat(fmt.Sprintf("%s/f%d", dir, i), &s)
		if os.Getuid() == 0 && (int(s.Uid) != i*100 || int(s.Gid) != i) {
			wrong++
		}
	}
	fmt.Println("wrong owners:", wrong)
	self, err := os.Executable()
	fmt.Println(self, err)
	out, err := exec.Command(self, "twice").CombinedOutput()
	fmt.Print(string(out), err, "\n")
	out, err = exec.Command("/proc/self/exe", "by proc").CombinedOutput()
	fmt.Print(string(out), err, "\n")
	check(os.RemoveAll(dir))
}
