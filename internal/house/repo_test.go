package house_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the repository, from this package's directory.
const root = "../.."

// A file is a text file of the repository, named by its path from the root
// with slashes.
type file struct {
	name string
	text string
}

// files returns the repository's text files. What is built (bin), and what git
// and other tools keep in hidden folders, is left out; .ci is ours.
func files(t *testing.T) []file {
	t.Helper()
	var out []file
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case d.IsDir() && (name == "bin" || strings.HasPrefix(base, ".") && name != "." && name != ".ci"):
			return fs.SkipDir
		case !d.Type().IsRegular() || strings.HasSuffix(name, ".test") || strings.HasSuffix(name, ".prof"):
			return nil
		}
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if os.IsNotExist(err) {
			return nil // Somebody's editor or test was quicker.
		}
		if err != nil || bytes.IndexByte(data, 0) >= 0 {
			return err
		}
		out = append(out, file{name, string(data)})
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, out)
	return out
}

// A pkg is one package of the main module, with its test files.
type pkg struct {
	dir   string // from the root, with slashes
	files []*ast.File
	tests []*ast.File
}

// packages returns the packages of the main module. The modules below it
// (interop, tools) and the folders that Go ignores are left out.
func packages(t *testing.T) []*pkg {
	t.Helper()
	byDir := map[string]*pkg{}
	var out []*pkg
	for _, f := range files(t) {
		dir := path.Dir(f.name)
		if path.Ext(f.name) != ".go" || ignored(dir) {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.name, f.text, parser.ParseComments)
		require.NoError(t, err)
		p := byDir[dir]
		if p == nil {
			p = &pkg{dir: dir}
			byDir[dir], out = p, append(out, p)
		}
		if strings.HasSuffix(f.name, "_test.go") {
			p.tests = append(p.tests, parsed)
		} else {
			p.files = append(p.files, parsed)
		}
	}
	require.NotEmpty(t, out)
	return out
}

// ignored reports whether the main module has no packages in a folder.
func ignored(dir string) bool {
	for _, part := range strings.Split(dir, "/") {
		if part == "testdata" {
			return true
		}
	}
	top, _, _ := strings.Cut(dir, "/")
	return top == "interop" || top == "tools"
}

// public reports whether the package is for others to import.
func (p *pkg) public() bool {
	return !strings.Contains("/"+p.dir+"/", "/internal/") && !strings.HasPrefix(p.dir, "examples/") && !p.program()
}

// program reports whether the package is a program rather than a library.
func (p *pkg) program() bool {
	return len(p.files) > 0 && p.files[0].Name.Name == "main"
}
