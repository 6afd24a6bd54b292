package main

import (
	"os/exec"
	"syscall"
)

// bindToParent has the system end a child whose parent was killed before it could. (It goes by the thread that started
// the child; Go keeps its threads.)
func bindToParent(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
