//go:build linux

package runc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"

	"github.com/coracle-k8s/coracle/runtime"
	"golang.org/x/sys/unix"
)

// runTerminal runs the command on a terminal. runc makes the command's terminal
// itself and passes on what it reads and how large its own is, so runc gets one
// of ours.
func (x *execution) runTerminal(s runtime.Streams) error {
	ours, theirs, err := openTerminal()
	if err != nil {
		return fmt.Errorf("open terminal: %w", err)
	}
	x.cmd.Stdin, x.cmd.Stdout, x.cmd.Stderr = theirs, theirs, theirs
	x.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	select {
	case size := <-s.Resize: // the first size, if it is known already
		setSize(ours, size)
	default:
	}
	if err := errors.Join(x.cmd.Start(), theirs.Close()); err != nil {
		return errors.Join(err, ours.Close())
	}
	var copying sync.WaitGroup
	copying.Go(func() {
		// Ends with EIO when nobody has the other side open any more.
		_, _ = io.Copy(orDiscard(s.Stdout), ours)
	})
	done := make(chan struct{})
	copying.Go(func() { resizeUntil(done, ours, s.Resize) })
	if s.Stdin != nil {
		go func() { _, _ = io.Copy(ours, s.Stdin) }() // see runPipes
	}
	err = x.cmd.Wait()
	close(done)
	copying.Wait()
	return errors.Join(err, ours.Close())
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

func resizeUntil(done <-chan struct{}, terminal *os.File, sizes <-chan runtime.TerminalSize) {
	for {
		select {
		case <-done:
			return
		case size, ok := <-sizes:
			if !ok {
				return
			}
			setSize(terminal, size)
		}
	}
}

func setSize(terminal *os.File, size runtime.TerminalSize) {
	raw, err := terminal.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Height, Col: size.Width})
	})
}

// openTerminal returns both sides of a new pseudo-terminal (pts(4)).
func openTerminal() (ours, theirs *os.File, err error) {
	ours, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	raw, err := ours.SyscallConn()
	if err != nil {
		return nil, nil, errors.Join(err, ours.Close())
	}
	var number int
	var ioctl error
	err = raw.Control(func(fd uintptr) {
		if ioctl = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); ioctl == nil {
			number, ioctl = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err := errors.Join(err, ioctl); err != nil {
		return nil, nil, errors.Join(err, ours.Close())
	}
	theirs, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, errors.Join(err, ours.Close())
	}
	return ours, theirs, nil
}
