package differ

import (
	"fmt"
	"strings"
)

// A Report collects the differences of many requests.
type Report struct {
	requests, same int
	sections       []section
}

// A section is a file's differing requests.
type section struct {
	name    string
	entries []entry
}

type entry struct {
	request Request
	found   []Difference
}

// Add notes how a request of a file went.
func (r *Report) Add(file string, request Request, found []Difference) {
	r.requests++
	if len(found) == 0 {
		r.same++
		return
	}
	if n := len(r.sections); n == 0 || r.sections[n-1].name != file {
		r.sections = append(r.sections, section{name: file})
	}
	last := &r.sections[len(r.sections)-1]
	last.entries = append(last.entries, entry{request, found})
}

// Summary is one line.
func (r *Report) Summary() string {
	return fmt.Sprintf("%d requests, %d answered in the same way, %d differently", r.requests, r.same, r.requests-r.same)
}

const preface = `# How Coracle's API differs from kube-apiserver's

*Written by the differential test of ` + "`interop/api`" + `, which sends the same requests to the real
kube-apiserver v1.37.2 on the real etcd and to ours, and compares status, headers and bodies but for what each
server makes up itself: UIDs, revisions, times, addresses.*

`

// Markdown tells all differences.
func (r *Report) Markdown() string {
	var b strings.Builder
	b.WriteString(preface)
	fmt.Fprintf(&b, "%s.\n", r.Summary())
	for _, s := range r.sections {
		fmt.Fprintf(&b, "\n## %s\n", s.name)
		for _, e := range s.entries {
			fmt.Fprintf(&b, "\n**%s** `%s %s`\n\n| | kube-apiserver | Coracle |\n|---|---|---|\n", e.request.Title, e.request.Method, e.request.Path)
			for _, d := range e.found {
				fmt.Fprintf(&b, "| `%s` | %s | %s |\n", d.Path, cell(d.Want), cell(d.Have))
			}
		}
	}
	return b.String()
}

// longest is how many bytes of a value a table shows.
const longest = 240

func cell(text string) string {
	if len(text) > longest {
		text = text[:longest] + "…"
	}
	return strings.NewReplacer("|", `\|`, "\n", "⏎", "<", "&lt;").Replace(text)
}
