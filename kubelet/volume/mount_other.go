//go:build !linux

package volume

import "errors"

func canMount() bool { return false }

func mountTmpfs(string, int64) error { return errors.New("mounting needs Linux") }

func unmountBelow(string) error { return nil }
