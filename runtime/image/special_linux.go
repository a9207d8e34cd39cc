package image

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// mkwhiteout marks base as deleted for overlayfs: a character device 0:0, which
// no driver answers (kernel documentation, overlayfs.rst, "whiteouts").
func mkwhiteout(dir *os.File, base string) error {
	return unix.Mknodat(int(dir.Fd()), base, unix.S_IFCHR, 0)
}

// setOpaque hides what the layers below have in the directory.
func setOpaque(dir *os.File) error {
	return unix.Fsetxattr(int(dir.Fd()), "trusted.overlay.opaque", []byte("y"), 0)
}

func mkfifo(dir *os.File, base string) error {
	return unix.Mknodat(int(dir.Fd()), base, unix.S_IFIFO|0o600, 0)
}

// setXattrs sets the attributes that a file may bring along: its capabilities and
// user attributes. Others are the host's business; trusted.overlay.* would even
// tell overlayfs to read elsewhere.
func setXattrs(f *os.File, records map[string]string) error {
	for key, value := range records {
		attr, ok := strings.CutPrefix(key, "SCHILY.xattr.")
		if !ok || (attr != "security.capability" && !strings.HasPrefix(attr, "user.")) {
			continue
		}
		if err := unix.Fsetxattr(int(f.Fd()), attr, []byte(value), 0); err != nil && err != unix.ENOTSUP {
			return &os.PathError{Op: "setxattr " + attr, Path: f.Name(), Err: err}
		}
	}
	return nil
}
