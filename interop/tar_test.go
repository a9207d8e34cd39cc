package interop_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// tarProgram is as much of tar as kubectl cp asks for: of one file, `tar cf - FILE`
// and `tar -xmf - -C DIR`. Files are those of the container's process.
func tarProgram(container *goroutine.Process) goroutine.Program {
	return func(_ context.Context, p *goroutine.Process) int {
		var err error
		switch options := strings.TrimPrefix(p.Args[1], "-"); {
		case strings.HasPrefix(options, "c"):
			err = pack(container, p.Stdout, p.Args[len(p.Args)-1])
		case strings.HasPrefix(options, "x"):
			err = unpack(container, p.Stdin, p.Args[len(p.Args)-1])
		default:
			err = fmt.Errorf("unknown options %v", p.Args[1:])
		}
		if err != nil {
			fmt.Fprintln(p.Stderr, "tar:", err)
			return 1
		}
		return 0
	}
}

func pack(container *goroutine.Process, w io.Writer, name string) error {
	data, err := container.ReadFile(name)
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	err = out.WriteHeader(&tar.Header{Name: strings.TrimPrefix(name, "/"), Mode: 0o644, Size: int64(len(data))})
	if err == nil {
		_, err = out.Write(data)
	}
	return errors.Join(err, out.Close())
}

func unpack(container *goroutine.Process, r io.Reader, dir string) error {
	in := tar.NewReader(r)
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		file, err := container.OpenFile(path.Join(dir, header.Name), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, in)
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
}
