//go:build linux

package main

import (
	"os"
	"os/exec"
	"syscall"

	"github.com/containerd/console"
)

// A terminal is a pseudo-terminal for a program to run at. Reading and writing
// it is what its user sees and types.
type terminal struct {
	console.Console
	path string
}

func openTerminal() (*terminal, error) {
	c, path, err := console.NewPty()
	if err != nil {
		return nil, err
	}
	if err := c.Resize(console.WinSize{Height: 24, Width: 80}); err != nil {
		c.Close()
		return nil, err
	}
	return &terminal{c, path}, nil
}

// start starts a program at the terminal.
func (t *terminal) start(cmd *exec.Cmd) error {
	tty, err := os.OpenFile(t.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer tty.Close() // The program has it now.
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	return cmd.Start()
}
