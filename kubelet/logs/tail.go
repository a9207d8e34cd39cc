package logs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
)

// start opens the files to read for the last n lines, oldest first, and says
// how much of the first one to skip. Negative n means all lines.
func start(file string, n int64) ([]*os.File, int64, error) {
	names, err := rotated(file)
	if err != nil {
		return nil, 0, err
	}
	names = append(names, file)
	var files []*os.File
	for i := len(names) - 1; i >= 0; i-- {
		f, err := os.Open(names[i])
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return files, 0, err
		}
		files = append([]*os.File{f}, files...)
		if n < 0 {
			continue
		}
		skip, found, err := lastLines(f, n)
		if err != nil || found >= n {
			return files, skip, err
		}
		n -= found
	}
	return files, 0, nil
}

const block = 32 << 10

// lastLines returns where the last n lines of a file begin, and how many lines
// there are if fewer. It reads from the end, a block at a time.
func lastLines(f *os.File, n int64) (offset, found int64, err error) {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil || n == 0 {
		return end, 0, err
	}
	buffer := make([]byte, block)
	for at := end; at > 0; {
		size := min(block, at)
		at -= size
		part := buffer[:size]
		if _, err := f.ReadAt(part, at); err != nil {
			return 0, 0, err
		}
		for i := len(part); ; {
			i = bytes.LastIndexByte(part[:i], '\n')
			if i < 0 {
				break
			}
			if at+int64(i) == end-1 {
				continue // the end of the last line, not the start of one
			}
			if found++; found == n {
				return at + int64(i) + 1, found, nil
			}
		}
	}
	if end > 0 {
		found++
	}
	return 0, found, nil
}
