package differ

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
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

// Keys names the differences, a line each: file, title, and path in the answer.
func (r *Report) Keys() []string {
	var keys []string
	for _, s := range r.sections {
		for _, e := range s.entries {
			for _, d := range e.found {
				keys = append(keys, strings.Join([]string{s.name, e.request.Title, general(d.Path)}, "\t"))
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// common is how many files must share a difference for it to be told once.
const common = 3

// A habit is a difference that many files share.
type habit struct {
	title, path string
	first       Difference
	files       []string
}

// Markdown tells all differences: why they are, which the caller knows, then
// those that many kinds have in common, then the others.
func (r *Report) Markdown(reasons string) string { return r.tell(reasons, cell, r.habits()) }

// Whole tells every difference by itself, with values as long as they are.
func (r *Report) Whole() string {
	return r.tell("", func(text string) string { return strconv.Quote(text) }, nil)
}

func (r *Report) tell(reasons string, cell func(string) string, habits []*habit) string {
	var b strings.Builder
	b.WriteString(preface)
	fmt.Fprintf(&b, "%s.\n%s", r.Summary(), reasons)
	if len(habits) > 0 {
		b.WriteString("\n## In many kinds\n\n| request | | kube-apiserver, for example | Coracle | in |\n|---|---|---|---|---|\n")
	}
	shared := map[[2]string]bool{}
	for _, h := range habits {
		shared[[2]string{h.title, h.path}] = true
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s |\n", h.title, h.path, cell(h.first.Want), cell(h.first.Have), strings.Join(h.files, ", "))
	}
	for _, s := range r.sections {
		s.write(&b, shared, cell)
	}
	return b.String()
}

// habits collects what is to be told once, in the order of its first appearance.
func (r *Report) habits() []*habit {
	var all []*habit
	byKey := map[[2]string]*habit{}
	for _, s := range r.sections {
		for _, e := range s.entries {
			for _, d := range e.found {
				key := [2]string{e.request.Title, general(d.Path)}
				h := byKey[key]
				if h == nil {
					h = &habit{title: key[0], path: key[1], first: d}
					byKey[key] = h
					all = append(all, h)
				}
				if name := s.short(); !slices.Contains(h.files, name) {
					h.files = append(h.files, name)
				}
			}
		}
	}
	return slices.DeleteFunc(all, func(h *habit) bool { return len(h.files) < common })
}

var index = regexp.MustCompile(`\[\d+\]`)

// general is a path without the numbers of list items.
func general(path string) string { return index.ReplaceAllString(path, "[]") }

// short is the file's name, or the kind it is about.
func (s section) short() string {
	fields := strings.Fields(s.name)
	return fields[len(fields)-1]
}

// write tells of a file's requests what is not shared.
func (s section) write(b *strings.Builder, shared map[[2]string]bool, cell func(string) string) {
	begun := false
	for _, e := range s.entries {
		own := slices.DeleteFunc(slices.Clone(e.found), func(d Difference) bool {
			return shared[[2]string{e.request.Title, general(d.Path)}]
		})
		if len(own) == 0 {
			continue
		}
		if !begun {
			fmt.Fprintf(b, "\n## %s\n", s.name)
			begun = true
		}
		fmt.Fprintf(b, "\n**%s** `%s %s`\n\n| | kube-apiserver | Coracle |\n|---|---|---|\n", e.request.Title, e.request.Method, e.request.Path)
		for _, d := range own {
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", d.Path, cell(d.Want), cell(d.Have))
		}
	}
}

// longest is how many bytes of a value a table shows.
const longest = 160

func cell(text string) string {
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return strings.NewReplacer("|", `\|`, "\n", "⏎", "<", "&lt;").Replace(text)
}
