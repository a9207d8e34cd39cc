package apiserver_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest" // time stands still in a story, so ages are told, too

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "rewrite the stories with what the server answers")

// TestStories tells what the server answers, as files to read. A story is a
// list of steps against one server, each:
//
//	# what happens here
//	METHOD /path
//	Header: value
//	show: metadata.name spec.replicas
//	{"the": "body"}
//	=> the code, warnings, and the answer as YAML
//
// With show, only those fields of the answer are told; with "show: -" none.
// UIDs and times are not told, nor, unless they are asked for, who manages the
// fields: kubectl hides that, too.
func TestStories(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.story")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".story"), func(t *testing.T) {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			var told string
			synctest.Test(t, func(t *testing.T) { told = tell(start(t), string(data)) })
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(told), 0o644))
			}
			require.Empty(t, cmp.Diff(string(data), told))
		})
	}
}

// tell runs the steps of a story and writes it anew with the answers given.
func tell(f *fixture, story string) string {
	var out strings.Builder
	for i, step := range strings.Split(strings.TrimSpace(story), "\n\n") {
		if i > 0 {
			out.WriteString("\n")
		}
		question := strings.Split(regexp.MustCompile(`(?s)\n=> .*`).ReplaceAllString(step, ""), "\n")
		out.WriteString(strings.Join(question, "\n") + "\n")
		out.WriteString(answer(f, question))
		synctest.Wait() // until the cache has seen it
	}
	return out.String()
}

// answer sends a step's request.
func answer(f *fixture, lines []string) string {
	for strings.HasPrefix(lines[0], "#") {
		lines = lines[1:]
	}
	method, path, _ := strings.Cut(lines[0], " ")
	lines = lines[1:]
	header := regexp.MustCompile(`^[A-Z][A-Za-z-]+: `)
	var headers []string
	var show string
	for ; len(lines) > 0; lines = lines[1:] {
		if selected, ok := strings.CutPrefix(lines[0], "show: "); ok {
			show = selected
		} else if header.MatchString(lines[0]) {
			headers = append(headers, lines[0])
		} else {
			break
		}
	}
	w := f.request(method, path, strings.Join(lines, "\n"), headers...)
	text := fmt.Sprintf("=> %d %s\n", w.Code, http.StatusText(w.Code))
	for _, warning := range w.Header().Values("Warning") {
		text += "Warning: " + warning + "\n"
	}
	return text + describe(w.Body.Bytes(), show)
}

// dropManagers takes managedFields out of an object, or of those in a list.
func dropManagers(obj map[string]any) {
	if metadata, ok := obj["metadata"].(map[string]any); ok {
		delete(metadata, "managedFields")
	}
	items, _ := obj["items"].([]any)
	for _, item := range items {
		if inner, ok := item.(map[string]any); ok {
			dropManagers(inner)
		}
	}
}

// describe writes a JSON answer, or part of it, as YAML.
func describe(data []byte, show string) string {
	var body fields
	if json.Unmarshal(data, &body) != nil {
		return strings.TrimSpace(string(data)) + "\n"
	}
	if show == "-" {
		return ""
	}
	shown := body
	if show != "" && body.text("status") != "Failure" {
		shown = fields{}
		for _, path := range strings.Fields(show) {
			shown[path] = body.at(path)
			if path == "names" {
				shown[path] = body.names()
			}
		}
	}
	if show == "" {
		dropManagers(shown)
	}
	told, err := yaml.Marshal(map[string]any(shown))
	if err != nil {
		return err.Error() + "\n"
	}
	text := regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`).ReplaceAllString(string(told), "UID")
	text = regexp.MustCompile(`"?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"?`).ReplaceAllString(text, "TIME")
	return strings.ReplaceAll(text, "\n\n", "\n")
}
