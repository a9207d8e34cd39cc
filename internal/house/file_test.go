package house_test

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxLines is the longest that a Go file may be. Most have 80 to 250 lines.
const maxLines = 500

// One idea for each file: past this length ask whether two ideas met.
func TestNoFileIsTooLong(t *testing.T) {
	for _, f := range files(t) {
		if n := strings.Count(f.text, "\n"); path.Ext(f.name) == ".go" && n > maxLines {
			t.Errorf("%s has %d lines: split it by ideas, none longer than %d", f.name, n, maxLines)
		}
	}
}

// What is not done is an issue, not a note in the code; what is not supported
// is refused with an error.
func TestNoWorkIsLeftInNotes(t *testing.T) {
	notes := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)
	for _, f := range files(t) {
		if loc := notes.FindStringIndex(f.text); loc != nil {
			t.Errorf("%s:%d: do it, refuse it, or file an issue: %s", f.name, line(f.text, loc[0]), around(f.text, loc[0]))
		}
	}
}

// A checkout works anywhere, so nothing in it may know where it was made:
// neither this directory nor anybody's home.
func TestNoPathOfABuildMachine(t *testing.T) {
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	private := regexp.MustCompile(`/(home|Users)/[a-z][a-z0-9]+/|[A-Z]:\\Users\\`)
	for _, f := range files(t) {
		for _, p := range checkoutPaths(filepath.ToSlash(here)) {
			if i := strings.Index(f.text, p); i >= 0 {
				t.Errorf("%s:%d: names a path of this machine: %s", f.name, line(f.text, i), around(f.text, i))
			}
		}
		if loc := private.FindStringIndex(f.text); loc != nil && f.name != "internal/house/file_test.go" {
			t.Errorf("%s:%d: names somebody's home: %s", f.name, line(f.text, loc[0]), around(f.text, loc[0]))
		}
	}
}

// checkoutPaths are what would betray that a text was written in the checkout
// at dir: the path itself, and the one above it if no other system has that.
func checkoutPaths(dir string) []string {
	everywhere := []string{"/", "/tmp", "/home", "/root", "/usr", "/var", "/opt", "/go", "/go/src", "/src", "/mnt", "/srv"}
	var out []string
	for _, d := range []string{dir, path.Dir(dir)} {
		if !slices.Contains(everywhere, d) && strings.HasPrefix(d, "/") {
			out = append(out, d+"/")
		}
	}
	return out
}

// line is the number of the line that has the byte at offset i.
func line(text string, i int) int { return strings.Count(text[:i], "\n") + 1 }

// around is the line that has the byte at offset i.
func around(text string, i int) string {
	start := strings.LastIndexByte(text[:i], '\n') + 1
	rest, _, _ := strings.Cut(text[start:], "\n")
	return strings.TrimSpace(rest)
}
