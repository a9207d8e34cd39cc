package house_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// links finds the target of [text](target) and of ![text](target).
var links = regexp.MustCompile(`\]\(([^()\s]+)\)`)

// codeSpan finds `code` within a line.
var codeSpan = regexp.MustCompile("`[^`\n]*`")

// A link within the repository leads to a file or folder that is there, and
// its #fragment to a heading. Line numbers are refused: they are wrong tomorrow.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	for _, f := range files(t) {
		if path.Ext(f.name) != ".md" {
			continue
		}
		for _, m := range links.FindAllStringSubmatch(codeSpan.ReplaceAllString(withoutCode(f.text), ""), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if problem := follow(f, m[1]); problem != "" {
				t.Errorf("%s links to %s: %s", f.name, m[1], problem)
			}
		}
	}
}

// follow says what is wrong with a link in a document, if anything.
func follow(f file, link string) string {
	target, fragment, hasFragment := strings.Cut(link, "#")
	name := f.name
	if target != "" {
		name = path.Join(path.Dir(f.name), target)
	}
	info, err := os.Stat(filepath.Join(root, filepath.FromSlash(name)))
	switch {
	case strings.HasPrefix(name, "../"):
		return "outside the repository"
	case err != nil:
		return "there is no such file"
	case !hasFragment:
		return ""
	case info.IsDir() || path.Ext(name) != ".md":
		return "link to the file, and name the function: line numbers move"
	}
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return err.Error()
	}
	for _, heading := range headings(string(data)) {
		if heading == fragment {
			return ""
		}
	}
	return "there is no such heading"
}

// headings returns the fragments by which a document's headings are reached.
func headings(text string) []string {
	var out []string
	for l := range strings.Lines(withoutCode(text)) {
		if title := strings.TrimLeft(l, "#"); title != l && strings.HasPrefix(title, " ") {
			out = append(out, slug(title))
		}
	}
	return out
}

// slug is how GitHub makes a heading's fragment: lower case, blanks to hyphens,
// other marks left out.
func slug(title string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(title)) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f && !strings.ContainsRune("–—…→’“”", r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// withoutCode is a document without its fenced blocks.
func withoutCode(text string) string {
	var b strings.Builder
	fenced := false
	for l := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(l), "```") {
			fenced = !fenced
			continue
		}
		if !fenced {
			b.WriteString(l)
		}
	}
	return b.String()
}
