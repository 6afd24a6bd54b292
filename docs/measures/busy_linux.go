package main

import (
	"bytes"
	"os"
	"strconv"
)

// busy is how much time processors have worked so far, in ticks of a hundredth of a second: for everybody on this machine,
// and for this process and its children. It is false where the system does not tell.
func (s *stage) busy() (all, ours int64, ok bool) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, false
	}
	first, _, _ := bytes.Cut(stat, []byte("\n"))
	for i, field := range bytes.Fields(first) {
		switch n, _ := strconv.ParseInt(string(field), 10, 64); i {
		case 1, 2, 3, 6, 7: // user, nice, system, interrupts; not idle, nor waiting for a disk
			all += n
		}
	}
	ours = ticks(os.Getpid())
	for _, c := range s.children {
		if c.running() {
			ours += ticks(c.cmd.Process.Pid)
		}
	}
	return all, ours, true
}

// ticks is what one process has worked; 0 if it is no more.
func ticks(pid int) (n int64) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// The name, in brackets, may hold anything; user and system time are the 12th and 13th field behind it.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	for i := 11; i <= 12 && i < len(fields); i++ {
		t, _ := strconv.ParseInt(string(fields[i]), 10, 64)
		n += t
	}
	return n
}
