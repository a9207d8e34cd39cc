package house_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Go code in a document is either a whole file, which must compile, or an
// excerpt of a file that does. In an excerpt a line of "…" stands for any lines
// left out; comments, blank lines and indentation may differ. So whoever
// changes the code is told which page to change with it, and whoever writes a
// page writes the code as an Example first.
func TestGoInDocumentsCompiles(t *testing.T) {
	all := files(t)
	var sources []source
	for _, f := range all {
		if path.Ext(f.name) == ".go" {
			sources = append(sources, source{f.name, essence(f.text)})
		}
	}
	for _, f := range all {
		if path.Ext(f.name) != ".md" {
			continue
		}
		for _, block := range goBlocks(f.text) {
			switch {
			case strings.HasPrefix(strings.TrimSpace(block), "package "):
				if out, err := compile(t, block); err != nil {
					t.Errorf("%s: a program does not compile: %v\n%s\n%s", f.name, err, out, block)
				}
			case !excerptOfAny(sources, essence(block)):
				t.Errorf("%s: this code is in no Go file of the repository; write it as an Example and copy it:\n%s", f.name, block)
			}
		}
	}
}

// A source is a Go file as its essence.
type source struct {
	name  string
	lines []string
}

var fence = regexp.MustCompile("(?ms)^[ \t]*```go\n(.*?)^[ \t]*```")

// goBlocks returns the fenced Go blocks of a document.
func goBlocks(text string) []string {
	var out []string
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

var comment = regexp.MustCompile(`(^|\s)//.*`)

// essence is what of a text must agree: its lines without comments and
// indentation, and with one blank where they have several.
func essence(text string) []string {
	var out []string
	for l := range strings.Lines(text) {
		if l = strings.Join(strings.Fields(comment.ReplaceAllString(l, "")), " "); l != "" {
			out = append(out, l)
		}
	}
	return out
}

func excerptOfAny(sources []source, want []string) bool {
	for _, s := range sources {
		if excerpt(s.lines, want) {
			return true
		}
	}
	return false
}

// excerpt reports whether the lines want are in have, in one piece but for
// their gaps.
func excerpt(have, want []string) bool {
	var pieces [][]string
	var piece []string
	for _, l := range want {
		if l == "…" {
			pieces, piece = append(pieces, piece), nil
		} else {
			piece = append(piece, l)
		}
	}
	for _, piece := range append(pieces, piece) {
		at := find(have, piece)
		if at < 0 {
			return false
		}
		have = have[at+len(piece):]
	}
	return true
}

// find returns where piece begins in have, or -1.
func find(have, piece []string) int {
	for i := 0; i+len(piece) <= len(have); i++ {
		j := 0
		for j < len(piece) && have[i+j] == piece[j] {
			j++
		}
		if j == len(piece) {
			return i
		}
	}
	return -1
}

// compile builds a program as if it were a package of this module.
func compile(t *testing.T, text string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	real := filepath.Join(dir, "main.go")
	require.NoError(t, os.WriteFile(real, []byte(text), 0o600))
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	imagined := filepath.Join(here, "internal", "house", "snippet", "main.go")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{imagined: real}})
	require.NoError(t, err)
	config := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(config, overlay, 0o600))
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", os.DevNull, "-overlay", config, "./internal/house/snippet")
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	return string(out), err
}
