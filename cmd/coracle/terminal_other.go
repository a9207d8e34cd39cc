//go:build !linux

package main

import (
	"errors"
	"io"
	"os/exec"
)

// A terminal is for the demo, which needs Linux.
type terminal struct{ io.ReadWriteCloser }

func openTerminal() (*terminal, error) { return nil, errors.ErrUnsupported }

func (*terminal) start(*exec.Cmd) error { return errors.ErrUnsupported }
