package programs

import "io"

// CoracleAPI returns bin/coracle as an API server on loopback, with its objects in
// a boltstore in dir. Its certificates are in dir/pki and are made there if they
// are not. What it says goes to log; further flags come last.
func CoracleAPI(dir string, log io.Writer, flags ...string) (*Program, error) {
	path, err := Find("coracle")
	if err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(1)
	if err != nil {
		return nil, err
	}
	return &Program{
		Name: "coracle apiserver", Address: addresses[0], log: log,
		command: append([]string{path, "apiserver",
			"--data-dir", dir,
			"--listen", addresses[0],
		}, flags...),
	}, nil
}
