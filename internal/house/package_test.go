package house_test

import (
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// How many lines a package's comment has at least. Examples have a README.
const (
	publicComment   = 12
	internalComment = 5
	exampleComment  = 1
)

// A package opens on what it is for. One that others import has room to say
// what its contract is, how data flows through it, where to start reading, and
// what Kubernetes does differently.
func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		want := internalComment
		switch {
		case p.public():
			want = publicComment
		case strings.HasPrefix(p.dir, "examples/"):
			want = exampleComment
		}
		var comments []string
		for _, f := range p.files {
			if f.Doc != nil {
				comments = append(comments, f.Doc.Text())
			}
		}
		switch lines := strings.Count(strings.Join(comments, ""), "\n"); {
		case len(p.files) == 0: // Tests only.
		case len(comments) > 1:
			t.Errorf("%s: %d files have a package comment: one is enough, in doc.go", p.dir, len(comments))
		case lines < want:
			t.Errorf("%s: the package comment has %d lines: want %d or more", p.dir, lines, want)
		}
	}
}

// An Example is the shortest way to see a package at work, and the only
// documentation that fails when it is wrong.
func TestEveryPackageHasAnExample(t *testing.T) {
	for _, p := range packages(t) {
		if p.public() && !p.hasExample() {
			t.Errorf("%s: no Example function with // Output: in its tests", p.dir)
		}
	}
}

func (p *pkg) hasExample() bool {
	for _, f := range p.tests {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Example") && hasOutput(f, fn) {
				return true
			}
		}
	}
	return false
}

// hasOutput reports whether go test runs the example rather than only compile
// it. One that cannot be run says why: "... is compiled but not run".
func hasOutput(f *ast.File, fn *ast.FuncDecl) bool {
	if strings.Contains(fn.Doc.Text(), "compiled but not run") {
		return true
	}
	for _, c := range f.Comments {
		text := strings.ToLower(c.Text())
		if fn.Pos() < c.Pos() && c.End() < fn.End() &&
			(strings.HasPrefix(text, "output:") || strings.HasPrefix(text, "unordered output:")) {
			return true
		}
	}
	return false
}

// Whoever reads the book comes by every package. It is named by its path.
// Examples have a README beside them instead.
func TestEveryPackageIsInTheBook(t *testing.T) {
	var book strings.Builder
	for _, f := range files(t) {
		if path.Ext(f.name) == ".md" && (path.Dir(f.name) == "docs" || path.Dir(f.name) == ".") {
			book.WriteString(f.text)
		}
	}
	for _, p := range packages(t) {
		if !mentions(book.String(), p.dir) && !p.hasReadme() {
			t.Errorf("%s: no chapter of docs/ names it", p.dir)
		}
	}
}

// hasReadme reports whether an example is explained beside it.
func (p *pkg) hasReadme() bool {
	for dir := p.dir; strings.HasPrefix(dir, "examples/"); dir = path.Dir(dir) {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(dir), "README.md")); err == nil {
			return true
		}
	}
	return false
}

// mentions reports whether a text names a path, not only one that it begins.
func mentions(text, dir string) bool {
	for rest := text; ; {
		_, after, found := strings.Cut(rest, dir)
		if !found {
			return false
		}
		if after == "" || !strings.ContainsRune("/abcdefghijklmnopqrstuvwxyz0123456789_", rune(after[0])) ||
			strings.HasPrefix(after, "/)") {
			return true
		}
		rest = after
	}
}
