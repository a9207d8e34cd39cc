package main

import (
	"fmt"
	"io"
	"runtime"
	"strings"
)

// A table is printed as its lines come.
type table struct{ w io.Writer }

// newTable returns a table, and says where it was made.
func newTable(w io.Writer) *table {
	fmt.Fprintf(w, "%s, %d processors, %s/%s, %s\n", processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	return &table{w}
}

func (t *table) head(columns ...string) {
	fmt.Fprintln(t.w)
	t.row(columns...)
	fmt.Fprintln(t.w, "|---|"+strings.Repeat("---:|", len(columns)-1))
}

func (t *table) row(columns ...string) {
	fmt.Fprintln(t.w, "| "+strings.Join(columns, " | ")+" |")
}

// number returns a number without decimals, in groups of three digits.
func number(n float64) string {
	s := fmt.Sprintf("%.0f", n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func ratio(n float64) string { return fmt.Sprintf("%.2f", n) }

// micros returns a number of microseconds.
func micros(n float64) string { return fmt.Sprintf("%.1f", n) }
