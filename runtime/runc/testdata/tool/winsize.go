package main

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"
)

// winsize waits until the terminal has the size 40 by 100 and says so.
func winsize() {
	for range 500 {
		var ws struct{ rows, cols, x, y uint16 }
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, 0, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&ws)))
		if errno != 0 {
			fail(errno.Error())
		}
		if ws.rows == 40 && ws.cols == 100 {
			fmt.Println("40x100")
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	fail("the size did not come")
}
