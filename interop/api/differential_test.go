package api_test

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/interop/api/differ"
)

var (
	update = flag.Bool("update", false, "write docs/differences.md")
	only   = flag.String("only", "", "run only the files and kinds whose names contain this, and print what differs")
)

// document is where the differences are told.
const document = "../../docs/differences.md"

// The same requests get the same answers from the real kube-apiserver and from
// ours, but for the differences that docs/differences.md lists. A new difference
// fails the test, and so does one that is gone: run it with -update then.
func TestDifferences(t *testing.T) {
	kube, coracle := theirs(t), ours(t)
	var report differ.Report
	for _, file := range append(requestFiles(t), kindFiles(t, kube)...) {
		if !strings.Contains(file.Name, *only) {
			continue
		}
		requests := append(prelude(file.Namespace), file.Requests...)
		for i, r := range requests {
			want, err := kube.Ask(t.Context(), r, file.Namespace)
			require.NoError(t, err, r.Title)
			have, err := coracle.Ask(t.Context(), r, file.Namespace)
			require.NoError(t, err, r.Title)
			if i >= len(requests)-len(file.Requests) {
				report.Add(file.Name, r, differ.Compare(want, have))
			}
		}
	}
	t.Log(report.Summary())
	if *only != "" {
		t.Log(report.Markdown())
		return
	}
	if *update {
		require.NoError(t, os.WriteFile(document, []byte(report.Markdown()), 0o644))
		return
	}
	told, err := os.ReadFile(document)
	require.NoError(t, err)
	for _, line := range unexpected(string(told), report.Markdown()) {
		t.Error(line)
	}
}

// unexpected returns the lines that one text has and the other has not.
func unexpected(told, heard string) (lines []string) {
	before, now := strings.Split(told, "\n"), strings.Split(heard, "\n")
	for _, line := range now {
		if !slices.Contains(before, line) {
			lines = append(lines, "differs now: "+line)
		}
	}
	for _, line := range before {
		if !slices.Contains(now, line) {
			lines = append(lines, "no longer differs (run with -update): "+line)
		}
	}
	return lines
}

// A file is a sequence of requests with a namespace of its own.
type file struct {
	Name, Namespace string
	Requests        []differ.Request
}

func requestFiles(t *testing.T) (files []file) {
	paths, err := filepath.Glob("testdata/requests/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		requests, err := differ.Parse(string(text))
		require.NoError(t, err, path)
		files = append(files, file{Name: name, Namespace: "ns-" + name, Requests: requests})
	}
	return files
}

// prelude makes the namespace, with the account that no controller is there to make.
func prelude(namespace string) []differ.Request {
	return []differ.Request{
		{Title: "prelude: namespace", Method: http.MethodPost, Path: "/api/v1/namespaces", Header: http.Header{},
			Body: "{apiVersion: v1, kind: Namespace, metadata: {name: $NS}}"},
		{Title: "prelude: account", Method: http.MethodPost, Path: "/api/v1/namespaces/$NS/serviceaccounts", Header: http.Header{},
			Body: "{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}}"},
	}
}
