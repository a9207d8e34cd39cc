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
	only   = flag.String("only", "", "run only the files and kinds whose names contain this, and print what differs, values whole")
)

const (
	// document is where the differences are told.
	document = "../../docs/differences.md"
	// known has a line for each that may be.
	known = "testdata/differences.txt"
	// reasons tells why they may be.
	reasons = "testdata/reasons.md"
)

// The same requests get the same answers from the real kube-apiserver and from
// ours, but for the differences that docs/differences.md tells. A new difference
// fails the test; run it with -update when one is gone.
func TestDifferences(t *testing.T) {
	kube, coracle := theirs(t), ours(t)
	var report differ.Report
	for _, file := range slices.Concat(requestFiles(t), kindFiles(t, kube), changeFiles(t, kube)) {
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
		t.Log(report.Whole())
		return
	}
	if *update {
		why, err := os.ReadFile(reasons)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(document, []byte(report.Markdown("\n"+string(why))), 0o644))
		require.NoError(t, os.WriteFile(known, []byte(strings.Join(report.Keys(), "\n")+"\n"), 0o644))
		return
	}
	told, err := os.ReadFile(known)
	require.NoError(t, err)
	before := strings.Split(string(told), "\n")
	for _, key := range report.Keys() {
		if !slices.Contains(before, key) && !settling(key) {
			t.Errorf("this differs now: %s (see it with -v -only, and write it down with -update if it is right)", key)
		}
	}
	for _, key := range before {
		if key != "" && !slices.Contains(report.Keys(), key) {
			t.Logf("this no longer differs, at least this time: %s", key)
		}
	}
}

// settling says whether a difference may come and go: the status of these kinds is
// written by loops of the server, of which a request may be ahead, and who manages
// the fields with it.
func settling(key string) bool {
	name, _, _ := strings.Cut(key, "\t")
	for _, kind := range []string{"apiservices", "customresourcedefinitions", "flowschemas", "prioritylevelconfigurations", "servicecidrs", "customresources", "policies"} {
		if strings.HasSuffix(name, kind) {
			return true
		}
	}
	return strings.Contains(key, "managedFields")
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
