//go:build linux

package shim

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// consoleSocket is where runc connects to hand over a terminal (runc,
// docs/terminals.md, "--console-socket").
const consoleSocket = "console.sock"

// consolePath is the socket's path for runc, which runs in another directory and,
// like everybody, takes no more than 107 bytes.
func consolePath() string { return fmt.Sprintf("/proc/%d/cwd/%s", os.Getpid(), consoleSocket) }

type console struct{ l *net.UnixListener }

func listenConsole() (*console, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: consoleSocket, Net: "unix"})
	if err != nil {
		return nil, err
	}
	return &console{l}, nil
}

// Receive returns the terminal that runc sent before it exited.
func (c *console) Receive() (*os.File, error) {
	conn, err := c.l.AcceptUnix()
	if err != nil {
		return nil, err
	}
	name, rights := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := conn.ReadMsgUnix(name, rights)
	if err := errors.Join(err, conn.Close(), c.Close()); err != nil {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil {
		return nil, err
	}
	if len(messages) != 1 {
		return nil, errors.New("no file descriptor in the message")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, err
	}
	if len(fds) != 1 {
		return nil, errors.New("not one file descriptor in the message")
	}
	unix.CloseOnExec(fds[0])
	// Without blocking, so that the poller, not a thread, waits for the terminal.
	if err := unix.SetNonblock(fds[0], true); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fds[0]), "terminal"), nil
}

func (c *console) Close() error { return c.l.Close() }

func resize(terminal *os.File, width, height uint16) error {
	raw, err := terminal.SyscallConn()
	if err != nil {
		return err
	}
	var ioctl error
	err = raw.Control(func(fd uintptr) {
		ioctl = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: height, Col: width})
	})
	return errors.Join(err, ioctl)
}
