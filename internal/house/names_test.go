package house_test

import (
	"go/ast"
	"go/token"
	"slices"
	"testing"
)

// What a package exports it explains: units, errors, ownership, and who may
// call it when. A method that implements an interface may say only that.
func TestEveryExportedNameIsExplained(t *testing.T) {
	for _, p := range packages(t) {
		if !p.public() {
			continue
		}
		for _, f := range p.files {
			var before ast.Decl
			for _, d := range f.Decls {
				for _, name := range unexplained(d) {
					if !sameMethod(before, d) {
						t.Errorf("%s: %s has no comment", p.dir, name)
					}
				}
				before = d
			}
		}
	}
}

// unexplained returns the exported names that a declaration makes without a word.
func unexplained(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && receiverExported(d) && !everybodyKnows(d) {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		if d.Tok == token.IMPORT || d.Doc != nil && d.Lparen.IsValid() && d.Tok != token.TYPE {
			return nil // One comment explains a group.
		}
		var out []string
		for _, spec := range d.Specs {
			out = append(out, unexplainedIn(d, spec)...)
		}
		return out
	}
	return nil
}

func unexplainedIn(d *ast.GenDecl, spec ast.Spec) []string {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
			return []string{s.Name.Name}
		}
	case *ast.ValueSpec:
		if s.Names[0].IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
			return []string{s.Names[0].Name}
		}
	}
	return nil
}

// receiverExported reports whether a function is one, or a method of a type
// that others see.
func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	exported := true
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && exported {
			exported = id.IsExported()
			return false
		}
		return true
	})
	return exported
}

// sameMethod reports whether d is a method of the same name as the declaration
// before it, on another type: one comment explains a block of those.
func sameMethod(before, d ast.Decl) bool {
	a, okA := before.(*ast.FuncDecl)
	b, okB := d.(*ast.FuncDecl)
	return okA && okB && b.Recv != nil && a.Recv != nil && a.Name.Name == b.Name.Name
}

// everybodyKnows reports whether a method is one of those whose name says all.
func everybodyKnows(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"String", "Error", "Unwrap"}, d.Name.Name)
}
